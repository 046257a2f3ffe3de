/** The queue for rate-limited targets and its order: fair over tenants, bounded in count and bytes. */
import { noQueuedDemand, type QueuedDemand } from './rate-limits.ts';

/** One request in the queue. */
export interface QueueEntry {
  readonly id: string;
  readonly target: string;
  readonly tenant: string;
  /** The estimated tokens of the call. */
  readonly tokens: number;
  /** The size of the waiting request. */
  readonly bytes: number;
  /** Its round: each tenant gets one request a round, however many it queues. */
  readonly round: number;
}

/** The queue over all targets. Immutable; every change returns a new one. */
export interface Queue {
  /** By round, then by arrival. */
  readonly entries: readonly QueueEntry[];
  readonly bytes: number;
  /** The round that was admitted last, by target. */
  readonly lastRounds: ReadonlyMap<string, number>;
}

/** Bounds of the queue, over all targets. */
export interface QueuePolicy {
  readonly countMax: number;
  readonly bytesMax: number;
}

export const queueDefault: QueuePolicy = { countMax: 1_000, bytesMax: 64 * 2 ** 20 };
export const emptyQueue: Queue = { entries: [], bytes: 0, lastRounds: new Map() };

export type QueueRequest = Omit<QueueEntry, 'round'>;

/** Whether a request of so many bytes would exceed the bounds. */
export const isFull = (queue: Queue, bytes: number, { countMax, bytesMax }: QueuePolicy): boolean =>
  queue.entries.length >= countMax || queue.bytes + bytes > bytesMax;

/** One after the tenant's last queued round, and never before the current one. */
function nextRound({ entries, lastRounds }: Queue, target: string, tenant: string): number {
  const last = entries.findLast(t => t.target === target && t.tenant === tenant)?.round ?? 0;
  return Math.max(last, lastRounds.get(target) ?? 0) + 1;
}

/** The queue with the request in its place by round, then by arrival. */
export function enqueue(queue: Queue, arrival: QueueRequest): Queue {
  const entry = { ...arrival, round: nextRound(queue, arrival.target, arrival.tenant) };
  let position = queue.entries.length;
  while (position > 0 && queue.entries[position - 1]!.round > entry.round) position--;
  return { ...queue, entries: queue.entries.toSpliced(position, 0, entry), bytes: queue.bytes + arrival.bytes };
}

/** The entry that is admitted next. */
export const nextFor = (queue: Queue, target: string): QueueEntry | undefined => queue.entries.find(t => t.target === target);

/** Removes an admitted or cancelled entry. When a target's queue is empty, its rounds start anew. */
export function dequeue(queue: Queue, id: string, wasAdmitted: boolean): Queue {
  const entry = queue.entries.find(t => t.id === id);
  if (!entry) return queue;
  const tickets = queue.entries.filter(t => t !== entry);
  const turns = new Map(queue.lastRounds);
  if (!tickets.some(t => t.target === entry.target)) turns.delete(entry.target);
  else if (wasAdmitted) turns.set(entry.target, entry.round);
  return { entries: tickets, bytes: queue.bytes - entry.bytes, lastRounds: turns };
}

/** The demand that is admitted before a new request of this tenant. */
export function aheadOf(queue: Queue, target: string, tenant: string): QueuedDemand {
  if (queue.entries.length === 0) return noQueuedDemand;
  const round = nextRound(queue, target, tenant);
  let requests = 0;
  let tokens = 0;
  for (const entry of queue.entries) {
    if (entry.target !== target || entry.round > round) continue;
    requests++;
    tokens += entry.tokens;
  }
  return { requests, tokens };
}
