import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scanObject } from '../../../gateway/core/chat/json.ts';
import {
  patchRequestBytes,
  patchRequestText,
  type RequestChanges,
  withoutLogprobs,
  withoutNullUsage,
} from '../../../gateway/exchange/response/verbatim.ts';
import { prepare } from '../../../gateway/exchange/routed-request.ts';
import { openai } from '../../../gateway/providers/openai.ts';
import { runs } from '../../runs.ts';
import { routedRequestOf } from './harness.ts';

const passed = (text: string, changes: Partial<RequestChanges> = {}): string => {
  const scan = scanObject(text);
  if (!scan.ok) throw new Error(scan.problem.message);
  const raw = { text, value: scan.value, members: scan.members };
  const all = { model: 'm', stream: false, logprobs: undefined, ...changes };
  const patched = patchRequestText('openai-chat', raw, all);
  const bytes = patchRequestBytes('openai-chat', raw, Buffer.from(text), all);
  if (bytes) expect(bytes.toString()).toBe(patched);
  return patched;
};

const letters = fc.string({ unit: fc.constantFrom('a', '"', '\\', '}', '{', ',', ' ') });
const members = fc.dictionary(
  fc.oneof(fc.constantFrom('messages', 'stream', 'stream_options', 'logprobs'), letters),
  fc.oneof(letters, fc.integer(), fc.constant(null)),
  { maxKeys: 3, noNullPrototype: true },
);
const bodies = fc.tuple(members, letters, members).map(([first, model, last]) => ({ ...first, model, ...last }));

const wires = ['openai-chat', 'anthropic-messages', 'gemini-generate'];

describe('a request that passes', () => {
  test('json-07: keeps every byte but its model, numbers past 2^53 among them', () => {
    const text =
      '{ "model" : "m-fast",\n\t"seed":9007199254740993, "temperature":1.0, "messages":[{"role":"user","content":"\\ud800 h\\u00e9 \\/"}] }';
    expect(passed(text)).toBe(text.replace('"m-fast"', '"m"'));
  });

  test('drops members for the gateway and keeps all other bytes', () => {
    const text = '{"models":["a","b"],"model":"m-fast","seed":9007199254740993,"messages":[],"fallbacks":[{"model":"x"}]}';
    expect(passed(text)).toBe('{"model":"m","seed":9007199254740993,"messages":[]}');
  });

  test('requests the usage of a stream beside its other options', () => {
    expect(passed('{"model":"x","stream":true}', { stream: true })).toBe(
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    );
    expect(
      passed('{"model":"x","stream_options":{ "include_obfuscation":false, "include_usage":false},"stream":true}', { stream: true }),
    ).toBe('{"model":"m","stream_options":{ "include_obfuscation":false, "include_usage":true},"stream":true}');
    expect(passed('{"model":"x","stream_options":null}', { stream: true })).toBe('{"model":"m","stream_options":{"include_usage":true}}');
  });

  test('requests log-probabilities when they are needed', () => {
    expect(passed('{"model":"x","logprobs":false}', { logprobs: { top: 0 } })).toBe('{"model":"m","logprobs":true}');
    expect(passed('{"model":"x"}', { logprobs: { top: 2 } })).toBe('{"model":"m","logprobs":true,"top_logprobs":2}');
  });

  test('is cut out of its bytes as it is patched as a text', () => {
    let cuts = 0;
    fc.assert(
      fc.property(
        bodies,
        letters,
        fc.constantFrom(undefined, 2),
        fc.boolean(),
        fc.constantFrom(...wires),
        (body, model, indent, stream, wire) => {
          const text = JSON.stringify(body, null, indent);
          const scan = scanObject(text);
          if (!scan.ok) return;
          const raw = { text, value: scan.value, members: scan.members };
          const changes = { model, stream, logprobs: undefined };
          const bytes = patchRequestBytes(wire, raw, Buffer.from(text), changes);
          if (!bytes) return;
          cuts++;
          expect(bytes.toString()).toBe(patchRequestText(wire, raw, changes));
        },
      ),
      runs(300),
    );
    expect(cuts).toBeGreaterThan(30);
  });

  test('is what the target gets, with nothing lost', () => {
    const body = '{"messages":[{"role":"user","content":"hi"}],"model":"m-fast","models":["x"],"seed":9007199254740993}';
    const prepared = prepare(routedRequestOf({ body }, 0), { target: 'A/m', timeoutMs: 1, retries: 0, backoffMs: 1 }, openai, 'gpt-x');
    expect(prepared).toMatchObject({ isVerbatim: true, warnings: [], path: '/chat/completions' });
    expect(prepared.body).toBe('{"messages":[{"role":"user","content":"hi"}],"model":"gpt-x","seed":9007199254740993}');
  });
});

describe('an answer that passes', () => {
  test.each([
    ['{"id":"c","usage":null}', '{"id":"c"}'],
    ['{"usage":null,"id":"c"}', '{"id":"c"}'],
    ['{"id":"c", "usage" : null , "x":1}', '{"id":"c" , "x":1}'],
    ['{"id":"c","usage":{"total_tokens":1}}', '{"id":"c","usage":{"total_tokens":1}}'],
    ['{"content":"\\",\\"usage\\":null"}', '{"content":"\\",\\"usage\\":null"}'],
  ])('%s becomes %s', (data, after) => expect(withoutNullUsage(data)).toBe(after));

  test('loses its null usage and nothing else, whatever its texts say', () => {
    const tricky = fc
      .array(fc.constantFrom('"usage":null', ',"usage":null', '{"usage":null,', '\\', '"', ',', '{', '}', 'x'), { maxLength: 6 })
      .map(parts => parts.join(''));
    fc.assert(
      fc.property(tricky, tricky, fc.boolean(), (a, b, first) => {
        const bare = { a, b: { c: b } };
        const data = JSON.stringify(first ? { usage: null, ...bare } : { ...bare, usage: null });
        expect(withoutNullUsage(data)).toBe(JSON.stringify(bare));
      }),
      runs(1_500),
    );
  });

  test('loses its log-probabilities, or some of the alternatives', () => {
    const logprobs = { content: [{ token: 'a', logprob: -1, top_logprobs: [1, 2, 3] }], refusal: null };
    const data = JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'a' }, logprobs, x: 1 }], y: 2 });
    expect(JSON.parse(withoutLogprobs(data, undefined)!)).toEqual({
      id: 'c',
      choices: [{ index: 0, delta: { content: 'a' }, logprobs: null, x: 1 }],
      y: 2,
    });
    expect(JSON.parse(withoutLogprobs(data, 1)!).choices[0].logprobs.content[0]).toEqual({ token: 'a', logprob: -1, top_logprobs: [1] });
    expect(withoutLogprobs('{"usage":1}', undefined)).toBe('{"usage":1}');
    expect(withoutLogprobs('nonsense', undefined)).toBeUndefined();
  });
});
