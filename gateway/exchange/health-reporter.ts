import type { Usage } from '../core/chat/chat.ts';
import type { Failure } from '../core/shared/failure.ts';
import type { AttemptKind } from '../core/targets/attempt-kind.ts';
import type { Observation } from '../core/targets/observation.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { ExecutionEnvironment } from './contract.ts';

/** What the fleet learns of a call. */
export type ObservedAttempt = Pick<Attempt, 'elapsedMs' | 'firstTokenMs' | 'hasOpened' | 'limitsSeen'>;

type Observed = Observation & { readonly type: 'answered' };
type Answered = { -readonly [Member in keyof Observed]: Observed[Member] };

export interface AttemptIdentity {
  readonly target: string;
  readonly credential: string;
  readonly kind: AttemptKind;
  /** Estimated tokens of the call. */
  readonly tokens: number;
  /** A retry with another key of the account. */
  readonly otherKey?: true | undefined;
}

/** Reports one attempt to the fleet: that it was sent, and once how it ended. */
export class HealthReporter {
  readonly #environment: Pick<ExecutionEnvironment, 'observe' | 'clock'>;
  readonly #attempt: AttemptIdentity;
  #isOver = false;

  constructor(environment: Pick<ExecutionEnvironment, 'observe' | 'clock'>, attempt: AttemptIdentity) {
    this.#environment = environment;
    this.#attempt = attempt;
    const { target, credential, tokens, kind, otherKey } = attempt;
    const sent = { target, credential, tokens, at: environment.clock.now(), type: 'sent' as const, kind };
    environment.observe(otherKey ? { ...sent, otherKey } : sent);
  }

  answered(attempt: ObservedAttempt, usage: Pick<Usage, 'input' | 'output'> | undefined): void {
    if (this.#hasEnded()) return;
    const { target, credential, tokens } = this.#attempt;
    const { firstTokenMs, elapsedMs: totalMs, limitsSeen: limits } = attempt;
    const at = this.#environment.clock.now();
    const observation: Answered = { target, credential, tokens, at, type: 'answered', firstTokenMs, totalMs };
    if (usage) observation.tokensUsed = usage.input + usage.output;
    if (limits) observation.limits = limits;
    this.#environment.observe(observation);
  }

  /** `attempt` is absent when not even a call came of it. */
  failed(failure: Failure, attempt: ObservedAttempt | undefined): void {
    if (this.#hasEnded()) return;
    const { target, credential, tokens } = this.#attempt;
    const limits = attempt?.limitsSeen;
    this.#environment.observe({
      ...{ target, credential, tokens, at: this.#environment.clock.now(), type: 'failed', failure },
      ...(attempt ? { afterMs: attempt.elapsedMs } : {}),
      ...(limits ? { limits } : {}),
    });
  }

  aborted(attempt: ObservedAttempt): void {
    if (this.#hasEnded()) return;
    const { target, credential, tokens } = this.#attempt;
    const { elapsedMs: afterMs, hasOpened: opened } = attempt;
    this.#environment.observe({ target, credential, tokens, at: this.#environment.clock.now(), type: 'aborted', afterMs, opened });
  }

  /** False once, and true from then on. */
  #hasEnded(): boolean {
    const wasOver = this.#isOver;
    this.#isOver = true;
    return wasOver;
  }
}
