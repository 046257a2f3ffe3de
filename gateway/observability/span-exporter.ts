/** OpenTelemetry's own OTLP/HTTP exporter, with its options, retries and timeouts, for spans that are JSON text already. */
import { attributesText } from './span-text.ts';

/** Takes a batch of spans' JSON texts. */
export interface SpanExporter {
  export(spans: string[], done: (result: { readonly code: number; readonly error?: Error }) => void): void;
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
  const counted = { name: 'span' as const, countItems: (spans: string[]) => spans.length };
  const serializer = serializerFor(resource, scope);
  return new OTLPExporterBase(createOtlpHttpExportDelegate(options, serializer, 'otlp_http_span_exporter', counted, undefined));
}

function serializerFor(
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): { serializeRequest(spans: string[]): Uint8Array; deserializeResponse(bytes: Uint8Array): object } {
  const attributes = attributesText(resource).slice(1);
  const before = `{"resourceSpans":[{"resource":{"attributes":[${attributes}],"droppedAttributesCount":0},"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`;
  return {
    serializeRequest: spans => Buffer.from(`${before}${spans.join(',')}]}]}]}`),
    deserializeResponse: bytes => {
      try {
        return JSON.parse(Buffer.from(bytes).toString() || '{}') as object;
      } catch {
        return {};
      }
    },
  };
}
