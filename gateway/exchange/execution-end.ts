import type { Exchange } from '../core/exchange.ts';
import type { ExecutionObserver } from './contract.ts';

type Ending = { readonly exchange: Exchange } | { readonly problem: unknown };

/** The end of one execution, reported once, to its observer and to its promise. */
export class ExecutionEnd {
  readonly #observer: ExecutionObserver | undefined;
  #ending: Ending | undefined;
  /** Most executions are observed and never waited for. */
  #promise: PromiseWithResolvers<Exchange> | undefined;

  constructor(observer: ExecutionObserver | undefined) {
    this.#observer = observer;
  }

  get promise(): Promise<Exchange> {
    if (!this.#promise) {
      this.#promise = Promise.withResolvers<Exchange>();
      this.#settle();
    }
    return this.#promise.promise;
  }

  ended(exchange: Exchange): void {
    if (this.#ending) return;
    this.#ending = { exchange };
    this.#settle();
    this.#observer?.ended(exchange);
  }

  crashed(problem: unknown): void {
    if (this.#ending) return;
    this.#ending = { problem };
    this.#settle();
    this.#observer?.crashed(problem);
  }

  #settle(): void {
    if (!this.#ending || !this.#promise) return;
    if ('exchange' in this.#ending) this.#promise.resolve(this.#ending.exchange);
    else this.#promise.reject(this.#ending.problem);
  }
}
