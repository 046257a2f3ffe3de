import type { Usage } from '../core/chat/chat.ts';
import type { Failure } from '../core/shared/failure.ts';
import type { AttemptKind } from '../core/targets/attempt-kind.ts';
import type { Observation } from '../core/targets/observation.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { ExecutionEnvironment } from './contract.ts';

/** What the fleet learns of a call. */
export type ObservedAttempt = Pick<Attempt, 'elapsedMs' | 'firstTokenMs' | 'hasOpened' | 'limitsSeen'>;

export interface AttemptIdentity {
  readonly target: string;
  readonly credential: string;
  readonly kind: AttemptKind;
  /** What the call is reckoned to need. */
  readonly tokens: number;
}

type ObservationBody<O = Observation> = O extends Observation ? Omit<O, 'target' | 'credential' | 'tokens' | 'at'> : never;

export class HealthReporter {
  readonly #environment: Pick<ExecutionEnvironment, 'observe' | 'clock'>;
  readonly #attempt: AttemptIdentity;
  #isOver = false;

  constructor(environment: Pick<ExecutionEnvironment, 'observe' | 'clock'>, attempt: AttemptIdentity) {
    this.#environment = environment;
    this.#attempt = attempt;
    this.#report({ type: 'asked', kind: attempt.kind });
  }

  answered(attempt: ObservedAttempt, usage: Pick<Usage, 'input' | 'output'> | undefined): void {
    this.#reportOnce({
      type: 'answered',
      firstTokenMs: attempt.firstTokenMs,
      totalMs: attempt.elapsedMs,
      ...(usage ? { tokensUsed: usage.input + usage.output } : {}),
      ...limitsOf(attempt),
    });
  }

  /** `attempt` is absent when not even a call came of it. */
  failed(failure: Failure, attempt: ObservedAttempt | undefined): void {
    this.#reportOnce({ type: 'failed', failure, ...(attempt ? { afterMs: attempt.elapsedMs, ...limitsOf(attempt) } : {}) });
  }

  aborted(attempt: ObservedAttempt): void {
    this.#reportOnce({ type: 'aborted', afterMs: attempt.elapsedMs, opened: attempt.hasOpened });
  }

  #reportOnce(observation: ObservationBody): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#report(observation);
  }

  #report(observation: ObservationBody): void {
    const { target, credential, tokens } = this.#attempt;
    this.#environment.observe({ target, credential, tokens, at: this.#environment.clock.now(), ...observation } as Observation);
  }
}

const limitsOf = ({ limitsSeen: limits }: ObservedAttempt) => (limits ? { limits } : {});
