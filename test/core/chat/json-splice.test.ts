import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scanObject, spliceMembers } from '../../../gateway/core/chat/json.ts';
import { runs } from '../../runs.ts';

const spliced = (text: string, changes: Readonly<Record<string, string | undefined>>): string => {
  const scan = scanObject(text);
  if (!scan.ok) throw new Error(scan.problem.message);
  return spliceMembers(text, scan.members, changes);
};

describe('spliceMembers', () => {
  test.each<[string, string, Readonly<Record<string, string | undefined>>, string]>([
    ['replaces a value and nothing else', '{ "a" : 1 ,\n "b":[2, 3] }', { b: '4' }, '{ "a" : 1 ,\n "b":4 }'],
    ['adds what is not there', '{"a":1}', { b: '2' }, '{"a":1,"b":2}'],
    ['adds to an empty object', '{ }', { b: '2' }, '{ "b":2}'],
    ['removes the first', '{"a":1, "b":2, "c":3}', { a: undefined }, '{"b":2, "c":3}'],
    ['removes one in the middle', '{"a":1, "b":2, "c":3}', { b: undefined }, '{"a":1, "c":3}'],
    ['removes the last', '{"a":1, "b":2, "c":3 }', { c: undefined }, '{"a":1, "b":2 }'],
    ['removes several at the end', '{"a":1, "b":2, "c":3}', { b: undefined, c: undefined }, '{"a":1}'],
    ['removes all', '{ "a":1, "b":2 }', { a: undefined, b: undefined }, '{  }'],
    ['removes all and adds', '{"a":1}', { a: undefined, b: '2' }, '{"b":2}'],
    ['removes what is not there without a trace', '{"a":1}', { b: undefined }, '{"a":1}'],
    [
      'keeps numbers that no double holds',
      '{"seed":9007199254740993,"models":["x"],"n":1E400}',
      { models: undefined },
      '{"seed":9007199254740993,"n":1E400}',
    ],
    ['finds keys with escapes in them', '{"x\\"y\\\\":1,"\\u0061":2,"c":"}"}', { a: undefined }, '{"x\\"y\\\\":1,"c":"}"}'],
  ])('%s', (_, text, changes, after) => {
    expect(spliced(text, changes)).toBe(after);
    expect(() => JSON.parse(after)).not.toThrow();
  });

  test('equals the same changes to the object, for any content and layout', () => {
    const key = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.string({ unit: 'binary', maxLength: 4 }));
    const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6, noNullPrototype: true });
    const changes = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant(undefined)),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(object, changes, fc.constantFrom(undefined, 1, '\t'), (object, change, indent) => {
        fc.pre(!JSON.stringify(object).includes('__proto__'));
        const text = JSON.stringify(object, null, indent);
        const rendered = Object.fromEntries(
          Object.entries(change).map(([k, value]) => [k, value === undefined ? undefined : JSON.stringify(value)]),
        );
        const expected: Record<string, unknown> = { ...object, ...change };
        for (const [k, value] of Object.entries(change)) if (value === undefined) delete expected[k];
        expect(JSON.parse(spliced(text, rendered))).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
      runs(1_500),
    );
  });
});
