/** OpenTelemetry's own OTLP/HTTP exporter, with its options, retries and timeouts, for spans that are JSON text already. */
import { attributesText } from './span-text.ts';
import type { SpanTexts } from './spans.ts';

/** Takes a batch of spans' JSON texts. */
export interface SpanExporter {
  export(batch: SpanTexts[], done: (result: { readonly code: number; readonly error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

/** What is replaced of the exporter. */
interface Delegate {
  _serializer: Serializer;
}

interface Serializer {
  serializeRequest(batch: SpanTexts[]): Uint8Array;
  deserializeResponse(bytes: Uint8Array): object;
}

/**
 * Sends a batch by OpenTelemetry's own exporter. Its `url` comes before the standard OTEL_EXPORTER_OTLP_* variables. Loaded only when
 * needed: it costs a tenth of a second.
 */
export async function createSpanExporter(
  config: { readonly url?: string },
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const exporter = new OTLPTraceExporter(config);
  // The exporter has no option for it: its serializer would make of spans the text that ours are already.
  const { _delegate: delegate } = exporter as unknown as { readonly _delegate: Delegate };
  if (!delegate._serializer) throw new Error('the OTLP exporter has no serializer to replace');
  delegate._serializer = serializerFor(resource, scope);
  return {
    export: (batch, done) => exporter.export(batch as unknown as Parameters<typeof exporter.export>[0], done),
    shutdown: () => exporter.shutdown(),
  };
}

const comma = Buffer.from(',');
const after = Buffer.from(']}]}]}');

function serializerFor(resource: Readonly<Record<string, string>>, scope: { readonly name: string; readonly version: string }): Serializer {
  const attributes = attributesText(resource);
  const before = Buffer.from(
    `{"resourceSpans":[{"resource":{"attributes":[${attributes}],"droppedAttributesCount":0},"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`,
  );
  return {
    serializeRequest: batch => Buffer.concat([before, ...batch.flatMap(({ bytes }, i) => (i === 0 ? [bytes] : [comma, bytes])), after]),
    deserializeResponse: bytes => {
      try {
        return JSON.parse(Buffer.from(bytes).toString() || '{}') as object;
      } catch {
        return {};
      }
    },
  };
}
