/** Hostile and broken requests, row by row: each gets its one right response, no provider is called, and the gateway keeps running. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { edgeLimits } from '../../../gateway/http/edge.ts';
import { recordingsRoot } from '../../recordings.ts';
import { isLong } from '../../runs.ts';
import {
  exchangeBytes,
  hi,
  type RawResponse,
  type RunningGateway,
  respondAsRequested,
  startGateway,
  startUpstream,
  twoProviders,
  type Upstream,
} from '../harness.ts';

/** What a machine that does much else at once may add to a promised bound. */
const busyMs = 1_000;

/** In the long run the default of 10 s is waited for. */
const headersTimeoutMs = isLong ? edgeLimits.headersTimeoutMs : 2_000;
const keyA = 'hc_a-key-of-the-tests-0123456789abcdef';
const keyB = 'hc_b-key-of-the-tests-0123456789abcdef';
const hash = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;

let provider: Upstream;
let gateway: RunningGateway;
beforeAll(async () => {
  provider = await startUpstream(respondAsRequested);
  const keys = [keyA, keyB].map((key, i) => `  - { name: key-${i}, hash: "${hash(key)}", tenant: acme }`).join('\n');
  gateway = await startGateway(`${twoProviders(provider.url, provider.url)}\ntenants:\n  acme: {}\nkeys:\n${keys}`, {
    limits: { headersTimeoutMs },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

interface Row {
  readonly id: string;
  readonly title: string;
  readonly method?: string;
  readonly body?: string | Buffer;
  /** Over the default ones; null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** The whole request, instead of all above. */
  readonly raw?: string;
  /** Sent bit by bit after the rest, until the gateway ends the connection. */
  readonly drip?: { readonly bytes: string; readonly everyMs: number };
  readonly expect: {
    readonly status: number;
    readonly type?: string;
    readonly code?: string;
    readonly param?: string | null;
    readonly headers?: Readonly<Record<string, RegExp>>;
    readonly closes?: boolean;
    readonly withinMs?: number;
    /** What the provider must have received, when it was called at all. */
    readonly passed?: string;
  };
}

const refused = (status: number, code: string, param: string | null = null, more: Partial<Row['expect']> = {}): Row['expect'] => ({
  status,
  code,
  param,
  ...more,
});
const messages = '"messages":[{"role":"user","content":"hi"}]';
const head = (path: string, method = 'POST'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${keyA}\r\n`;
const jsonHead = `${head('/v1/chat/completions')}Content-Type: application/json\r\n`;

const rows: readonly Row[] = [
  { id: 'json-01', title: 'truncated JSON', body: '{"model":', expect: refused(400, 'invalid_json') },
  { id: 'json-02', title: 'a NaN literal', body: `{"model":"m-fast","temperature":NaN,${messages}}`, expect: refused(400, 'invalid_json') },
  {
    id: 'json-03',
    title: 'a key that stands twice and decides the model',
    body: `{"model":"m-cheap","model":"m-forbidden",${messages}}`,
    expect: refused(400, 'duplicate_key', 'model'),
  },
  {
    id: 'json-04',
    title: 'an invalid UTF-8 byte in a string',
    body: Buffer.concat([
      Buffer.from('{"model":"m-fast","messages":[{"role":"user","content":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}]}'),
    ]),
    expect: refused(400, 'invalid_encoding'),
  },
  {
    id: 'json-05',
    title: '200,000 nested arrays',
    body: `{"model":"m-fast","messages":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
    expect: refused(400, 'json_too_deep', null, { withinMs: 500 }),
  },
  {
    id: 'json-06',
    title: 'a __proto__ key',
    body: `{"model":"m-fast",${messages},"metadata":{"__proto__":{"isAdmin":true}}}`,
    expect: refused(400, 'forbidden_key', 'metadata'),
  },
  {
    id: 'json-07',
    title: 'an integer beyond 2^53 is passed on exactly',
    body: `{"model":"m-fast","seed":9007199254740993,${messages}}`,
    expect: { status: 200, passed: '"seed":9007199254740993' },
  },
  { id: 'json-08', title: 'an empty body', body: '', expect: refused(400, 'invalid_json') },
  { id: 'json-09', title: 'an array on top', body: '[1,2]', expect: refused(400, 'invalid_type') },
  {
    id: 'json-10',
    title: 'the escape of a lone surrogate, which is legal',
    body: '{"model":"m-fast","messages":[{"role":"user","content":"\\ud800 x"}]}',
    expect: { status: 200, passed: '"\\ud800 x"' },
  },
  { id: 'field-01', title: 'no model', body: `{${messages}}`, expect: refused(400, 'missing_required_parameter', 'model') },
  {
    id: 'field-02',
    title: 'stream as a string',
    body: `{"model":"m-fast","stream":"true",${messages}}`,
    expect: refused(400, 'invalid_type', 'stream'),
  },
  {
    id: 'field-03',
    title: 'negative max_tokens',
    body: `{"model":"m-fast","max_tokens":-1,${messages}}`,
    expect: refused(400, 'invalid_value', 'max_tokens'),
  },
  {
    id: 'field-04',
    title: 'a caller that names the upstream',
    body: `{"model":"m-fast","api_base":"http://127.0.0.1:9/",${messages}}`,
    expect: refused(400, 'forbidden_parameter', 'api_base'),
  },
  {
    id: 'field-05',
    title: 'an unknown model',
    body: `{"model":"no-such-model",${messages}}`,
    expect: refused(404, 'model_not_found', 'model'),
  },
  {
    id: 'field-06',
    title: 'CR LF in the name of the model',
    body: `{"model":"m-fast\\r\\nX-Evil: 1",${messages}}`,
    expect: refused(400, 'invalid_value', 'model'),
  },
  {
    id: 'http-01',
    title: 'content-length together with transfer-encoding',
    raw: `${jsonHead}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    expect: refused(400, 'invalid_http', null, { closes: true }),
  },
  {
    id: 'http-02',
    title: 'an unknown transfer-encoding',
    raw: `${jsonHead}Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    expect: refused(400, 'invalid_http', null, { closes: true }),
  },
  {
    id: 'http-03',
    title: '100 MB declared, then a byte now and then',
    raw: `${jsonHead}Content-Length: 104857600\r\n\r\n`,
    drip: { bytes: 'x', everyMs: 200 },
    expect: refused(413, 'request_too_large', null, { closes: true, withinMs: 1000 }),
  },
  {
    id: 'http-04',
    title: '20 KB of one header',
    headers: { 'x-a': 'a'.repeat(20_000) },
    expect: refused(431, 'headers_too_large', null, { closes: true }),
  },
  {
    id: 'http-05',
    title: 'two Host headers',
    raw: `GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\nAuthorization: Bearer ${keyA}\r\nConnection: close\r\n\r\n`,
    expect: refused(400, 'invalid_http'),
  },
  {
    id: 'http-06',
    title: 'an absolute target with another host',
    raw: `${head('http://evil/v1/models', 'GET')}Connection: close\r\n\r\n`,
    expect: refused(400, 'invalid_http'),
  },
  {
    id: 'http-07',
    title: '200 MB of spaces in a few KB of gzip',
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(200_000_000, ' '), { level: 1 }),
    expect: refused(413, 'request_too_large', null, { withinMs: 1000 }),
  },
  { id: 'http-08', title: 'JSON as text/plain', headers: { 'content-type': 'text/plain' }, expect: refused(415, 'unsupported_media_type') },
  {
    id: 'http-09',
    title: 'headers that come a byte a second',
    raw: 'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ',
    drip: { bytes: 'a', everyMs: headersTimeoutMs / 10 },
    expect: refused(408, 'request_timeout', null, { closes: true, withinMs: headersTimeoutMs + 2_000 }),
  },
  {
    id: 'http-10',
    title: 'a wrong method',
    method: 'PUT',
    expect: refused(405, 'method_not_allowed', null, { headers: { allow: /^POST$/ } }),
  },
  {
    id: 'auth-01',
    title: 'no credential',
    headers: { authorization: null },
    expect: refused(401, 'invalid_api_key', null, { headers: { 'www-authenticate': /^Bearer/ } }),
  },
  {
    id: 'auth-02',
    title: 'SQL in the bearer',
    headers: { authorization: "Bearer ' OR '1'='1' UNION SELECT 1 --" },
    expect: refused(401, 'invalid_api_key'),
  },
  { id: 'auth-03', title: 'two different credentials', headers: { 'x-api-key': keyB }, expect: refused(400, 'ambiguous_credentials') },
  {
    id: 'auth-04',
    title: 'a key that begins like a valid one',
    headers: { authorization: `Bearer ${keyA.slice(0, 20)}${'z'.repeat(keyA.length - 20)}` },
    expect: refused(401, 'invalid_api_key'),
  },
  // Ours, beside the shared table.
  {
    id: 'own-01',
    title: 'a hundred and one headers',
    headers: many(101),
    expect: refused(431, 'headers_too_large', null, { closes: true }),
  },
  { id: 'own-02', title: 'a second Authorization with another key', raw: twice(), expect: refused(400, 'ambiguous_credentials') },
  { id: 'own-03', title: 'the same key twice is one key', headers: { 'x-api-key': keyA }, expect: { status: 200, passed: '"hi"' } },
  {
    id: 'own-04',
    title: 'a websocket upgrade',
    raw: `${head('/v1/models', 'GET')}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    expect: refused(400, 'invalid_http', null, { closes: true }),
  },
  {
    id: 'own-05',
    title: 'an offer of h2c, which Java makes on every first call, is passed over',
    headers: { connection: 'close, Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAEAAEAAAAIAAAAA' },
    expect: { status: 200, passed: '"hi"' },
  },
  { id: 'own-06', title: 'gzip that is none', headers: { 'content-encoding': 'gzip' }, expect: refused(400, 'invalid_encoding') },
  { id: 'own-07', title: 'an unknown coding', headers: { 'content-encoding': 'lzma' }, expect: refused(415, 'unsupported_media_type') },
  {
    id: 'own-08',
    title: 'a body in gzip is read',
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(JSON.stringify(hi)),
    expect: { status: 200, passed: '"hi"' },
  },
  {
    id: 'own-09',
    title: 'no content-type, as a browser may send',
    headers: { 'content-type': null },
    expect: refused(415, 'unsupported_media_type'),
  },
  {
    id: 'own-10',
    title: 'no HTTP at all',
    raw: '\x16\x03\x01\x02\x00\x01\x00\x01',
    expect: refused(400, 'invalid_http', null, { closes: true }),
  },
  {
    id: 'own-11',
    title: 'a path that is none',
    raw: `${head('/%zz', 'GET')}Connection: close\r\n\r\n`,
    expect: refused(400, 'invalid_path'),
  },
  { id: 'own-12', title: 'an unknown path', raw: `${head('/v2/x', 'GET')}Connection: close\r\n\r\n`, expect: refused(404, 'not_found') },
  {
    id: 'own-13',
    title: 'a request that came through eight gateways',
    headers: { 'x-hindcast-hop': '8' },
    expect: refused(400, 'loop_detected'),
  },
  {
    id: 'own-14',
    title: 'a tag that is too long',
    headers: { 'x-hindcast-tag-team': 'x'.repeat(257) },
    expect: refused(400, 'invalid_value', 'x-hindcast-tag-team'),
  },
  {
    id: 'own-15',
    title: 'more models than a chain may have',
    body: JSON.stringify({ ...hi, models: Array.from({ length: 20 }, (_, i) => `A/m${i}`) }),
    expect: refused(400, 'invalid_value', 'models'),
  },
];

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '1']));
}

function twice(): string {
  const body = JSON.stringify(hi);
  return `${jsonHead}Authorization: Bearer ${keyB}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

function bytesOf({ raw, method = 'POST', body = JSON.stringify(hi), headers = {} }: Row): Buffer {
  if (raw !== undefined) return Buffer.from(raw, 'latin1');
  const all = {
    host: '127.0.0.1',
    authorization: `Bearer ${keyA}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return Buffer.concat([
    Buffer.from(`${method} /v1/chat/completions HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    Buffer.from(body),
  ]);
}

function send(row: Row): Promise<RawResponse> {
  return exchangeBytes(gateway.port, socket => {
    socket.write(bytesOf(row));
    const { drip } = row;
    if (!drip) return;
    const timer = setInterval(() => socket.writable && socket.write(drip.bytes), drip.everyMs);
    socket.once('end', () => clearInterval(timer));
    socket.once('close', () => clearInterval(timer));
  });
}

describe.concurrent('what a request must not be', () => {
  for (const row of rows) {
    test(`${row.id}: ${row.title}`, async () => {
      const answer = await send(row);
      const { status, code, param, headers = {}, closes, withinMs, passed } = row.expect;
      expect(answer.status).toBe(status);
      if (withinMs !== undefined) expect(answer.afterMs).toBeLessThan(withinMs + busyMs);
      if (closes) expect(answer.headers.connection).toBe('close');
      for (const [name, pattern] of Object.entries(headers)) expect(answer.headers[name]).toMatch(pattern);
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      // One answer on the connection, whatever came after the request.
      expect(answer.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      if (code === undefined) {
        expect(provider.requests.some(({ body }) => body.includes(passed!))).toBe(true);
        return;
      }
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      const body = JSON.parse(answer.body);
      expect(body).toEqual({ error: { message: expect.any(String), type: 'invalid_request_error', code, param } });
      expect(body.error.message.length).toBeLessThanOrEqual(500);
      expect(body.error.message).not.toMatch(/[\u0000-\u001f]|hc_|\bat \/|OR '1'/);
    });
  }
});

test('nothing of all that reached a provider, but what was right, and the gateway is well', async () => {
  const right = rows.filter(row => row.expect.passed !== undefined);
  expect(provider.requests).toHaveLength(right.length);
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test('slow headers get 10 s unless told otherwise', () => expect(edgeLimits.headersTimeoutMs).toBe(10_000));

test('what was passed on is recorded byte for byte', () => {
  const recorded = gateway.sink.exchanges.map(exchange => Buffer.from(exchange.request).toString());
  for (const { body, expect: wanted } of rows) if (wanted.passed && typeof body === 'string') expect(recorded).toContain(body);
});

const shared = resolve(recordingsRoot, '../design/bad-inputs.yaml');
test.skipIf(!existsSync(shared))(
  `every shared case of the edge is in this table${existsSync(shared) ? '' : ' (skipped: no shared table here)'}`,
  () => {
    const { cases } = parse(readFileSync(shared, 'utf8')) as {
      cases: { id: string; expect: { status: number; error?: { code: string; type: string; param: string | null } } }[];
    };
    const ours = new Map(rows.map(row => [row.id, row]));
    const edge = cases.filter(({ id }) => /^(json|field|http)-|^auth-0[1-4]$/.test(id));
    expect(edge.length).toBeGreaterThanOrEqual(30);
    for (const { id, expect: wanted } of edge) {
      expect(ours.get(id)?.expect, id).toMatchObject({
        status: wanted.status,
        ...(wanted.error ? { code: wanted.error.code, param: wanted.error.param } : {}),
      });
    }
  },
);

const runs = process.env.HINDCAST_LONG ? 2_000 : 60;
test('bytes of any kind get a shaped answer or a closed connection, and nothing crashes', { timeout: 300_000 }, async () => {
  const complete = bytesOf({ id: '', title: '', expect: { status: 200 } });
  const spoiled = fc
    .tuple(fc.nat(complete.length - 1), fc.nat(40), fc.uint8Array({ maxLength: 60 }))
    .map(([at, cut, bytes]) => Buffer.concat([complete.subarray(0, at), bytes, complete.subarray(at + cut)]));
  await fc.assert(
    fc.asyncProperty(fc.oneof(spoiled, fc.uint8Array({ minLength: 1, maxLength: 200 })), async bytes => {
      const { text, status, body } = await exchangeBytes(gateway.port, socket => socket.end(bytes));
      if (text === '' || status === 200) return;
      expect(status).toBeGreaterThanOrEqual(400);
      expect(JSON.parse(body)).toEqual({
        error: {
          message: expect.any(String),
          type: expect.any(String),
          code: expect.any(String),
          param: expect.toSatisfy(param => param === null || typeof param === 'string'),
        },
      });
    }),
    { numRuns: runs },
  );
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
});
