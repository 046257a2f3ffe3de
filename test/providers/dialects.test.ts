/** A chat completions dialect changes a caller's bytes only where it differs, and reports what it leaves out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';
import { prepare } from '../../gateway/exchange/routed-request.ts';
import { providers } from '../../gateway/providers/index.ts';
import { routedRequestOf } from '../gateway/exchange/harness.ts';
import { runs } from '../runs.ts';

const step = { target: 'A/m', timeoutMs: 1, retries: 0, backoffMs: 1 };
const preparedFor = (api: string, body: string, model = 'm') => prepare(routedRequestOf({ body }, 0), step, providers[api]!, model);
const dialects = Object.keys(providers).filter(name => providers[name]!.adapt);

describe.each(dialects)('%s', api => {
  test('passes the bytes of a plain request and unknown members', () => {
    const body = '{"model":"x", "messages":[{"role":"user","content":"hi"}], "tomorrow":{"a":[1, 2]},"temperature":1.0}';
    const { body: sent, warnings, isVerbatim } = preparedFor(api, body);
    expect({ warnings, passes: isVerbatim }).toEqual({ warnings: [], passes: true });
    expect(sent).toContain('{"model":"m", "messages":[{"role":"user","content":"hi"}], "tomorrow":{"a":[1, 2]},"temperature":1.0');
  });

  test('gives the same warnings for a body and for the request it was rendered from', () => {
    const member = fc.record(
      {
        seed: fc.nat(100),
        user: fc.constant('u1'),
        n: fc.constantFrom(1, 2),
        stop: fc.constantFrom('END', ['A', 'B']),
        max_completion_tokens: fc.nat(100),
        frequency_penalty: fc.constantFrom(0, 0.5),
        logprobs: fc.boolean(),
        parallel_tool_calls: fc.boolean(),
        tools: fc.constant([{ type: 'function', function: { name: 'now' } }]),
        tool_choice: fc.constantFrom('auto', 'required', 'none'),
        response_format: fc.constant({ type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } }),
        reasoning_effort: fc.constantFrom('none', 'low', 'high'),
        metadata: fc.constant({ a: 'b' }),
      },
      { requiredKeys: [] },
    );
    const messages = [{ role: 'user', content: 'hi' }] as const;
    fc.assert(
      fc.property(member, members => {
        const body: JsonObject = { model: 'm', messages, ...(members as Record<string, Json>) };
        const { changes, warnings } = providers[api]!.adapt!(body, 'm');
        const adapted = Object.fromEntries(Object.entries({ ...body, ...changes }).filter(([, value]) => value !== undefined));
        const repeated = providers[api]!.adapt!(adapted as JsonObject, 'm');
        // The changed body is valid for the vendor: a second pass drops nothing.
        expect(repeated.warnings.filter(({ type }) => type === 'dropped')).toEqual([]);
        for (const { field } of warnings) expect(body).toHaveProperty(field.split(/[.[]/)[0]!);
      }),
      runs(50, 5_000),
    );
  });
});

test('a renamed member keeps its digits', () => {
  const { body, warnings } = preparedFor('mistral', '{"model":"x","seed":9007199254740993,"messages":[{"role":"user","content":"hi"}]}');
  expect(body).toBe('{"model":"m","messages":[{"role":"user","content":"hi"}],"random_seed":9007199254740993}');
  expect(warnings).toEqual([]);
});

test('members that a vendor refuses are removed from the bytes and reported', () => {
  const text = '{"model":"x","messages":[{"role":"user","content":"hi"}],"logit_bias":{"1":2},"stream":true}';
  const { body, warnings } = preparedFor('mistral', text);
  expect(body).toBe('{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}');
  expect(warnings).toEqual([{ type: 'dropped', field: 'logit_bias', detail: 'Mistral has no equivalent.' }]);
});

test('log-probabilities that only the gateway requested are no loss for the caller', () => {
  const accept = { ...step, accept: { signal: 'mean_logprob', atLeast: 0.5 } } as const;
  const request = routedRequestOf({ body: '{"model":"x","messages":[{"role":"user","content":"hi"}]}' }, 0);
  expect(prepare(request, accept, providers.groq!, 'm').warnings).toEqual([]);
});
