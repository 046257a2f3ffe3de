/** A recorded request is sent byte for byte, unless a named change applies, which changes only its own field. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonObject, scanObject } from '../../gateway/core/chat/json.ts';
import { type Transforms, transform } from '../../replay/arms/transform.ts';

const tool = fc.constantFrom(
  { type: 'function', function: { name: 'look_up' } },
  { type: 'web_search' },
  { type: 'code_interpreter', container: { type: 'auto' } },
  { name: 'own', input_schema: {} },
  { googleSearch: {} },
);
const body = fc
  .record(
    {
      model: fc.string(),
      messages: fc.array(fc.record({ role: fc.constant('user'), content: fc.string() }), { maxLength: 2 }),
      store: fc.boolean(),
      temperature: fc.constantFrom(0, 0.5),
      max_tokens: fc.integer({ min: 1, max: 100 }),
      tools: fc.array(tool, { maxLength: 3 }),
      web_search_options: fc.constant({}),
      generationConfig: fc.record({ topK: fc.nat() }),
      extra: fc.jsonValue(),
    },
    { requiredKeys: ['model', 'messages'] },
  )
  .filter(value => scanObject(JSON.stringify(value)).ok);
const transforms: fc.Arbitrary<Transforms> = fc.record(
  { hosted: fc.constantFrom('strip', 'block', 'allow'), temperature: fc.constantFrom(0, 1), outputTokensMax: fc.constant(512) },
  { requiredKeys: ['hosted'] },
);
const dialects = fc.constantFrom('openai-chat', 'openai-responses', 'anthropic-messages', 'gemini-generate');
/** With white space, as callers write it. */
const texts = fc.tuple(body, fc.constantFrom(undefined, 1, 2)).map(([value, indent]) => JSON.stringify(value, null, indent));

test('without a named change the bytes are the caller’s; with one every other member keeps its bytes and its position', () => {
  fc.assert(
    fc.property(texts, dialects, transforms, (text, dialect, how) => {
      const changed = transform(text, dialect, how);
      if ('refused' in changed) {
        expect(how.hosted).toBe('block');
        return;
      }
      if (changed.applied.length === 0) {
        expect(changed.text).toBe(text);
        return;
      }
      const named = new Set(changed.applied.map(({ field }) => field.split('.')[0]));
      const [before, after] = [scanObject(text), scanObject(changed.text)];
      if (!before.ok || !after.ok) throw new Error('no JSON object');
      const kept = [...before.members].filter(([member]) => !named.has(member));
      for (const [member, span] of kept) {
        const now = after.members.get(member)!;
        expect(changed.text.slice(now.start, now.end)).toBe(text.slice(span.start, span.end));
      }
      expect([...after.members.keys()].filter(member => !named.has(member))).toEqual(kept.map(([member]) => member));
    }),
    { numRuns: process.env.HINDCAST_LONG ? 20_000 : 500 },
  );
});

test('a change is applied only once', () => {
  fc.assert(
    fc.property(texts, dialects, transforms, (text, dialect, how) => {
      const once = transform(text, dialect, how);
      if ('refused' in once) return;
      expect(transform(once.text, dialect, how)).toEqual({ text: once.text, applied: [] });
    }),
    { numRuns: 300 },
  );
});

describe('hosted tools and storage', () => {
  const bodyWith = (extra: JsonObject): string => JSON.stringify({ model: 'm', messages: [], ...extra });
  const search = { tools: [{ type: 'web_search' }, { type: 'function', function: { name: 'f' } }], tool_choice: 'auto' };

  test('are blocked with their names, stripped, or allowed', () => {
    expect(transform(bodyWith(search), 'openai-chat', { hosted: 'block' })).toEqual({ refused: expect.stringContaining('web_search') });
    const stripped = transform(bodyWith(search), 'openai-chat', { hosted: 'strip' });
    expect('text' in stripped && JSON.parse(stripped.text)).toMatchObject({ tools: [{ type: 'function' }], tool_choice: 'auto' });
    expect(transform(bodyWith(search), 'openai-chat', { hosted: 'allow' })).toMatchObject({ applied: [] });
  });

  test('are not stored at the provider when a request is re-sent', () => {
    expect(transform(bodyWith({ store: true }), 'openai-chat', { hosted: 'block' })).toMatchObject({
      applied: [{ name: 'no-store', field: 'store' }],
    });
    // The Responses API stores a response unless told otherwise.
    expect(transform(bodyWith({}), 'openai-responses', { hosted: 'block' })).toMatchObject({
      text: expect.stringContaining('"store":false'),
    });
    expect(transform(bodyWith({}), 'openai-chat', { hosted: 'block' })).toMatchObject({ applied: [] });
  });

  test('allow tools that the caller runs', () => {
    const tools = [
      { type: 'text_editor_20250728', name: 'edit' },
      { type: 'bash_20250124', name: 'bash' },
      { name: 'own', input_schema: {} },
    ];
    expect(transform(bodyWith({ tools }), 'anthropic-messages', { hosted: 'block' })).toMatchObject({ applied: [] });
    const hosted = [{ type: 'web_fetch_20250910', name: 'web_fetch' }];
    expect(transform(bodyWith({ tools: hosted }), 'anthropic-messages', { hosted: 'block' })).toHaveProperty('refused');
  });
});
