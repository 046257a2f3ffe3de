/** Floods of bytes: bodies and answers under way have a budget, and nobody else waits for them. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../gateway/http/bytes/byte-budget.ts';
import { inTurn } from '../../gateway/http/bytes/turns.ts';
import { type RunningGateway, settingsOf, startGateway, startUpstream, type Upstream } from '../gateway/harness.ts';
import { report } from './report.ts';

const MiB = 2 ** 20;
const chat = (content: string): string => JSON.stringify({ model: 'up/m', messages: [{ role: 'user', content }] });
const text = (length: number): string => Buffer.alloc(length, 'lorem ipsum ').toString();

async function post(
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; code: string }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const answer = (await response.json()) as { readonly error?: { readonly code: string } };
  return { status: response.status, code: answer.error?.code ?? 'ok' };
}

/** Sends the beginning of a body and holds the rest back; gives what lets it go. */
function halfSent(url: string, bytes: number, headers: Record<string, string> = {}): { readonly arrived: Promise<void>; end(): void } {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  const leave = new AbortController();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent >= bytes) return resolve();
      controller.enqueue(Buffer.alloc(64 * 1024, ' '));
      sent += 64 * 1024;
    },
  });
  const init = { method: 'POST', body, duplex: 'half', signal: leave.signal, headers: { 'content-type': 'application/json', ...headers } };
  fetch(`${url}/v1/chat/completions`, init as RequestInit).catch(() => {});
  return { arrived, end: () => leave.abort() };
}

const bounded = (bytes: string, rest: string): Promise<RunningGateway> =>
  startGateway('', { settings: settingsOf(`server: { port: 0, bytes_in_flight: ${bytes} }\n${rest}`) });

let upstream: Upstream;
let providers: string;
beforeAll(async () => {
  const answer = {
    id: 'x',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  };
  upstream = await startUpstream((response, { body }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body.includes('at length') ? { ...answer, filler: text(6 * MiB) } : answer));
  });
  providers = `providers: { up: { api: openai, key: k, base_url: "${upstream.url}", allow_private: true } }\n`;
});
afterAll(() => upstream[Symbol.asyncDispose]());

describe('the budget of bytes', () => {
  it('is never exceeded, and all that was taken is given back, in whatever order requests grow and end', () => {
    const step = fc.record({ request: fc.nat(5), bytes: fc.nat(60), act: fc.constantFrom('take', 'take', 'hold', 'release') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const budget = new ByteBudget(() => 200);
        const scopes = [{ name: 'tenant a', bytesMax: 80 }];
        const requests = Array.from({ length: 6 }, (_, i) => ({ bytes: budget.open(i % 2 ? scopes : []), holders: 1 }));
        for (const { request, bytes, act } of steps) {
          const one = requests[request]!;
          if (act === 'take') one.bytes.take(bytes);
          else if (one.holders > 0) {
            one.bytes[act]();
            one.holders += act === 'hold' ? 1 : -1;
          }
          expect(budget.used).toBeLessThanOrEqual(200);
          expect(budget.usedBy('tenant a')).toBeLessThanOrEqual(80);
          expect(budget.usedBy('tenant a')).toBeLessThanOrEqual(budget.used);
        }
        for (const one of requests) for (; one.holders > 0; one.holders -= 1) one.bytes.release();
        expect([budget.used, budget.usedBy('tenant a')]).toEqual([0, 0]);
      }),
    );
  });

  it('warns when nine tenths are under way', () => {
    const budget = new ByteBudget(() => 10 * MiB);
    const bytes = budget.open();
    expect(bytes.take(9 * MiB - 1)).toBeUndefined();
    expect(budget.warning()).toBeUndefined();
    expect(bytes.take(1)).toBeUndefined();
    expect(budget.warning()).toContain('server.bytes_in_flight');
    expect(bytes.take(2 * MiB)).toBe('process');
    bytes.release();
    expect(budget.warning()).toBeUndefined();
  });
});

describe('work on large bodies', () => {
  it('takes turns with everything else, in order; work on small ones waits for nothing', async () => {
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) inTurn(MiB, () => seen.push(name));
    inTurn(10, () => seen.push('small'));
    const other = async (): Promise<void> => {
      await new Promise(resolve => setImmediate(resolve));
      seen.push('other');
    };
    await other();
    await other();
    await other();
    expect(seen).toEqual(['small', 'a', 'other', 'b', 'other', 'c', 'other']);
  });
});

describe('a gateway', () => {
  it('refuses what exceeds server.bytes_in_flight with 503, says so in /ready, and takes requests again when others have ended', async () => {
    await using gateway = await bounded('4MiB', providers);
    const held = halfSent(gateway.url, 3.75 * MiB);
    await held.arrived;
    const warnings = async () =>
      ((await (await fetch(`${gateway.url}/ready`)).json()) as { readonly warnings?: readonly string[] }).warnings;
    await expect.poll(warnings).toEqual([expect.stringContaining('server.bytes_in_flight')]);
    expect(await post(gateway.url, chat(text(MiB)))).toEqual({ status: 503, code: 'overloaded' });
    expect(await post(gateway.url, chat('small ones still fit'))).toEqual({ status: 200, code: 'ok' });
    held.end();
    await expect.poll(() => post(gateway.url, chat(text(MiB)))).toEqual({ status: 200, code: 'ok' });
    report('half-sent bodies', '3.75 MiB of 4 held; a further MiB is refused (503), small requests are answered');
  });

  it('refuses what exceeds limits.bytes_in_flight of a tenant with 429, and answers other tenants', async () => {
    const keys = ['mine', 'theirs'].map(
      name => `{ name: ${name}, tenant: ${name}, hash: "sha256:${createHash('sha256').update(name).digest('hex')}" }`,
    );
    await using gateway = await startGateway(
      `${providers}keys: [${keys}]\ntenants: { mine: { limits: { bytes_in_flight: 2MiB } }, theirs: {} }\n`,
    );
    const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
    const body = chat(text(3 * MiB));
    expect(await post(gateway.url, body, as('mine'))).toEqual({ status: 429, code: 'bytes_in_flight_exceeded' });
    expect(await post(gateway.url, body, as('theirs'))).toEqual({ status: 200, code: 'ok' });
    expect(await post(gateway.url, chat(text(MiB)), as('mine'))).toEqual({ status: 200, code: 'ok' });
  });

  it('counts decoded bytes, and refuses a body that grows more than server.decode_ratio_max times', async () => {
    await using gateway = await bounded('4MiB', providers);
    const gzip = { 'content-encoding': 'gzip' };
    const dense = gzipSync(chat('a'.repeat(8 * MiB)));
    expect(await post(gateway.url, dense, gzip)).toEqual({ status: 413, code: 'request_too_large' });
    const sparse = gzipSync(chat(Buffer.from(Array.from({ length: MiB }, (_, i) => 97 + (((i * i * 31) >> 7) % 16))).toString()));
    expect(MiB / sparse.length).toBeLessThan(100);
    expect(await post(gateway.url, sparse, gzip)).toEqual({ status: 200, code: 'ok' });
    report('encoded bodies', `${dense.length} bytes that decode to 8 MiB are refused (413)`);
  });

  it('counts answers: one that leaves no room is given up with 503, and is not the fault of its provider', async () => {
    await using gateway = await bounded('4MiB', providers);
    const asked = chat('say it at length');
    expect(await post(gateway.url, asked)).toEqual({ status: 503, code: 'overloaded' });
    const { outcome, attempts } = await gateway.sink.next();
    expect([outcome, attempts.length]).toEqual(['internal', 1]);
    expect(await post(gateway.url, chat(text(3 * MiB)))).toEqual({ status: 200, code: 'ok' });
  });

  it.each([
    ['objects', `{"model":"up/m","x":[${'{},'.repeat(300_000)}{}]}`],
    ['keys', `{"model":"up/m","x":{${Array.from({ length: 300_000 }, (_, i) => `"${i}":1`)}}}`],
  ])('refuses a body of very many %s before it is parsed', async (_, body) => {
    await using gateway = await startGateway(providers);
    expect(await post(gateway.url, body)).toEqual({ status: 400, code: 'json_too_many_parts' });
  });
});
