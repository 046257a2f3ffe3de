/** Asks one question of its route, lets a reader read the answer, and leaves an Exchange behind: the words in which this is arranged. */

import type { ChatResponse } from '../core/chat.ts';
import type { Exchange, Sealed, Sink } from '../core/exchange.ts';
import type { Observation } from '../core/fleet.ts';
import type { Price } from '../core/price.ts';
import type { Provider } from '../core/provider.ts';
import type { Sight } from '../core/routing.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/time.ts';
import type { Wants } from '../targets/state.ts';
import type { Secret } from '../settings/secret.ts';
import type { Counter } from '../tokens/counter.ts';
import type { Upstream } from '../transport/upstream.ts';
import { Conversation } from './conversation.ts';
import type { Question } from './question.ts';

export interface Target {
  /** The account's name in the config. */
  readonly providerName: string;
  readonly provider: Provider;
  readonly model: string;
  readonly baseUrl: string;
  readonly key: Secret | undefined;
  /** Follows the path, without its question mark; absent for none. */
  readonly query?: string;
  /** Of a cloud, where calls are signed for it. */
  readonly region?: string;
  readonly allowPrivate: boolean;
  /** Pass our trace on to it. */
  readonly trace: boolean;
}

export interface AskWorld {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly sink: Sink;
  /** `tokens` is what the call is reckoned to need: a key whose limit lets it in is taken where there is one. */
  targetOf(target: string, seed: string, tokens?: number): Target;
  /** What the fleet refuses at this instant, and until when: targets, or all of a provider by its name. */
  closed(at: Instant): Readonly<Record<string, Instant>>;
  /** What the limits of these targets and the allowance of extra calls say to such a request; absent when there are none. */
  look?(targets: readonly string[], wants: Wants, at: Instant): Omit<Sight, 'closed'>;
  /** Takes a place in the queue for a target, and gives what leaves it. */
  enter?(target: string, wants: Wants, admitted: () => void): Cancel;
  observe(seen: Observation): void;
  priceOf(provider: Provider, providerName: string, model: string, at: Instant): Price | undefined;
  newSpanId(): string;
  /** Of tokens; without one they are estimated by length. */
  readonly counter?: Counter;
  /** Longest silence of a stream after its first content; `streamIdleMsDefault` when absent. */
  readonly streamIdleMs?: Milliseconds;
}

export const streamIdleMsDefault: Milliseconds = 30_000;

/** The head of an answer: what goes out before its first byte. */
export interface Head {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The caller's end of an answer. */
export interface Reader {
  /** Whether a head went out; a stream's reader may have sent one early, to keep the connection alive. */
  readonly begun: boolean;
  begin(head: Head): void;
  /** False asks for a pause, until `resume` of the Asking. `bytes` is the same as UTF-8, where somebody has encoded it already. */
  write(text: string, bytes?: Uint8Array): boolean;
  /** The last bytes. Only a sealed record releases them; the head is for a reader that has not begun. */
  end(text: string, head: Head, sealed: Sealed, bytes?: Uint8Array): void;
  /** The record could not be made, or the caller left before the end: the answer must not look whole. */
  fail(text: string, head: Head): void;
}

export interface Asking {
  /**
   * Settles when the record is sealed, or is known never to be (`outcome` is `internal` then), and the last bytes are handed to the
   * reader. Rejects only for a mistake of ours that left nothing to record.
   */
  readonly done: Promise<Exchange>;
  /** The caller is gone. */
  leave(): void;
  /** The caller takes bytes again. */
  resume(): void;
  /** What the caller was answered, in our own words; undefined when it got no whole answer. Known once `done` has settled. */
  answer(): ChatResponse | undefined;
}

export function ask(question: Question, world: AskWorld, reader: Reader): Asking {
  const conversation = new Conversation(question, world, reader);
  return {
    done: conversation.done,
    leave: () => conversation.leave(),
    resume: () => conversation.resume(),
    answer: () => conversation.answer,
  };
}
