import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanObject } from '../../../gateway/core/chat/json.ts';
import type { Exchange } from '../../../gateway/core/exchange.ts';
import { type PromptHashes, promptHashes } from '../../../recorder/rows/prompt-hashes.ts';
import { columnsOf, tableNames } from '../../../recorder/rows/tables.ts';
import { Arena, buffersOf } from '../../../recorder/spool/arena.ts';
import { isPacked, unpackRows } from '../../../recorder/spool/packed-rows.ts';
import { payloadIdentity } from '../../../recorder/spool/payload-identity.ts';
import { newSegmentId, parseSegment, renderFileHeader, saltOf } from '../../../recorder/spool/segment.ts';
import { recordIdentity } from '../../../recorder/tombstones/tombstone.ts';
import { bytes, exchange } from '../arbitrary-exchange.ts';
import { encoded, rowsOf, rowsOfFeedback } from '../encoded-rows.ts';
import { plainExchange } from '../plain-exchange.ts';
import { type PromptHashes as ReferenceHashes, promptHashes as referenceHashes } from './reference/prompt-hashes.ts';
import * as reference from './reference/tables.ts';

const retention = { records: 90, payloads: 30, tenants: { acme: { records: 7, payloads: 3 } } };
const daysOf = () => ({ records: 90, payloads: 30 });

/** Bodies as large as those that are shared, or not copied; the answer may be the same for caller and attempt. */
const withBodies = fc
  .tuple(exchange, fc.constantFrom(0, 1, 1_023, 1_024, 5_000, 64 * 1024, 64 * 1024 + 1, 200_000), fc.boolean(), bytes)
  .map(([record, size, isSame, seed]): Exchange => {
    const body = Buffer.alloc(size, seed.length > 0 ? seed : 'x');
    const attempts = record.attempts.map((attempt, i) => ({
      ...attempt,
      response: isSame ? Buffer.from(body) : Buffer.alloc(size, `${i}`),
    }));
    return { ...record, response: body, attempts };
  });

const prompts = fc.constantFrom(
  '{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"héllo"}],"tools":[{"type":"function"}]}',
  '{ "messages": [ {"role": "developer", "content": "\\u00e9"}, null, 1 ] }',
  '{"system":"s","contents":{"a":1.0}}',
  '{"input":"x","instructions":"y"}',
  '{"prompt":["a","b"]}',
  '[1]',
  'null',
  '{}',
  '"x"',
  '',
);

function payloadsOf(records: readonly Exchange[]): readonly Uint8Array[] {
  const arena = new Arena();
  const id = newSegmentId(Date.now());
  const frames = records.map(record => arena.pack(record));
  const file = Buffer.concat([renderFileHeader(id), ...buffersOf(frames, 0, saltOf(id))]);
  return parseSegment(file, id).frames.map(({ payload }) => payload);
}

const hashesOf = ({ prompt, group }: PromptHashes): ReferenceHashes => ({
  prompt: Buffer.from(prompt).readBigUInt64LE(),
  group: Buffer.from(group).readBigUInt64LE(),
});
const members = ['messages', 'contents', 'input', 'prompt', 'system', 'systemInstruction', 'instructions', 'tools', 'model'];
const sent = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.array(
    fc.record({
      role: fc.constantFrom('system', 'developer', 'user'),
      content: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('1')),
    }),
    { maxLength: 4 },
  ),
);
const bodies = fc.dictionary(fc.constantFrom(...members), sent, { noNullPrototype: true });

describe('fingerprints of prompts', () => {
  it('are those of 0.1.0, whether the body has been read before or not, however its text is written', () =>
    fc.assert(
      fc.property(bodies, fc.constantFrom(undefined, 1), fc.boolean(), (body, indent, isEscaped) => {
        const compact = JSON.stringify(body, null, indent);
        const text = isEscaped ? compact.replaceAll('/', '\\/').replaceAll('a', '\\u0061') : compact;
        const scan = scanObject(text);
        if (!scan.ok) return;
        const bytes = Buffer.from(text);
        const expected = referenceHashes(bytes);
        expect(hashesOf(promptHashes(bytes))).toEqual(expected);
        expect(hashesOf(promptHashes(bytes, { text, value: scan.value, members: scan.members }))).toEqual(expected);
      }),
    ));
});

describe('rows in the spool', () => {
  it('are byte for byte those of the reference encoder, of any exchange', () =>
    fc.assert(
      fc.property(fc.array(withBodies, { minLength: 1, maxLength: 3 }), prompts, (records, prompt) => {
        const requested = [...records, { ...records[0]!, request: Buffer.from(prompt) }];
        const payloads = payloadsOf(requested);
        expect(payloads.every(isPacked)).toBe(true);
        for (const [i, record] of requested.entries()) {
          const expected = reference.rowsOf(record, retention);
          const rows = encoded(unpackRows(payloads[i]!, daysOf).rows);
          for (const table of tableNames) {
            expect(rows[table].count, table).toBe(expected[table].count);
            expect(rows[table].bytes.equals(expected[table].bytes), table).toBe(true);
          }
        }
      }),
      { numRuns: 150 },
    ));

  it('have the columns and types of the reference encoder', () => {
    for (const table of tableNames) expect(columnsOf(table)).toEqual(reference.columnsOf(table).map(({ name, type }) => ({ name, type })));
  });

  it('of redacted exchanges, of strange numbers and of large sums are the same, too', () => {
    const plain = plainExchange();
    const [attempt] = plain.attempts;
    const redaction = { type: 'rules', count: 3, requestBytes: 5, responseBytes: 6 } as const;
    const odd: readonly Partial<Exchange>[] = [
      { redaction: { ...redaction, deliveredSha256: 'ab' }, attempts: [{ ...attempt!, redaction }] },
      { redaction: { ...redaction, type: 'metadata', deliveredSha256: 'cd' } },
      { costNanoUsd: 999_999_999_999_999 },
      { costNanoUsd: Number.MAX_SAFE_INTEGER },
      { costNanoUsd: -Number.MAX_SAFE_INTEGER },
      { costNanoUsd: -0.4, overheadMs: -5, queuedMs: Number.POSITIVE_INFINITY, heldMs: Number.NaN },
      { status: 70_000, repeat: -1, delivered: { sha256: 'ef', events: 2 ** 40, bytes: 1 } },
      { receivedAt: -1.5, id: plainExchange().id },
      { auditProbability: 0.25, usage: { ...plain.usage!, audioInput: 3, audioOutput: 2 ** 60 } },
      { caller: { ...plain.caller, tenant: 'acme', tags: { a: 'x'.repeat(64), ä: 'x'.repeat(65), '\ud800': '\udfff' } } },
      { policy: { ...plain.policy, variant: { name: 'v' } } as Exchange['policy'] },
      { attempts: [] },
      { attempts: [attempt!, { ...attempt!, number: 300, kind: 'hedge' }, { ...attempt!, kind: 'fallback', number: 3 }] },
    ];
    for (const changes of odd) {
      const record = plainExchange(changes);
      const [rows, expected] = [rowsOf(record, retention), reference.rowsOf(record, retention)];
      for (const table of tableNames) expect(rows[table], `${JSON.stringify(Object.keys(changes))} ${table}`).toEqual(expected[table]);
    }
  });

  it('of feedback are the same', () => {
    const { id: request } = plainExchange();
    const score = {
      id: plainExchange().id,
      name: 'q',
      source: 'client',
      value: -0,
      label: 'ü',
      explanation: 'y'.repeat(99),
      evaluator: '',
    } as const;
    const feedback = {
      request,
      tenant: 'acme',
      scores: [
        { ...score, at: 5 },
        { ...score, at: 6.9, value: Number.NaN },
      ],
    };
    expect(rowsOfFeedback(feedback)).toEqual(reference.rowsOfFeedback(feedback));
  });

  it('tell whose they are as the exchange itself does', () =>
    fc.assert(
      fc.property(exchange, record => {
        const wellFormed = {
          ...record,
          caller: { ...record.caller, tenant: record.caller.tenant.toWellFormed(), user: record.caller.user.toWellFormed() },
        };
        expect(payloadIdentity(payloadsOf([wellFormed])[0]!)).toEqual(recordIdentity(wellFormed));
      }),
      { numRuns: 50 },
    ));

  it('hold a body once that caller and attempt share, and the days that the tenant has when they are shipped', () => {
    const response = Buffer.alloc(20_000, 'r');
    const plain = plainExchange({ response });
    const shared = { ...plain, attempts: [{ ...plain.attempts[0]!, response: Buffer.from(response) }] };
    const [payload] = payloadsOf([shared]);
    expect(payload!.length).toBeLessThan(22_500);
    const longer = encoded(unpackRows(payload!, () => ({ records: 365, payloads: 364 })).rows);
    expect(longer).toEqual(reference.rowsOf(shared, { records: 365, payloads: 364 }));
  });

  it('whose column list no version had are told from those that have a known one', () => {
    expect(() => columnsOf('requests', '0')).toThrow(/column list 0, which this version does not know/);
    expect(() => columnsOf('requests', 'toString')).toThrow(/does not know/);
  });

  it('are no rows when the frame ends too early', () => {
    const payload = Buffer.from(payloadsOf([plainExchange()])[0]!);
    for (let length = 9; length < payload.length; length += 7)
      expect(() => unpackRows(payload.subarray(0, length), daysOf), `${length}`).toThrow();
  });
});
