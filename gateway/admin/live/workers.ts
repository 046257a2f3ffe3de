/** The workers of one gateway as the admin API sees them. */
import type { InFlight, TailEvent, TailFilter } from '../api/exchanges.ts';

/** A tail that every worker feeds. */
export interface WatchedTail {
  /** The same for no two tails of a gateway. */
  readonly id: string;
  readonly filter: TailFilter;
  /** Only rows of these tenants; undefined for all. */
  readonly tenants: readonly string[] | undefined;
}

export interface SiblingWorkers {
  /** Which of them this is, from 0. */
  readonly worker: number;
  /** Of all workers. */
  listInFlight(): Promise<readonly InFlight[]>;
  /** Events of all workers, until the given function is called. */
  watch(tail: Omit<WatchedTail, 'id'>, deliver: (event: TailEvent) => void): () => void;
}
