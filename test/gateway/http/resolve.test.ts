import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../gateway/core/chat/json.ts';
import { isRefusal } from '../../../gateway/exchange/response/refusal.ts';
import { resolve } from '../../../gateway/http/resolve.ts';
import { runs } from '../../runs.ts';
import { settingsOf } from '../harness.ts';

const settings = settingsOf(`
providers:
  openai: { api: openai, key: sk-1234567890 }
  local: { api: openai, base_url: http://127.0.0.1:11434/v1, allow_private: true }
  anthropic: { api: anthropic, key: sk-ant-1234567890 }
  sim: { api: simulated }
routes:
  fast: openai/gpt-5-mini
  smart:
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } }
      - { target: sim/large }
    deadline: 60s
    on_unsupported: drop
  strict: { steps: [ { target: anthropic/claude-opus-5 } ], on_unsupported: reject, deadline: 20s }
  mine: local/llama-3
  also: [sim/twin, local/twin]
tenants:
  acme: { routes: [fast, local/llama-3] }
`);

const chosen = (body: JsonObject, tenant = 'default'): string => {
  const route = resolve(settings, tenant, body);
  return isRefusal(route)
    ? `${route.refusal.status} ${route.refusal.code} ${route.refusal.param}`
    : `${route.name}: ${route.steps.map(step => step.target).join(' ')}`;
};

test('a route, a target, or a list of both is taken in the order it is written', () => {
  expect(chosen({ model: 'fast' })).toBe('fast: openai/gpt-5-mini');
  expect(chosen({ model: 'openai/whatever-7' })).toBe('openai/whatever-7: openai/whatever-7');
  expect(chosen({ model: 'local/org/model:7b' })).toBe('local/org/model:7b: local/org/model:7b');
  expect(chosen({ model: 'sim/large, fast' })).toBe('sim/large,fast: sim/large openai/gpt-5-mini');
  expect(chosen({ model: 'fast', models: ['smart', 'fast'], fallbacks: ['sim/x', { model: 'sim/y' }] })).toBe(
    'fast,smart,sim/x,sim/y: openai/gpt-5-mini sim/small sim/large sim/x sim/y',
  );
  expect(chosen({ models: ['fast'] })).toBe('fast: openai/gpt-5-mini');
});

test('a chain of several names may take as long as the slowest, and is as strict as the strictest', () => {
  expect(resolve(settings, 'default', { model: 'strict,smart' })).toMatchObject({ deadlineMs: 60_000, onUnsupported: 'reject' });
  expect(resolve(settings, 'default', { model: 'smart,fast' })).toMatchObject({ onUnsupported: 'drop' });
});

test('a bare model name finds the account that can only be meant', () => {
  // The vendor itself before others who speak its format; a target of a route before both.
  expect(chosen({ model: 'gpt-5' })).toBe('openai/gpt-5: openai/gpt-5');
  expect(chosen({ model: 'claude-sonnet-5' })).toBe('anthropic/claude-sonnet-5: anthropic/claude-sonnet-5');
  expect(chosen({ model: 'llama-3' })).toBe('local/llama-3: local/llama-3');
  expect(chosen({ model: 'small' })).toBe('sim/small: sim/small');
});

test('an unknown or ambiguous name is not found', () => {
  for (const model of ['nothing', 'gemini-2.5-flash', '/x', 'openai/', 'nobody/gpt-5'])
    expect(chosen({ model }), model).toBe('404 model_not_found model');
  const ambiguous = resolve(settings, 'default', { model: 'twin' });
  expect(ambiguous).toMatchObject({ refusal: { code: 'model_not_found', message: expect.stringContaining('sim/twin, local/twin') } });
});

test('bad names are reported by field', () => {
  for (const [body, answer] of [
    [{ model: '' }, '400 invalid_value model'],
    [{ model: 'a,,b' }, '400 invalid_value model'],
    [{ model: 'x'.repeat(300) }, '400 invalid_value model'],
    [{ model: 'fast\u2028' }, '400 invalid_value model'],
    [{ model: 7 }, '400 invalid_type model'],
    [{ model: 'fast', models: 'smart' }, '400 invalid_type models'],
    [{ model: 'fast', fallbacks: [7] }, '400 invalid_type fallbacks'],
    [{ model: 'fast', fallbacks: ['nothing'] }, '404 model_not_found fallbacks'],
    [{}, '400 missing_required_parameter model'],
  ] as const) {
    expect(chosen(body), JSON.stringify(body)).toBe(answer);
  }
});

test('a tenant with a list gets what is on it, by whatever name', () => {
  expect(chosen({ model: 'fast' }, 'acme')).toBe('fast: openai/gpt-5-mini');
  expect(chosen({ model: 'llama-3' }, 'acme')).toBe('local/llama-3: local/llama-3');
  for (const model of ['smart', 'openai/gpt-5-mini', 'gpt-5', 'fast,smart'])
    expect(chosen({ model }, 'acme'), model).toBe('403 model_not_allowed model');
});

test('every request resolves to a chain of configured accounts or a refusal that names a field', () => {
  const name = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom('fast', 'smart', 'sim/a', 'gpt-5', 'a,b', 'toString', '__proto__/x', 'constructor'),
  );
  const value = fc.oneof(name, fc.array(fc.oneof(name, fc.integer(), fc.record({ model: name })), { maxLength: 20 }), fc.constant(null));
  fc.assert(
    fc.property(fc.record({ model: value, models: value, fallbacks: value }, { requiredKeys: [] }), body => {
      const route = resolve(settings, 'default', body as JsonObject);
      if (isRefusal(route)) {
        expect(['model', 'models', 'fallbacks']).toContain(route.refusal.param);
        expect(route.refusal.message.length).toBeLessThanOrEqual(500);
        return;
      }
      expect(route.steps.length).toBeLessThanOrEqual(16);
      for (const { target } of route.steps) expect(settings.providers.has(target.split('/', 1)[0]!)).toBe(true);
    }),
    runs(300),
  );
});
