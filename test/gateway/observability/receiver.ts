/** An OTLP/HTTP receiver of JSON that keeps the spans it is sent. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: ReceivedSpan['attributes'] }[];
}

export const attributeOf = ({ attributes }: Pick<ReceivedSpan, 'attributes'>, key: string): unknown => {
  const value = attributes.find(one => one.key === key)?.value;
  return value && Object.values(value)[0];
};

/** `answers: false` takes everything and never says a word. */
export async function startOtlpReceiver({ answers = true } = {}) {
  const spans: ReceivedSpan[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (!answers) return;
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[] };
    spans.push(...resourceSpans.flatMap(resource => resource.scopeSpans.flatMap(scope => scope.spans)));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
