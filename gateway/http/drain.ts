/** What is being answered now, and how a gateway ends: nothing new, everything under way to its end or to a bound, then nothing left open. */
import type { Server as Listener, ServerResponse } from 'node:http';
import type { Clock, Milliseconds } from '../core/shared/time.ts';
import type { ByteAccount, ExecutionHandle, RoutedRequest } from '../exchange/contract.ts';
import { ActiveSet } from './active-set.ts';

interface RunningExecution {
  readonly execution: ExecutionHandle;
  readonly request: RoutedRequest;
}

export class Drain {
  isDraining = false;
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #responses = new ActiveSet<ServerResponse>();
  readonly #executions = new ActiveSet<RunningExecution>();
  #idle: (() => void) | undefined;

  constructor(clock: Clock, listener: Listener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  get inFlight(): number {
    return this.#responses.size;
  }

  /** What is being executed. */
  get requests(): readonly RoutedRequest[] {
    return [...this.#executions].map(({ request }) => request);
  }

  /** Counted until its response is closed, which releases `bytes`. */
  track(response: ServerResponse, bytes?: Pick<ByteAccount, 'release'>): void {
    const remove = this.#responses.add(response);
    response.on('close', () => {
      remove();
      bytes?.release();
      if (this.#responses.size === 0) this.#idle?.();
    });
  }

  /** Counted until what is given back is called: when its record is sealed, which may be after its caller has left. */
  trackExecution(execution: ExecutionHandle, request: RoutedRequest): () => void {
    const { bytes } = request;
    const remove = this.#executions.add({ execution, request });
    if (!bytes) return remove;
    bytes.hold();
    let isHeld = true;
    return () => {
      remove();
      if (isHeld) bytes.release();
      isHeld = false;
    };
  }

  /** Refuses what is new, waits so long for what is under way, then cuts it. */
  async end(graceMs: Milliseconds): Promise<void> {
    this.isDraining = true;
    for (const response of this.#responses) if (!response.headersSent) response.shouldKeepAlive = false;
    this.#listener.closeIdleConnections();
    if (this.#responses.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      const cancel = this.#clock.at(this.#clock.now() + graceMs, resolve);
      await promise;
      cancel();
    }
    const closed = this.#listener.listening ? new Promise<void>(resolve => this.#listener.close(() => resolve())) : undefined;
    const executions = [...this.#executions];
    for (const { execution } of executions) execution.cancel();
    await Promise.allSettled(executions.map(({ execution }) => execution.done));
    this.#listener.closeAllConnections();
    await closed;
  }

  /** Cuts now. */
  closeNow(): void {
    this.#idle?.();
  }
}
