/** OpenTelemetry's own OTLP/HTTP exporter, with its options, retries and timeouts, for spans that are JSON text already. */
import { attributesText } from './span-text.ts';
import type { SpanTexts } from './spans.ts';

/** Takes a batch of spans' JSON texts. */
export interface SpanExporter {
  export(batch: SpanTexts[], done: (result: { readonly code: number; readonly error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

/** Its `url` comes before the standard OTEL_EXPORTER_OTLP_* variables. Loaded only when needed: it costs a tenth of a second. */
export async function createSpanExporter(
  config: { readonly url?: string },
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): Promise<SpanExporter> {
  const [{ OTLPExporterBase }, { convertLegacyHttpOptions, createOtlpHttpExportDelegate }] = await Promise.all([
    import('@opentelemetry/otlp-exporter-base'),
    import('@opentelemetry/otlp-exporter-base/node-http'),
  ]);
  const options = convertLegacyHttpOptions(config, 'TRACES', 'v1/traces', { 'Content-Type': 'application/json' });
  const counted = { name: 'span' as const, countItems: countOf };
  const serializer = serializerFor(resource, scope);
  return new OTLPExporterBase(createOtlpHttpExportDelegate(options, serializer, 'otlp_http_span_exporter', counted, undefined));
}

const comma = Buffer.from(',');
const after = Buffer.from(']}]}]}');
const countOf = (batch: readonly SpanTexts[]): number => batch.reduce((sum, { count }) => sum + count, 0);

function serializerFor(
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): { serializeRequest(batch: SpanTexts[]): Uint8Array; deserializeResponse(bytes: Uint8Array): object } {
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
