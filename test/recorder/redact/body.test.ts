import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectorNames } from '../../../gateway/config/schema/redact-schema.ts';
import { redactBody } from '../../../recorder/redact/body.ts';
import { compileRules } from '../../../recorder/redact/rules.ts';

const runs = process.env.HINDCAST_LONG ? 20_000 : 150;
const rules = compileRules([...detectorNames.map(name => ({ name })), { name: 'staff', pattern: 'EMP-[0-9]{6}' }]);
const bodyOf = (text: string) => Buffer.from(redactBody(Buffer.from(text), rules).bytes).toString();

const canaries = [
  'canary.one@example.com',
  '4111 1111 1111 1111',
  'DE89370400440532013000',
  '+49 30 12345678',
  '203.0.113.77',
  'sk-canary-0123456789abcdef',
  'EMP-123456',
] as const;

/** Anything that JSON holds, with canaries among the texts and in the names. */
const canary = fc.constantFrom(...canaries);
const noise = fc.string({ unit: 'grapheme', maxLength: 12 });
const spoken = fc.tuple(noise, canary, noise).map(([a, found, b]) => `${a} ${found} ${b}`);
const json = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    spoken,
    noise,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, 4111111111111111),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(noise, spoken), tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** With or without blanks, and with @ and spaces escaped, which need not be. */
const written = (value: unknown, hide: boolean): string =>
  hide ? JSON.stringify(value).replaceAll('@', '\\u0040').replaceAll(' ', '\\u0020') : JSON.stringify(value, null, 1);

const seen = (text: string): readonly string[] =>
  canaries.filter(found => text.includes(found) || text.replaceAll('\\', '').includes(found));

describe('JSON', () => {
  test('stays JSON of the same shape, and no canary is left in it', () => {
    fc.assert(
      fc.property(json, fc.boolean(), (value, hide) => {
        const after = bodyOf(written(value, hide));
        expect(seen(after)).toEqual([]);
        expect(shapeOf(JSON.parse(after))).toEqual(shapeOf(value));
      }),
      { numRuns: runs },
    );
  });

  test('done twice is done once', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          json.map(value => JSON.stringify(value)),
          spoken,
          fc.string({ unit: 'binary' }),
        ),
        text => {
          const once = bodyOf(text);
          expect(bodyOf(once)).toBe(once);
        },
      ),
      { numRuns: runs / 3 },
    );
  });

  test('what holds nothing to find is the same bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const { bytes: after, found } = redactBody(bytes, rules);
        if (found.length === 0) expect(after).toBe(bytes);
      }),
      { numRuns: runs },
    );
  });

  test('only the place changes: blanks, order, doubled names and numbers stay as they were written', () => {
    const before = '{ "n": 1.50,\n"a": "x canary.one@example.com y", "a": 12345678901234567890, "u": "\\u00e9\\/" }';
    expect(bodyOf(before)).toBe('{ "n": 1.50,\n"a": "x [redacted:email] y", "a": 12345678901234567890, "u": "\\u00e9\\/" }');
  });

  test('escapes hide nothing, and a number becomes a text', () => {
    expect(bodyOf('{"a":"bob\\u0040example.com\\n","n":4111111111111111}')).toBe('{"a":"[redacted:email]\\n","n":"[redacted:card]"}');
  });

  test('JSON in a string stays JSON in a string', () => {
    const call = JSON.stringify({ arguments: JSON.stringify({ to: 'bob@example.com', card: 4111111111111111, note: 'line\nbreak' }) });
    const after = JSON.parse(bodyOf(call)) as { arguments: string };
    expect(JSON.parse(after.arguments)).toEqual({ to: '[redacted:email]', card: '[redacted:card]', note: 'line\nbreak' });
  });

  test('what spells an answer token by token goes with it, and stays where nothing was found', () => {
    const choice = (text: string) =>
      JSON.stringify({ choices: [{ message: { content: text }, logprobs: { content: [{ token: text, bytes: [98] }] } }] });
    expect(bodyOf(choice('bob@example.com'))).toBe('{"choices":[{"message":{"content":"[redacted:email]"},"logprobs":null}]}');
    expect(bodyOf(choice('hello'))).toBe(choice('hello'));
  });
});

describe('a stream', () => {
  const events = (parts: readonly string[], make: (part: string) => unknown) =>
    parts.map(part => `data: ${JSON.stringify(make(part))}\n\n`).join('');
  const forms: Readonly<Record<string, (part: string) => unknown>> = {
    openai: part => ({ id: 'c1', choices: [{ delta: { content: part }, index: 0 }] }),
    anthropic: part => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: part } }),
    gemini: part => ({ candidates: [{ content: { parts: [{ text: part }], role: 'model' } }] }),
    responses: part => ({ type: 'response.output_text.delta', item_id: 'm', output_index: 0, content_index: 0, delta: part }),
  };

  test.each(Object.entries(forms))('of %s does not hide what is cut into pieces', (_, make) => {
    fc.assert(
      fc.property(canary, fc.array(fc.nat(40), { maxLength: 8 }), (found, cuts) => {
        const text = `it is ${found} indeed`;
        const places = [...new Set(cuts.map(cut => cut % text.length))].sort((a, b) => a - b);
        const parts = [0, ...places].map((from, i) => text.slice(from, places[i] ?? text.length));
        const before = events(parts, make);
        const after = bodyOf(before);
        expect(after.split('\n').length).toBe(before.split('\n').length);
        const sent = [...after.matchAll(/^data: (.*)$/gm)].map(([, data]) => textOf(JSON.parse(data!)));
        expect(sent.join('')).toMatch(/^it is \[redacted:\w+\] indeed$/);
      }),
      { numRuns: runs / 3 },
    );
  });

  test('two choices told in turns are two texts', () => {
    const both = ['bob', '@exam', 'ple.com '].flatMap(part => [0, 1].map(index => ({ choices: [{ index, delta: { content: part } }] })));
    const after = bodyOf(both.map(event => `data: ${JSON.stringify(event)}\n\n`).join(''));
    expect(after.match(/\[redacted:email\]/g)).toHaveLength(2);
    expect(after).not.toContain('ple.com');
  });

  test('whose last event was cut off is searched to the end', () => {
    const [first, second] = ['4111 1111 ', '1111 1111'].map(part => `data: ${JSON.stringify(forms.openai!(part))}`);
    const after = bodyOf(`${first}\n\n${second!.slice(0, second!.indexOf('1111 1111') + 9)}`);
    expect(after).not.toContain('1111');
  });
});

test('the place of a position is where it went to', () => {
  const text = 'ab bob@example.com cd';
  const { bytes, mapPosition } = redactBody(Buffer.from(text), rules);
  expect(Buffer.from(bytes).toString()).toBe('ab [redacted:email] cd');
  expect([0, 3, 10, 18, text.length].map(mapPosition)).toEqual([0, 3, 19, 19, 22]);
});

test('binary events, which hold their text in pieces, are not kept', () => {
  const frame = Buffer.alloc(20);
  frame.writeUInt32BE(20, 0);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  expect(redactBody(frame, rules)).toMatchObject({ found: ['binary'], bytes: new Uint8Array() });
});

/** Names replaced by their number of marks; texts and changed numbers by what kind they are. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === 'object' && value !== null) {
    const names = new Set(Object.keys(value).map(name => bodyOf(JSON.stringify(name))));
    return names.size === Object.keys(value).length ? Object.values(value).map(shapeOf) : names.size;
  }
  return value === 4111111111111111 ? 'string' : typeof value;
}

function textOf(event: unknown): string {
  const { choices, delta, candidates } = event as Record<string, never> as {
    choices?: { delta: { content: string } }[];
    delta?: string | { text: string };
    candidates?: { content: { parts: { text: string }[] } }[];
  };
  if (choices) return choices[0]!.delta.content;
  if (candidates) return candidates[0]!.content.parts[0]!.text;
  return typeof delta === 'string' ? delta : delta!.text;
}
