/** Spans as an OTLP receiver gets them, and the way from a trace to its exchange and back. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../../gateway/observability/logs.ts';
import { samplerFrom } from '../../../gateway/observability/telemetry.ts';
import { newExchangeId, traceFrom } from '../../../gateway/settings/ids.ts';
import { hi, post, type Responder, respondAsRequested, respondJson, startGateway, startUpstream, twoProviders } from '../harness.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const innerOf = (value: Record<string, unknown>): unknown => {
  const [kind, inner] = Object.entries(value)[0]!;
  if (kind === 'arrayValue') return (inner as { values: Record<string, unknown>[] }).values.map(innerOf);
  return kind === 'intValue' ? Number(inner) : inner;
};
type Attributes = { key: string; value: Record<string, unknown> }[];
const flat = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, innerOf(value)]));

/** An OTLP/HTTP receiver of JSON. */
async function receiver(status = 200) {
  const spans: Span[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    headers.push({ ...request.headers, path: request.url });
    const { resourceSpans } = JSON.parse(body) as {
      resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: (Span & { attributes: Attributes })[] }[] }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      for (const span of scopeSpans.flatMap(scope => scope.spans)) {
        spans.push({ ...span, attributes: flat(span.attributes as unknown as Attributes), resource: flat(resource.attributes) });
      }
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, headers };
}

const failsFirst = (): Responder => {
  let calls = 0;
  return (response, requested, request) =>
    calls++ === 0 ? response.writeHead(500).end('{"error":{"message":"no"}}') : respondJson(response, requested, request);
};

test('a request is one server span, each attempt a client span below it, under GenAI names', async () => {
  const { url, spans } = await receiver();
  await using provider = await startUpstream(failsFirst());
  await using gateway = await startGateway(`telemetry: { otlp: "${url}" }\n${twoProviders(provider.url, provider.url)}`);
  const response = await post(
    gateway.url,
    { ...hi, temperature: 0.5, max_tokens: 9, stop: ['x'], user: 'u7' },
    { 'x-hindcast-conversation': 'talk', 'x-hindcast-tag-team': 'red' },
  );
  const id = response.headers.get('x-hindcast-id');
  const exchange = await gateway.sink.next();
  await gateway.gateway.close();
  expect(spans).toHaveLength(3);
  const [server, failed, answered] = spans as [Span, Span, Span];
  // From the record to its trace, and from the trace to its record.
  expect(new Set(spans.map(span => span.traceId))).toEqual(new Set([exchange.trace.traceId]));
  expect(spans.map(span => span.attributes['hindcast.exchange.id'])).toEqual([id, id, id]);
  expect(server).toMatchObject({ name: 'POST /v1/chat/completions', kind: 2, spanId: exchange.trace.spanId, status: { code: 0 } });
  expect(server.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/v1/chat/completions',
    'http.response.status_code': 200,
    'gen_ai.request.model': 'm-fast',
    'gen_ai.conversation.id': 'talk',
    'user.id': 'u7',
    'hindcast.route': 'm-fast',
    'hindcast.target': 'B/fast',
    'hindcast.attempts': 2,
    'hindcast.config.hash': exchange.configHash,
    'hindcast.tag.team': 'red',
    'hindcast.payload.ref': `payloads/${id}/0`,
  });
  expect(failed).toMatchObject({ name: 'chat fast', kind: 3, parentSpanId: server.spanId, status: { code: 2, message: 'server-error' } });
  expect(failed.attributes).toMatchObject({
    'error.type': 'server-error',
    'http.response.status_code': 500,
    'hindcast.attempt.kind': 'primary',
  });
  expect(answered).toMatchObject({ name: 'chat fast', kind: 3, parentSpanId: server.spanId, spanId: exchange.attempts[1]!.spanId });
  expect(answered.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'fast',
    'gen_ai.request.temperature': 0.5,
    'gen_ai.request.max_tokens': 9,
    'gen_ai.request.stop_sequences': ['x'],
    'gen_ai.response.model': 'served-1',
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.input_tokens': 5,
    'gen_ai.usage.output_tokens': 2,
    'server.address': '127.0.0.1',
    'server.port': Number(new URL(provider.url).port),
    'hindcast.attempt.number': 2,
    'hindcast.attempt.kind': 'fallback',
    'hindcast.attempt.accepted': true,
    'hindcast.payload.ref': `payloads/${id}/2`,
  });
  // Contents stay in the store; keys stay nowhere.
  expect(JSON.stringify(spans)).not.toMatch(/"hi"|hello|sk-prov/);
  for (const span of spans) expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

test('the trace of a caller goes on here, and on to providers that are trusted with it', async () => {
  const { url, spans, headers } = await receiver();
  await using provider = await startUpstream(respondAsRequested);
  const yaml = twoProviders(provider.url, provider.url).replace('A: { api: openai,', 'A: { api: openai, trace: true,');
  const environment = { OTEL_SERVICE_NAME: 'edge-1', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=no' };
  await using gateway = await startGateway(`telemetry: { otlp: "${url}" }\n${yaml}`, { environment });
  const reported = { traceparent: `00-${traceId}-${parentId}-01`, tracestate: 'vendor=1', baggage: 'secret=1' };
  await post(gateway.url, hi, reported);
  await post(gateway.url, { ...hi, model: 'B/fast' }, reported);
  const [trusted, other] = [await gateway.sink.next(), await gateway.sink.next()];
  await gateway.gateway.close();
  expect(trusted.trace).toMatchObject({ traceId, parentSpanId: parentId });
  expect(provider.requests[0]!.headers).toMatchObject({
    traceparent: `00-${traceId}-${trusted.attempts[0]!.spanId}-01`,
    tracestate: 'vendor=1',
  });
  expect(provider.requests[0]!.headers.baggage).toBeUndefined();
  expect(provider.requests[1]!.headers.traceparent).toBeUndefined();
  expect(other.trace.traceId).toBe(traceId);
  const server = spans.find(span => span.kind === 2)!;
  expect(server).toMatchObject({ parentSpanId: parentId, traceState: 'vendor=1' });
  expect(server.resource).toMatchObject({ 'service.name': 'edge-1', 'deployment.environment.name': 'test' });
  expect(headers[0]).toMatchObject({ path: '/v1/traces' });
});

test('an unsampled caller trace is not exported, and providers get the unsampled flag', async () => {
  const { url, spans } = await receiver();
  await using provider = await startUpstream(respondAsRequested);
  const yaml = twoProviders(provider.url, provider.url).replace('A: { api: openai,', 'A: { api: openai, trace: true,');
  await using gateway = await startGateway(`telemetry: { otlp: "${url}" }\n${yaml}`);
  await post(gateway.url, hi, { traceparent: `00-${traceId}-${parentId}-00` });
  expect((await gateway.sink.next()).trace.traceId).toBe(traceId);
  expect(provider.requests[0]!.headers.traceparent).toMatch(/-00$/);
  await gateway.gateway.close();
  expect(spans).toHaveLength(0);
});

test('where only a share of the traces is sampled, whatever failed is exported all the same', async () => {
  const { url, spans } = await receiver();
  await using provider = await startUpstream(respondAsRequested);
  const environment = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
  await using gateway = await startGateway(`telemetry: { otlp: "${url}" }\n${twoProviders(provider.url, 'http://127.0.0.1:9')}`, {
    environment,
  });
  await post(gateway.url, hi);
  await post(gateway.url, { ...hi, model: 'B/fast' });
  await gateway.gateway.close();
  // It was tried twice.
  expect(spans.map(({ name }) => name)).toEqual(['POST /v1/chat/completions', 'chat fast', 'chat fast']);
  expect(spans[0]!.attributes['hindcast.outcome']).toBe('upstream_error');
});

interface SpanEvent {
  readonly name: string;
  readonly attributes: Attributes;
}

test.each([
  ['on the span of the attempt that answered, when the standard variable asks for it', '', 1],
  ['not, when records are redacted', 'recorder: { redact: [email] }\n', 0],
])('what was asked and answered stands %s', async (_, recorder, expected) => {
  const { url, spans } = await receiver();
  await using provider = await startUpstream(respondAsRequested);
  const environment = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' };
  const yaml = `${recorder}telemetry: { otlp: "${url}" }\n${twoProviders(provider.url, provider.url)}`;
  await using gateway = await startGateway(yaml, { environment });
  await post(gateway.url, hi, { 'x-hindcast-tag-who': 'bob@example.com' });
  await gateway.gateway.close();
  expect(spans.some(span => 'hindcast.tag.who' in span.attributes)).toBe(expected === 1);
  const events = spans.flatMap(span => (span as Span & { events: SpanEvent[] }).events);
  expect(events).toHaveLength(expected);
  if (expected === 0) return;
  const { 'gen_ai.input.messages': input, 'gen_ai.output.messages': output } = flat(events[0]!.attributes);
  expect(JSON.parse(String(input))).toEqual([{ role: 'user', parts: [{ type: 'text', content: 'hi' }] }]);
  expect(JSON.parse(String(output))).toMatchObject([{ role: 'assistant', parts: [{ type: 'text' }], finish_reason: 'stop' }]);
});

test('a receiver that fails costs spans, which are counted, and no request', async () => {
  const { url } = await receiver(400);
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(`telemetry: { otlp: "${url}" }\n${twoProviders(provider.url, provider.url)}`);
  for (let i = 0; i < 3; i++) expect((await post(gateway.url, hi)).status).toBe(200);
  const dropped = async (): Promise<string | undefined> =>
    /hindcast_spans_dropped_total (\d+)/.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1];
  await expect.poll(dropped, { timeout: 5_000 }).toBe('6');
});

test('a receiver that cannot be reached does not hold up the end', async () => {
  await using provider = await startUpstream(respondAsRequested);
  const gateway = await startGateway(`telemetry: { otlp: "http://127.0.0.1:9" }\n${twoProviders(provider.url, provider.url)}`);
  await post(gateway.url, hi);
  const started = performance.now();
  await gateway.gateway.close();
  expect(performance.now() - started).toBeLessThan(8_000);
});

test('the samplers of the standard variables decide as they are named', () => {
  const context = (sampled?: boolean, id = traceId) => ({ ...traceFrom(undefined, undefined), traceId: id, sampled });
  const sampler = (name?: string, argument?: string) =>
    samplerFrom({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument }, silentLog);
  expect([sampler()(context()), sampler()(context(false)), sampler()(context(true))]).toEqual(['all', 'none', 'all']);
  expect([sampler('always_on')(context(false)), sampler('always_off')(context(true))]).toEqual(['all', 'none']);
  expect(sampler('parentbased_always_off')(context())).toBe('none');
  expect(sampler('parentbased_traceidratio', '0')(context())).toBe('notable');
  expect(sampler('parentbased_traceidratio', '0')(context(false))).toBe('none');
  expect(sampler('nonsense')(context())).toBe('all');
  const ids = Array.from({ length: 2_000 }, () => traceFrom(undefined, undefined).traceId);
  const share = ids.filter(id => sampler('traceidratio', '0.25')(context(undefined, id)) === 'all').length / ids.length;
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.3);
});

test('only a well-formed traceparent is gone on with', () => {
  const good = `00-${traceId}-${parentId}-01`;
  expect(traceFrom(good, 'a=1')).toMatchObject({ traceId, parentSpanId: parentId, sampled: true, state: 'a=1' });
  expect(traceFrom(`cc-${traceId}-${parentId}-00-more`, undefined)).toMatchObject({ traceId, sampled: false });
  for (const bad of [
    undefined,
    '',
    'x',
    good.toUpperCase(),
    `${good}-more`,
    `ff-${traceId}-${parentId}-01`,
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
  ]) {
    const started = traceFrom(bad, 'a=1');
    expect(started, bad).toMatchObject({ parentSpanId: '', sampled: undefined, state: '' });
    expect(started.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
  }
  expect(traceFrom(good, 'a'.repeat(600)).state).toBe('');
});

test('exchange ids are UUIDv7 that sort by time and do not repeat', () => {
  const ids = Array.from({ length: 5_000 }, (_, i) => newExchangeId(1_700_000_000_000 + i));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
  for (const id of ids.slice(0, 100)) expect(id).toMatch(/^018bcfe5-6[0-9a-f]{3}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
