/** Who waits for a target whose limit is used up, and who is let in next: fair over tenants, bounded in count and bytes. */
import { type Demand, nothing } from './limits.ts';

export interface Ticket {
  readonly id: string;
  readonly target: string;
  readonly tenant: string;
  /** What the call is reckoned to need. */
  readonly tokens: number;
  /** Of the request that is held meanwhile. */
  readonly bytes: number;
  /** Its turn: tenants take turns, however many requests each brings. */
  readonly turn: number;
}

export interface Queue {
  /** By the turn, then by arrival. */
  readonly tickets: readonly Ticket[];
  readonly bytes: number;
  /** The turn that was let in last, by target. */
  readonly turns: ReadonlyMap<string, number>;
}

export interface QueuePolicy {
  readonly countMax: number;
  readonly bytesMax: number;
}

export const queueDefault: QueuePolicy = { countMax: 1_000, bytesMax: 64 * 2 ** 20 };
export const emptyQueue: Queue = { tickets: [], bytes: 0, turns: new Map() };

export type Arrival = Omit<Ticket, 'turn'>;

export const isFull = (queue: Queue, bytes: number, { countMax, bytesMax }: QueuePolicy): boolean =>
  queue.tickets.length >= countMax || queue.bytes + bytes > bytesMax;

/** A tenant's next turn comes one after its last one that waits, and never before the turn that is being served. */
function turnOf({ tickets, turns }: Queue, target: string, tenant: string): number {
  const last = tickets.findLast(t => t.target === target && t.tenant === tenant)?.turn ?? 0;
  return Math.max(last, turns.get(target) ?? 0) + 1;
}

export function enqueue(queue: Queue, arrival: Arrival): Queue {
  const ticket = { ...arrival, turn: turnOf(queue, arrival.target, arrival.tenant) };
  let place = queue.tickets.length;
  while (place > 0 && queue.tickets[place - 1]!.turn > ticket.turn) place--;
  return { ...queue, tickets: queue.tickets.toSpliced(place, 0, ticket), bytes: queue.bytes + arrival.bytes };
}

/** Whose turn it is. */
export const nextFor = (queue: Queue, target: string): Ticket | undefined => queue.tickets.find(t => t.target === target);

/** It was let in, or went away. Once nobody waits for a target, its turns start anew. */
export function dequeue(queue: Queue, id: string, wasLetIn: boolean): Queue {
  const ticket = queue.tickets.find(t => t.id === id);
  if (!ticket) return queue;
  const tickets = queue.tickets.filter(t => t !== ticket);
  const turns = new Map(queue.turns);
  if (!tickets.some(t => t.target === ticket.target)) turns.delete(ticket.target);
  else if (wasLetIn) turns.set(ticket.target, ticket.turn);
  return { tickets, bytes: queue.bytes - ticket.bytes, turns };
}

/** What is let in before a new request of this tenant would be. */
export function aheadOf(queue: Queue, target: string, tenant: string): Demand {
  if (queue.tickets.length === 0) return nothing;
  const turn = turnOf(queue, target, tenant);
  let requests = 0;
  let tokens = 0;
  for (const ticket of queue.tickets) {
    if (ticket.target !== target || ticket.turn > turn) continue;
    requests++;
    tokens += ticket.tokens;
  }
  return { requests, tokens };
}
