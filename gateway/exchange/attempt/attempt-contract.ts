/** What an attempt needs and what it reports. */
import type { StreamEvent } from '../../core/chat/chat.ts';
import type { Provider, SseEvent } from '../../core/chat/provider.ts';
import type { Price } from '../../core/money/price.ts';
import type { Failure } from '../../core/shared/failure.ts';
import type { Clock, Instant, Milliseconds } from '../../core/shared/time.ts';
import type { Signals } from '../../core/signals/names.ts';
import type { Redactor } from '../../transport/redact.ts';
import type { UpstreamHandle, UpstreamListener } from '../../transport/upstream.ts';
import type { PreparedRequest } from '../contract.ts';
import type { AttemptCommand } from '../driver.ts';

/** What an attempt tells while it runs; exactly one of answered and failed comes last, unless it is aborted. */
export interface AttemptListener {
  /** The first content of a stream. */
  opened(): void;
  /** In order, prelude included. `raw` is the event as the provider framed it. */
  events(events: readonly StreamEvent[], raw: SseEvent | undefined): void;
  answered(signals: Signals): void;
  failed(failure: Failure): void;
}

export interface AttemptContext {
  readonly command: AttemptCommand;
  readonly provider: Provider;
  readonly model: string;
  readonly providerName: string;
  readonly credential: string;
  readonly spanId: string;
  readonly prepared: PreparedRequest;
  readonly redact: Redactor;
  readonly clock: Clock;
  /** Longest silence of a stream after its first content. */
  readonly idleMs: Milliseconds;
  readonly priceOf: (model: string, at: Instant) => Price | undefined;
  send(listener: UpstreamListener): UpstreamHandle;
}
