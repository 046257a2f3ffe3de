import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../../gateway/core/exchange.ts';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import { redactExchange, redactingSink, stripTexts } from '../../../recorder/redact/redacting-sink.ts';
import { compileRules } from '../../../recorder/redact/rules.ts';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { exchange as anyExchange } from '../arbitrary-exchange.ts';
import { rowsOf } from '../encoded-rows.ts';
import { plainExchange, temporaryFolder } from '../plain-exchange.ts';

const canary = 'canary.one@example.com';
const failure: Failure = { kind: 'server-error', message: `upstream said ${canary}`, status: 500 };

/** With a canary wherever text of the caller or of a provider stands. */
function leaky(): Exchange {
  const plain = plainExchange();
  const [attempt] = plain.attempts;
  const request = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: `I am ${canary}` }] }));
  const response = Buffer.from(JSON.stringify({ choices: [{ message: { content: `Hello ${canary}` } }] }));
  return {
    ...plain,
    request,
    response,
    requestHeaders: { 'user-agent': `bot (${canary})` },
    caller: { ...plain.caller, tags: { who: canary } },
    decision: { type: 'failed', failure },
    events: [{ type: 'attempt-failed', at: plain.receivedAt, closed: {}, attempt: 0, failure }],
    warnings: [{ type: 'dropped', field: 'seed', detail: `was ${canary}` }],
    attempts: [
      {
        ...attempt!,
        request,
        response,
        failure,
        chunks: [
          [1, 40],
          [2, response.length - 40],
        ],
      },
    ],
  };
}

const retention = { records: 90, payloads: 30 };
const folderText = (folder: string): string =>
  readdirSync(folder)
    .map(name => readFileSync(join(folder, name)).toString('latin1'))
    .join('');

describe.each([
  ['rules', { payloads: 'full', redact: [{ name: 'email' }] }],
  ['metadata', { payloads: 'metadata', redact: [] }],
  ['both', { payloads: 'metadata', redact: [{ name: 'email' }] }],
] as const)('recorded with %s', (kind, settings) => {
  test('a canary reaches neither the spool nor a row', async () => {
    using folder = temporaryFolder();
    const spool = openSpool(folder.path, { durability: 'process', whenFull: 'refuse', bytesMax: 2 ** 20 });
    const recorded: Exchange[] = [];
    const through = {
      record: (exchange: Exchange) => {
        recorded.push(exchange);
        return spool.record(exchange);
      },
      refusal: () => spool.refusal(),
      dropped: 0,
      close: () => spool.close(),
    };
    const sink = redactingSink(through, settings);
    // Tags and headers are the operator's, and stay where only texts are left out.
    const before = leaky();
    await sink.record(kind === 'metadata' ? { ...before, caller: { ...before.caller, tags: {} }, requestHeaders: {} } : before);
    await sink.close();
    expect(folderText(folder.path)).not.toContain(canary);
    expect(folderText(folder.path)).toContain(before.id);
    for (const { bytes } of Object.values(rowsOf(recorded[0]!, retention))) expect(bytes.toString('latin1')).not.toContain(canary);
  });
});

test('the record says what was done to it, and how large and what it was', () => {
  const before = leaky();
  const after = redactExchange(before, compileRules([{ name: 'email' }]));
  expect(after.redaction).toMatchObject({
    type: 'rules',
    count: 2,
    requestBytes: before.request.byteLength,
    responseBytes: before.response.byteLength,
  });
  expect(after.attempts[0]!.redaction).toMatchObject({ type: 'rules', count: 2 });
  expect(after.attempts[0]!.chunks.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(after.attempts[0]!.response.byteLength);
  expect(Buffer.from(after.response).toString()).toBe('{"choices":[{"message":{"content":"Hello [redacted:email]"}}]}');
});

test('where nothing is found the record is as it was', () => {
  const plain = plainExchange();
  const rules = compileRules([{ name: 'email' }, { name: 'card' }]);
  expect(redactExchange(plain, rules)).toEqual(plain);
  expect(redactExchange(plain, rules).request).toBe(plain.request);
});

test('redacted twice is redacted once, whatever the exchange', () => {
  const rules = compileRules([{ name: 'email' }, { name: 'letters', pattern: '[a-e]+' }]);
  fc.assert(
    fc.property(anyExchange, exchange => {
      const once = redactExchange(exchange, rules);
      const twice = redactExchange({ ...once }, rules);
      expect(Buffer.from(twice.request)).toEqual(Buffer.from(once.request));
      expect(twice.events).toEqual(once.events);
      expect(twice.decision).toEqual(once.decision);
    }),
    { numRuns: process.env.HINDCAST_LONG ? 2_000 : 50 },
  );
});

test('without texts there is no payload row, and the other rows keep every number', () => {
  const before = leaky();
  const rows = rowsOf(stripTexts(before), retention);
  expect([rows.payloads.count, rows.requests.count, rows.attempts.count]).toEqual([0, 1, 1]);
  expect(stripTexts(before)).toMatchObject({ usage: before.usage, costNanoUsd: before.costNanoUsd, redaction: { type: 'metadata' } });
});

test('without rules the spool itself is the sink', () => {
  const sink = { record: () => Promise.reject(new Error()), refusal: () => undefined, dropped: 0, close: () => Promise.resolve() };
  expect(redactingSink(sink, { payloads: 'full', redact: [] })).toBe(sink);
});
