/**
 * A caller's request is found by the listener itself or, with a slash at the end of its path, by hapi. Both must be the same: answers, errors,
 * limits, drain, records, traces, metrics and log.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Log } from '../../../gateway/settings/log.ts';
import {
  exchangeBytes,
  hi,
  MemorySink,
  type Responder,
  type RunningGateway,
  respondAsRequested,
  respondStream,
  startGateway,
  startUpstream,
  twoProviders,
} from '../harness.ts';
import { startOtlpReceiver } from '../observability/receiver.ts';

const json = { 'content-type': 'application/json' };

describe.each([
  { entrance: 'the listener', end: '' },
  { entrance: 'hapi', end: '/' },
])('through $entrance', ({ end }) => {
  const ask = (url: string, body: unknown, headers: Record<string, string> = json, path = '/v1/chat/completions'): Promise<Response> =>
    fetch(url + path + end, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  const codeOf = async (response: Response): Promise<unknown> => [
    response.status,
    ((await response.json()) as { error: { code: string } }).error.code,
  ];

  test('an answer, its record, its log line, its spans and its metrics are the same', async () => {
    await using receiver = await startOtlpReceiver();
    await using provider = await startUpstream(respondAsRequested);
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    await using gateway = await startGateway(`telemetry: { otlp: "${receiver.url}" }\n${twoProviders(provider.url, provider.url)}`, {
      log,
    });
    const answered = await ask(gateway.url, hi, { ...json, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
    expect(await answered.json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] });
    expect(Object.fromEntries(answered.headers)).toMatchObject({ 'x-hindcast-route': 'm-fast', 'x-hindcast-attempts': '1' });
    expect(await (await ask(gateway.url, { ...hi, stream: true })).text()).toMatch(/"hel".*"lo".*\[DONE\]\n\n$/s);
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'ok', trace: { traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) } });
    expect(lines).toEqual([expect.stringMatching(/^200 ok m-fast → A\/fast/), expect.stringMatching(/^200 ok m-fast → A\/fast/)]);
    const page = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(page).toContain('hindcast_requests_total{route="m-fast",outcome="ok"} 2');
    expect(page).toContain('hindcast_inflight_requests 1\n');
    await gateway.gateway.close();
    const names = receiver.spans.map(span => span.name);
    expect(names.toSorted()).toEqual(['POST /v1/chat/completions', 'POST /v1/chat/completions', 'chat fast', 'chat fast']);
  });

  test.each([
    ['a body that is no JSON', '{', json, [400, 'invalid_json']],
    ['another content type', hi, { 'content-type': 'text/plain' }, [415, 'unsupported_media_type']],
    ['a model that is not there', { ...hi, model: 'none' }, json, [404, 'model_not_found']],
    ['a body over the limit', { ...hi, user: 'x'.repeat(2_000) }, json, [413, 'request_too_large']],
    ['a coding that is not taken', hi, { ...json, 'content-encoding': 'compress' }, [415, 'unsupported_media_type']],
  ])('%s is refused, and counted', async (_, body, headers, reported) => {
    await using gateway = await startGateway(twoProviders('http://127.0.0.1:9/v1', 'http://127.0.0.1:9/v1'), {
      limits: { bodyBytesMax: 1_000 },
    });
    expect(await codeOf(await ask(gateway.url, body, headers))).toEqual(reported);
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain(`hindcast_refused_total{code="${reported[1]}"} 1`);
  });

  test('a key is required', async () => {
    const keys = `keys: [{ name: k, hash: "sha256:${'0'.repeat(64)}" }]\n`;
    await using gateway = await startGateway(keys + twoProviders('http://127.0.0.1:9/v1', 'http://127.0.0.1:9/v1'));
    expect(await codeOf(await ask(gateway.url, hi))).toEqual([401, 'invalid_api_key']);
  });

  test('a body that stops in its midst is refused after its time, a caller that leaves is followed', async () => {
    const limits = { bodyIdleMs: 50 };
    await using gateway = await startGateway(twoProviders('http://127.0.0.1:9/v1', 'http://127.0.0.1:9/v1'), { limits });
    const head = `POST /v1/chat/completions${end} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
    const late = await exchangeBytes(gateway.port, socket => socket.write(head));
    expect([late.status, JSON.parse(late.body).error.code]).toEqual([408, 'request_timeout']);
    await exchangeBytes(gateway.port, socket => socket.write(head, () => socket.destroy()));
    await expect.poll(async () => (await fetch(`${gateway.url}/metrics`)).text()).toContain('hindcast_inflight_requests 1\n');
  });

  test('a running stream ends complete while the gateway drains, and no new request starts', async () => {
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    await using provider = await startUpstream(respondStream(['hel', 'lo'], () => promise));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const stream = await ask(gateway.url, { ...hi, stream: true });
    const closing = gateway.gateway.close();
    expect(await codeOf(await ask(gateway.url, hi))).toEqual([503, 'shutting_down']);
    goOn();
    expect(await stream.text()).toMatch(/\[DONE\]\n\n$/);
    await closing;
    expect(gateway.sink.exchanges).toMatchObject([{ outcome: 'ok' }]);
  });

  test('a caller that leaves in the midst of an answer aborts the call', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow: Responder = response => void response.once('close', resolve);
    await using provider = await startUpstream(slow);
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const leaving = new AbortController();
    const requested = fetch(`${gateway.url}/v1/chat/completions${end}`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify(hi),
      signal: leaving.signal,
    }).catch(() => undefined);
    await expect.poll(() => provider.requests.length).toBe(1);
    leaving.abort();
    await Promise.all([promise, requested]);
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'cancelled', status: 0 });
  });

  test('a mistake of ours ends the one request that met it', async () => {
    class BrokenSink extends MemorySink {
      override refusal(): string | undefined {
        throw new Error('a mistake');
      }
    }
    await using gateway = await startGateway(twoProviders('http://127.0.0.1:9/v1', 'http://127.0.0.1:9/v1'), { sink: new BrokenSink() });
    expect(await codeOf(await ask(gateway.url, hi))).toEqual([500, 'internal_error']);
  });

  test.each([
    ['/v1/models/A/fast:generateContent', [200, 'A/fast']],
    ['/v1beta/models/A%2Ffast:generateContent', [200, 'A/fast']],
  ])('a model in the path %s is read', async (path, reported) => {
    await using provider = await startUpstream(respondAsRequested);
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const response = await ask(gateway.url, { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }, json, path);
    expect([response.status, (await gateway.sink.next()).requestedModel]).toEqual(reported);
  });
});

test('a connection goes on being used after either entrance', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway: RunningGateway = await startGateway(twoProviders(provider.url, provider.url));
  const body = JSON.stringify(hi);
  const request = (path: string, more = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
  const { text } = await exchangeBytes(gateway.port, async socket => {
    for (const path of ['/v1/chat/completions', '/v1/chat/completions/', '/v1/chat/completions']) {
      socket.write(request(path));
      await once(socket, 'data');
    }
    socket.write(request('/v1/chat/completions/', 'Connection: close\r\n'));
  });
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
});
