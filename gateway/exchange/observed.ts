import type { Usage } from '../core/chat.ts';
import type { AttemptKind } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Observation } from '../core/fleet.ts';
import type { Attempt } from './attempt.ts';
import type { ExecutionEnvironment } from './execute.ts';

/** What the fleet learns of a call. */
export type Seen = Pick<Attempt, 'elapsedMs' | 'firstTokenMs' | 'hasOpened' | 'limitsSeen'>;

export interface About {
  readonly target: string;
  readonly credential: string;
  readonly kind: AttemptKind;
  /** What the call is reckoned to need. */
  readonly tokens: number;
}

type Said<O = Observation> = O extends Observation ? Omit<O, 'target' | 'credential' | 'tokens' | 'at'> : never;

export class Observed {
  readonly #world: Pick<ExecutionEnvironment, 'observe' | 'clock'>;
  readonly #about: About;
  #isOver = false;

  constructor(world: Pick<ExecutionEnvironment, 'observe' | 'clock'>, about: About) {
    this.#world = world;
    this.#about = about;
    this.#tell({ type: 'asked', kind: about.kind });
  }

  answered(attempt: Seen, usage: Pick<Usage, 'input' | 'output'> | undefined): void {
    this.#end({
      type: 'answered',
      firstTokenMs: attempt.firstTokenMs,
      totalMs: attempt.elapsedMs,
      ...(usage ? { tokensUsed: usage.input + usage.output } : {}),
      ...limitsSeen(attempt),
    });
  }

  /** `attempt` is absent when not even a call came of it. */
  failed(failure: Failure, attempt: Seen | undefined): void {
    this.#end({ type: 'failed', failure, ...(attempt ? { afterMs: attempt.elapsedMs, ...limitsSeen(attempt) } : {}) });
  }

  aborted(attempt: Seen): void {
    this.#end({ type: 'aborted', afterMs: attempt.elapsedMs, opened: attempt.hasOpened });
  }

  #end(said: Said): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell(said);
  }

  #tell(said: Said): void {
    const { target, credential, tokens } = this.#about;
    this.#world.observe({ target, credential, tokens, at: this.#world.clock.now(), ...said } as Observation);
  }
}

const limitsSeen = ({ limitsSeen: limits }: Seen) => (limits ? { limits } : {});
