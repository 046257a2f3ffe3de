/** Strict JSON parsing: like JSON.parse, without what parsers disagree about, and with the span of every top-level member. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  isObject,
  type Json,
  type JsonObject,
  type JsonProblem,
  type JsonScan,
  scanObject,
  spliceMembers,
} from '../../../gateway/core/chat/json.ts';
import { anyText, anyUnit } from '../../any-text.ts';
import { longTimeout, runs } from '../../runs.ts';

vi.setConfig({ testTimeout: longTimeout });
const { numRuns } = runs(1_000, 10_000);

const problemOf = (text: string): JsonProblem => {
  const scan = scanObject(text);
  if (scan.ok) throw new Error(`accepted: ${text.slice(0, 100)}`);
  return scan.problem;
};
const accepted = (text: string): Extract<JsonScan, { ok: true }> => {
  const scan = scanObject(text);
  if (!scan.ok) throw new Error(`${scan.problem.message} ${text.slice(0, 100)}`);
  return scan;
};

describe('Scanning', () => {
  test('every valid object is accepted, and each span covers its member', () => {
    fc.assert(
      fc.property(objects(), spaces(), fc.boolean(), (value, space, escaped) => {
        const text = write(value, space, escaped);
        const { value: read, members } = accepted(text);
        expect(read).toEqual(JSON.parse(text));
        expect(new Set(members.keys())).toEqual(new Set(Object.keys(read)));
        for (const [name, { start, end }] of members) {
          const slice = text.slice(start, end);
          expect(JSON.parse(slice)).toEqual(read[name]);
          expect(slice).toBe(slice.trim());
        }
      }),
      { numRuns },
    );
  });

  test('an accepted text has the value of JSON.parse; invalid JSON is refused', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ', '-', '.', 'e', 'null') }),
      fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, inserted]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + inserted + text.slice(place);
      }),
      fc.tuple(fc.json(), fc.nat()).map(([text, length]) => text.slice(0, length % (text.length + 1))),
    );
    fc.assert(
      fc.property(hostile, text => {
        const scan = scanObject(text);
        if (scan.ok) expect(scan.value).toEqual(JSON.parse(text));
        else if (scan.problem.code === 'invalid_json') expect(() => JSON.parse(text)).toThrow();
        else if (scan.problem.code === 'invalid_type') expect(isObject(JSON.parse(text))).toBe(false);
      }),
      { numRuns: numRuns * 5 },
    );
  });

  test.each([
    ['truncated JSON', '{"model":', 'invalid_json', null],
    ['a NaN literal', '{"model":"m-fast","temperature":NaN,"messages":[{"role":"user","content":"hi"}]}', 'invalid_json', null],
    ['a key twice', '{"model":"m-cheap","model":"m-forbidden","messages":[]}', 'duplicate_key', 'model'],
    ['__proto__ anywhere', '{"model":"m","metadata":{"__proto__":{"isAdmin":true}}}', 'forbidden_key', 'metadata'],
    ['__proto__ on top', '{"__proto__":{"isAdmin":true}}', 'forbidden_key', '__proto__'],
    ['__proto__ in other letters', '{"a":[{"\\u005f_proto__":1}]}', 'forbidden_key', 'a'],
    ['an empty body', '', 'invalid_json', null],
    ['nothing but space', ' \n', 'invalid_json', null],
    ['an array on top', '[1,2]', 'invalid_type', null],
    ['a text on top', '"model"', 'invalid_type', null],
    ['null on top', 'null', 'invalid_type', null],
    ['two objects', '{"a":1}{"b":2}', 'invalid_json', null],
    ['a key twice, written differently', '{"a":{"x":1,"\\u0078":2}}', 'duplicate_key', 'a'],
    ['a key twice, deep in a list', '{"a":[[{"x":1},{"x":1,"y":{},"x":2}]]}', 'duplicate_key', 'a'],
    ['a key twice, after many', `{"a":{${Array.from({ length: 40 }, (_, i) => `"k${i}":1`).join()},"k3":2}}`, 'duplicate_key', 'a'],
    ['a string that does not end', '{"a":"b', 'invalid_json', null],
    ['a key with a bad escape', '{"a\\x":1}', 'invalid_json', null],
    ['a control character in a string', '{"a":"\n"}', 'invalid_json', null],
    ['brackets crossed', '{"a":[1}]', 'invalid_json', null],
    ['a comma too many', '{"a":1,}', 'invalid_json', null],
    ['a single quote', "{'a':1}", 'invalid_json', null],
    ['a byte order mark', '\ufeff{"a":1}', 'invalid_json', null],
  ])('%s is refused', (_, text, code, param) => {
    expect(problemOf(text)).toMatchObject({ code, param });
    expect(problemOf(text).message.length).toBeLessThan(200);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  test('the same key in two objects and inherited names are accepted', () => {
    accepted('{"a":{"x":1},"b":[{"x":1},{"x":1}],"x":"x","constructor":{"toString":1},"prototype":1}');
  });

  test('a lone surrogate escape is valid JSON and stays unchanged', () => {
    const text = '{"model":"m-fast","messages":[{"role":"user","content":"\\ud800 x"}]}';
    const { value, members } = accepted(text);
    expect(value.messages).toEqual([{ role: 'user', content: '\ud800 x' }]);
    expect(text.slice(members.get('messages')!.start, members.get('messages')!.end)).toContain('\\ud800 x');
  });

  test('256 levels are accepted and one more is refused, in arrays and objects', () => {
    const nested = (depth: number, open: string, close: string): string => `{"messages":${open.repeat(depth)}1${close.repeat(depth)}}`;
    accepted(nested(255, '[', ']'));
    accepted(nested(255, '{"a":', '}'));
    expect(problemOf(nested(256, '[', ']'))).toMatchObject({ code: 'json_too_deep', param: null });
    expect(problemOf(nested(256, '{"a":', '}'))).toMatchObject({ code: 'json_too_deep', param: null });
    const start = performance.now();
    expect(problemOf(`{"messages":${'['.repeat(200_000)}`).code).toBe('json_too_deep');
    expect(problemOf('['.repeat(200_000)).code).toBe('json_too_deep');
    expect(performance.now() - start).toBeLessThan(100);
  });

  test('two megabytes of any shape are read within ten seconds, where quadratic time would take an hour', {
    timeout: 60_000,
  }, () => {
    const message = '{"role":"user","content":"The harbour lies still, he said: \\"yes\\"."},';
    const shapes: Readonly<Record<string, (size: number) => string>> = {
      messages: size => `{"messages":[${message.repeat(size / message.length)}{}]}`,
      backslashes: size => `{"a":"${'\\\\'.repeat(size / 2)}"}`,
      'escaped quotes': size => `{"a":"${'\\"'.repeat(size / 2)}"}`,
      'an open string after backslashes': size => `{"a":"${'\\'.repeat(size)}`,
      'spaces after a value': size => `{"a":1${' '.repeat(size)}}`,
      keys: size => `{"a":{${Array.from({ length: size / 16 }, (_, i) => `"key${String(i).padStart(9, '0')}":1`).join()}}}`,
    };
    for (const [name, shape] of Object.entries(shapes)) {
      const text = shape(2_000_000);
      const start = performance.now();
      scanObject(text);
      expect(performance.now() - start, name).toBeLessThan(10_000);
    }
  });
});

describe('Splicing', () => {
  test('without changes every byte stays', () => {
    fc.assert(
      fc.property(objects(), spaces(), (value, space) => {
        const text = write(value, space, true);
        const { members } = accepted(text);
        expect(spliceMembers(text, members, {})).toBe(text);
        const same = Object.fromEntries([...members].map(([name, span]) => [name, text.slice(span.start, span.end)]));
        expect(spliceMembers(text, members, same)).toBe(text);
        const none = Object.fromEntries([...members.keys()].map(name => [name, undefined]));
        expect(accepted(spliceMembers(text, members, none)).value).toEqual({});
      }),
      { numRuns },
    );
  });

  test('numbers past 2^53 and alternative spellings stay byte for byte', () => {
    const text = '{ "model" : "m-fast", "seed":9007199254740993, "t":1.0, "x":1E400,"y":-0, "s":"\\u0041\\/" }\n';
    const { members } = accepted(text);
    expect(spliceMembers(text, members, { model: '"small"' })).toBe(text.replace('"m-fast"', '"small"'));
    expect(spliceMembers(text, members, { model: undefined })).toContain('9007199254740993, "t":1.0, "x":1E400,"y":-0, "s":"\\u0041\\/"');
    expect(spliceMembers(text, members, { n: '1' })).toBe(text.replace(' }\n', ' ,"n":1}\n'));
  });
});

/** A value that scanObject accepts: without `__proto__`. */
function clean(value: unknown): Json {
  if (Array.isArray(value)) return value.map(clean);
  if (!isObject(value)) return value as Json;
  return Object.fromEntries(Object.entries(value).flatMap(([name, member]) => (name === '__proto__' ? [] : [[name, clean(member)]])));
}

function objects(): fc.Arbitrary<JsonObject> {
  const name = fc.oneof(fc.constantFrom('model', 'stream', 'messages', 'a', 'b', 'c"\\', '', 'constructor', '1', '0'), anyText(6));
  return fc.dictionary(name, fc.jsonValue({ maxDepth: 3, stringUnit: anyUnit }), { maxKeys: 10 }).map(value => clean(value) as JsonObject);
}

const spaces = (): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 });

/** The value as JSON with white space wherever it is allowed; with `escaped`, in ASCII only. */
function write(value: Json, space: string, escaped: boolean): string {
  const text = (source: string): string =>
    escaped
      ? JSON.stringify(source).replace(/[^\x20-\x7e]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
      : JSON.stringify(source);
  const inside = (node: Json): string => {
    if (Array.isArray(node)) return `[${space}${node.map(inside).join(`${space},${space}`)}${space}]`;
    if (!isObject(node)) return typeof node === 'string' ? text(node) : JSON.stringify(node);
    const members = Object.entries(node).map(([name, member]) => `${text(name)}${space}:${space}${inside(member)}`);
    return `{${space}${members.join(`${space},${space}`)}${space}}`;
  };
  return `${space}${inside(value)}${space}`;
}
