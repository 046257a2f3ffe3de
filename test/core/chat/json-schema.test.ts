/** The JSON Schema validation agrees with the standard on its keywords, ignores the others, and always terminates. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Json, JsonObject } from '../../../gateway/core/chat/json.ts';
import { conforms, resolveRef, schemaViolation } from '../../../gateway/core/chat/json-schema.ts';
import { generateValue } from '../../../gateway/providers/simulated/values/schema-value.ts';
import { longTimeout, runs } from '../../runs.ts';

vi.setConfig({ testTimeout: longTimeout });
const { numRuns } = runs(2_000, 50_000);

describe('Keywords', () => {
  test.each<[string, Json, Json, boolean]>([
    ['no schema at all', true, 1, true],
    ['nothing is allowed', false, 1, false],
    ['a type', { type: 'string' }, 'a', true],
    ['another type', { type: 'string' }, 1, false],
    ['null is no object', { type: 'object' }, null, false],
    ['an array is no object', { type: 'object' }, [], false],
    ['1.0 is an integer', { type: 'integer' }, 1.0, true],
    ['1.5 is none', { type: 'integer' }, 1.5, false],
    ['a number is none', { type: 'integer' }, '1', false],
    ['one of several types', { type: ['string', 'null'] }, null, true],
    ['none of several types', { type: ['string', 'null'] }, 1, false],
    ['an unknown type fits nothing', { type: 'text' }, 'a', false],
    ['enum', { enum: ['a', 1, null] }, 1, true],
    ['not in the enum', { enum: ['a', 1, null] }, '1', false],
    ['enum of objects, in any order', { enum: [{ a: 1, b: [2] }] }, { b: [2], a: 1 }, true],
    ['const', { const: [1, { a: null }] }, [1, { a: null }], true],
    ['const of null', { const: null }, 0, false],
    ['const with a member more', { const: { a: 1 } }, { a: 1, b: 1 }, false],
    ['required', { required: ['a'] }, { a: null }, true],
    ['required and missing', { required: ['a'] }, {}, false],
    ['required of an inherited name', { required: ['toString'] }, {}, false],
    ['properties look at what is there', { properties: { a: { type: 'string' } } }, { a: 1 }, false],
    ['properties need not be there', { properties: { a: { type: 'string' } } }, { b: 1 }, true],
    ['additionalProperties: false', { properties: { a: true }, additionalProperties: false }, { a: 1, b: 1 }, false],
    ['additionalProperties of a type', { additionalProperties: { type: 'string' } }, { a: 'x', b: 1 }, false],
    ['a name that is also an inherited one', { properties: {}, additionalProperties: false }, { constructor: 1 }, false],
    [
      'patternProperties are not run, so nothing is additional',
      { patternProperties: { '^x': true }, additionalProperties: false },
      { y: 1 },
      true,
    ],
    ['items', { items: { type: 'integer' } }, [1, 2, 'c'], false],
    ['prefixItems, then items', { prefixItems: [{ type: 'string' }], items: { type: 'integer' } }, ['a', 1], true],
    ['no more than prefixItems', { prefixItems: [{ type: 'string' }], items: false }, ['a', 1], false],
    ['minItems', { minItems: 2 }, [1], false],
    ['maxItems', { maxItems: 1 }, [1, 2], false],
    ['length is counted in code points', { minLength: 2, maxLength: 2 }, '👍👍', true],
    ['minLength', { minLength: 3 }, '👍👍', false],
    ['maxLength', { maxLength: 1 }, 'ab', false],
    ['minimum', { minimum: 1 }, 1, true],
    ['exclusiveMinimum', { exclusiveMinimum: 1 }, 1, false],
    ['maximum', { maximum: 1 }, 1.1, false],
    ['exclusiveMaximum', { exclusiveMaximum: 1 }, 1, false],
    ['multipleOf, though not in binary', { multipleOf: 0.1 }, 0.3, true],
    ['multipleOf', { multipleOf: 0.1 }, 0.35, false],
    ['numbers only', { minimum: 5, multipleOf: 2 }, 'a', true],
    ['anyOf', { anyOf: [{ type: 'string' }, { minimum: 5 }] }, 6, true],
    ['anyOf none', { anyOf: [{ type: 'string' }, { minimum: 5 }] }, 4, false],
    ['oneOf one', { oneOf: [{ minimum: 1 }, { minimum: 5 }] }, 2, true],
    ['oneOf two', { oneOf: [{ minimum: 1 }, { minimum: 5 }] }, 6, false],
    ['allOf', { allOf: [{ minimum: 1 }, { maximum: 2 }] }, 3, false],
    ['not', { not: { type: 'string' } }, 1, true],
    ['not so', { not: { type: 'string' } }, 'a', false],
    ['$ref into $defs', { $ref: '#/$defs/a', $defs: { a: { type: 'string' } } }, 1, false],
    ['$ref, and what stands beside it', { $ref: '#/$defs/a', maxLength: 1, $defs: { a: { type: 'string' } } }, 'ab', false],
    ['$ref with escapes', { $ref: '#/$defs/a~1b%20c~0', $defs: { 'a/b c~': { type: 'string' } } }, 1, false],
    ['$ref to nowhere fits nothing', { $ref: '#/$defs/b' }, 1, false],
    ['$ref out of the schema fits nothing', { $ref: 'https://example.com/schema' }, 1, false],
    ['pattern is not run', { pattern: '^(a+)+$' }, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', true],
    ['format is a hint', { format: 'date' }, 'tomorrow', true],
    ['unknown keywords are passed over', { uniqueItems: true, 'x-order': 1 }, [1, 1], true],
    ['a keyword of the wrong kind is passed over', { minimum: '1', items: 3, required: 'a', properties: [] }, { a: 1 }, true],
  ])('%s', (_, schema, value, fits) => {
    expect(conforms(value, schema)).toBe(fits);
  });

  test('the first violation is reported with its path', () => {
    const schema = { type: 'object', properties: { list: { type: 'array', items: { type: 'integer' } } }, required: ['list'] };
    expect(schemaViolation({ list: [1, 'a'] }, schema)).toBe('/list/1: type');
    expect(schemaViolation({}, schema)).toBe(': required');
    expect(schemaViolation({ list: [] }, schema)).toBeUndefined();
  });

  test('a recursive schema follows the value', () => {
    const tree = { type: 'object', properties: { left: { anyOf: [{ $ref: '#' }, { type: 'null' }] } }, required: ['left'] };
    expect(conforms({ left: { left: { left: null } } }, tree)).toBe(true);
    expect(conforms({ left: { left: { left: 1 } } }, tree)).toBe(false);
  });

  test('pointers resolve to own members and never to inherited ones', () => {
    const root = { a: [{ b: 1 }], '': 2 };
    expect(resolveRef(root, '#')).toBe(root);
    expect(resolveRef(root, '#/a/0/b')).toBe(1);
    expect(resolveRef(root, '#/')).toBe(2);
    for (const ref of ['#/a/1', '#/a/-', '#/toString', '#/a/length', 'a', '#a', '#/%']) expect(resolveRef(root, ref)).toBeUndefined();
  });
});

describe('Bounds', () => {
  const withinMs = (limitMs: number, check: () => void): void => {
    const start = performance.now();
    check();
    expect(performance.now() - start).toBeLessThan(limitMs);
  };

  test('a schema that refers to itself endlessly rejects every value, even under `not`', () => {
    for (const schema of [
      { $ref: '#' },
      { not: { $ref: '#' } },
      { anyOf: [{ $ref: '#' }] },
      { oneOf: [{ $ref: '#' }, true] },
      { not: { $ref: '#/$defs/a' }, $defs: { a: { $ref: '#/$defs/a' } } },
    ] as Json[]) {
      withinMs(2_000, () => expect(conforms(1, schema), JSON.stringify(schema)).toBe(false));
    }
  });

  test('options that double at every level are bounded', () => {
    const defs = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`d${i}`, { anyOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] }]),
    );
    withinMs(2_000, () => expect(conforms(1, { $ref: '#/$defs/d0', $defs: { ...defs, d60: false } })).toBe(false));
  });

  test('a deep value, a long text and a long list of names stay within the step limit', () => {
    const deep = JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as Json;
    withinMs(2_000, () => expect(conforms(deep, { items: { $ref: '#' } })).toBe(false));
    const many = { anyOf: Array.from({ length: 5_000 }, () => ({ $ref: '#/$defs/a' })), $defs: { a: { maxLength: 1, minLength: 1 } } };
    withinMs(2_000, () => expect(conforms('x'.repeat(2_000_000), many)).toBe(false));
    const required = Array.from({ length: 100_000 }, (_, i) => `name${i}`);
    withinMs(2_000, () =>
      expect(
        conforms(
          Array.from({ length: 10_000 }, () => ({ name0: 1 })),
          { items: { required } },
        ),
      ).toBe(false),
    );
    const text = 'x'.repeat(1_000_000);
    const options = { anyOf: Array.from({ length: 50_000 }, () => ({ $ref: '#/$defs/a' })), $defs: { a: { const: `${text}a` } } };
    withinMs(2_000, () => expect(conforms(`${text}b`, options)).toBe(false));
  });

  test('a valid response of 100,000 items is checked completely', () => {
    expect(
      conforms(
        Array.from({ length: 100_000 }, (_, i) => i),
        { items: { type: 'integer' } },
      ),
    ).toBe(true);
  });
});

describe('Generating', () => {
  test('a generated value conforms to its schema', () => {
    let filled = 0;
    fc.assert(
      fc.property(schemas(), fc.string(), (schema, seed) => {
        const value = generateValue(schema, seed);
        if (value === undefined) return;
        filled++;
        expect(schemaViolation(value, schema)).toBeUndefined();
        expect(generateValue(schema, seed)).toEqual(value);
      }),
      { numRuns },
    );
    expect(filled / numRuns).toBeGreaterThan(0.8);
  });

  test.each<[string, Json]>([
    [
      'nested to ten levels',
      Array.from({ length: 10 }).reduce<Json>(
        inner => ({ type: 'object', properties: { a: inner }, required: ['a'], additionalProperties: false }),
        { type: 'string' },
      ),
    ],
    [
      'a list that goes on in itself',
      {
        type: 'object',
        properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
        required: ['value', 'next'],
      },
    ],
    [
      'a tree',
      {
        $ref: '#/$defs/node',
        $defs: {
          node: {
            type: 'object',
            properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
            required: ['name', 'children'],
          },
        },
      },
    ],
    [
      'two that hold together',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'integer', minimum: 3 } }, required: ['a'] },
          { properties: { a: { maximum: 4 }, b: { type: 'string' } }, required: ['b'] },
        ],
      },
    ],
    [
      'bounds of which the narrower hold',
      {
        allOf: [
          { type: 'integer', minimum: 900, maximum: 9_000 },
          { minimum: 1, maximum: 905 },
        ],
      },
    ],
    [
      'two references beside each other',
      { allOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }], $defs: { a: { type: 'integer' }, b: { minimum: 7, maximum: 7 } } },
    ],
    [
      'options beside options',
      { anyOf: [{ type: 'integer' }, { type: 'string' }], allOf: [{ anyOf: [{ type: 'string' }, { type: 'null' }] }] },
    ],
    ['an integer among numbers', { allOf: [{ type: 'number' }, { type: 'integer' }], exclusiveMinimum: 1, exclusiveMaximum: 3 }],
    ['a range between whole numbers', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.001 }],
    ['steps', { type: 'number', multipleOf: 0.25, minimum: 0.3, maximum: 0.6 }],
    ['whole steps', { type: 'integer', multipleOf: 0.75, minimum: 1, maximum: 5 }],
    ['a long text', { type: 'string', minLength: 300 }],
    ['a short text', { type: 'string', maxLength: 2 }],
    ['none of these', { type: 'boolean', not: { const: true } }],
    [
      'a name that is also an inherited one',
      { type: 'object', properties: { constructor: { type: 'integer' } }, required: ['constructor', 'toString'] },
    ],
  ])('fills %s', (_, schema) => {
    for (let i = 0; i < 50; i++) expect(schemaViolation(generateValue(schema, `seed ${i}`)!, schema)).toBeUndefined();
    expect(generateValue(schema, 'seed')).toBeDefined();
  });

  test('formats get a matching value', () => {
    const shapes: Readonly<Record<string, RegExp>> = {
      date: /^2025-\d\d-\d\d$/,
      'date-time': /^2025-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      email: /^\w+@example\.com$/,
      uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
      ipv4: /^192\.0\.2\.\d{1,3}$/,
      uri: /^https:\/\/example\.com\/\w+$/,
    };
    for (const [format, shape] of Object.entries(shapes)) expect(generateValue({ type: 'string', format }, 'seed')).toMatch(shape);
  });

  test('gives up quickly on an unsatisfiable schema', () => {
    const wide = {
      anyOf: Array.from({ length: 50 }, (_, i) => ({ type: 'object', properties: { a: { $ref: '#' } }, required: ['a', `x${i}`] })),
    };
    for (const schema of [
      false,
      { enum: [] },
      { type: 'integer', minimum: 1, maximum: 0 },
      { $ref: '#' },
      { $ref: '#/no' },
      { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] },
      wide,
      { type: 'array', minItems: 1e9 },
    ] as Json[]) {
      const start = performance.now();
      expect(generateValue(schema, 'seed')).toBeUndefined();
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });
});

/** Schemas as callers write them, mostly satisfiable. */
function schemas(): fc.Arbitrary<JsonObject> {
  const small = fc.integer({ min: -20, max: 20 });
  const leaf = fc.oneof(
    fc.record({ type: fc.constantFrom('string', 'null', 'boolean', 'integer', 'number') }),
    fc.record({ type: fc.constant('string'), minLength: fc.nat({ max: 5 }), maxLength: fc.integer({ min: 5, max: 12 }) }),
    fc.record({ type: fc.constantFrom('integer', 'number'), minimum: small, maximum: fc.integer({ min: 20, max: 60 }) }),
    fc.record({ type: fc.constantFrom('integer', 'number'), exclusiveMinimum: small, multipleOf: fc.constantFrom(0.1, 0.5, 1, 3) }),
    fc.record({ enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { minLength: 1, maxLength: 3 }) }),
    fc.record({ const: fc.jsonValue({ maxDepth: 1 }) }),
    fc.record({ type: fc.constant(['string', 'null']), format: fc.constantFrom('date', 'uuid', 'strange') }),
    fc.constant({ $ref: '#/$defs/shared' }),
  );
  const { schema } = fc.letrec<{ schema: JsonObject }>(tie => ({
    schema: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf as fc.Arbitrary<JsonObject>,
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'toString'), tie('schema'), { maxKeys: 3 }).chain(properties =>
        fc.record({
          type: fc.constant('object'),
          properties: fc.constant(properties),
          required: fc.subarray(Object.keys(properties)),
          additionalProperties: fc.boolean(),
        }),
      ) as fc.Arbitrary<JsonObject>,
      fc.record({
        type: fc.constant('array'),
        items: tie('schema'),
        minItems: fc.nat({ max: 2 }),
        maxItems: fc.integer({ min: 2, max: 3 }),
      }),
      fc.record({ type: fc.constant('array'), prefixItems: fc.array(tie('schema'), { maxLength: 2 }), items: fc.boolean() }),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record({ allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record({ type: fc.constantFrom('string', 'integer'), not: leaf as fc.Arbitrary<JsonObject> }),
    ),
  }));
  return schema.map(value => ({
    ...value,
    $defs: { shared: { type: 'object', properties: { x: { type: 'integer' } }, required: ['x'] } },
  }));
}
