/** Spans of replayed exchanges, each in a trace of its own with a link to the original's. */
import type { ChatRequest, ChatResponse } from '../core/chat/chat.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Settings } from '../settings/settings.ts';
import { silentLog } from './logs.ts';
import type { AccountEndpoint } from './spans.ts';
import { createTelemetry } from './telemetry.ts';

export interface ReplaySpanDetails {
  readonly chat: ChatRequest;
  answer(): ChatResponse | undefined;
  placeOf(provider: string): AccountEndpoint | undefined;
  /** As the original's record has them; undefined or '' where it has none. */
  readonly original: { readonly traceId: string; readonly spanId: string } | undefined;
}

export interface ReplayTelemetry {
  record(exchange: Exchange, details: ReplaySpanDetails): void;
  /** Sends what is queued, for at most a few seconds. */
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Off unless a receiver is named; as much is sampled of it as of live traffic. */
export function createReplayTelemetry(
  { telemetry: { otlp }, recorder: { payloads, redact } }: Pick<Settings, 'telemetry' | 'recorder'>,
  environment: Environment,
  warn: (line: string) => void,
): ReplayTelemetry {
  const mayHoldContent = payloads === 'full' && redact.length === 0;
  const telemetry = createTelemetry({ otlp, environment, mayHoldContent, log: { ...silentLog, warn } });
  return {
    record: (exchange, { chat, answer, placeOf, original }) => {
      if (!telemetry.shouldExport({ ...exchange.trace, sampled: undefined, state: '' }, exchange)) return;
      telemetry.record(exchange, { chat, answer, placeOf, original, path: '', traceState: '' });
    },
    close: () => telemetry.close(),
  };
}
