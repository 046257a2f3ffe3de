/** What an attempt needs and what it reports. */
import type { StreamEvent } from '../../core/chat/chat.ts';
import type { Provider, SseEvent } from '../../core/chat/provider.ts';
import type { Price } from '../../core/money/price.ts';
import type { Failure } from '../../core/shared/failure.ts';
import type { Clock, Instant, Milliseconds } from '../../core/shared/time.ts';
import type { Signals } from '../../core/signals/names.ts';
import type { Redactor } from '../../transport/redact.ts';
import type { UpstreamHandle, UpstreamListener } from '../../transport/upstream.ts';
import type { ByteAccount, PreparedRequest } from '../contract.ts';
import type { AttemptCommand } from '../driver.ts';

/** Events of a running attempt; exactly one of answered and failed comes last, unless the attempt is aborted. */
export interface AttemptListener<A> {
  /** The first content of a stream. */
  opened(attempt: A): void;
  /** In order, prelude included. `raw` is the event as the provider framed it. */
  events(attempt: A, events: readonly StreamEvent[], raw: SseEvent | undefined): void;
  answered(attempt: A, signals: Signals): void;
  failed(attempt: A, failure: Failure): void;
}

export interface AttemptContext {
  readonly command: AttemptCommand;
  readonly provider: Provider;
  readonly model: string;
  readonly providerName: string;
  readonly credential: string;
  readonly spanId: string;
  readonly prepared: PreparedRequest;
  /** What is sent, as UTF-8. */
  readonly bodyBytes: Buffer;
  readonly redact: Redactor;
  readonly clock: Clock;
  /** Longest silence of a stream after its first content. */
  readonly idleMs: Milliseconds;
  readonly account?: ByteAccount | undefined;
  priceOf(model: string, at: Instant): Price | undefined;
  send(listener: UpstreamListener): UpstreamHandle;
}
