/** Traces as replay sources: spans of the OpenTelemetry GenAI conventions, observations of Langfuse, inferences of TensorZero. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requestFromRow } from '../../replay/recorded/log-formats.ts';
import { readRequests } from '../../replay/recorded/request-file.ts';

const attribute = (key: string, value: unknown) => ({
  key: `gen_ai.${key}`,
  value:
    typeof value === 'number'
      ? Number.isInteger(value)
        ? { intValue: String(value) }
        : { doubleValue: value }
      : { stringValue: typeof value === 'string' ? value : JSON.stringify(value) },
});
const span = (more: object = {}, input: unknown = [{ role: 'user', parts: [{ type: 'text', content: 'What is 2 + 2?' }] }]) => ({
  ...{
    traceId: 't',
    spanId: 'a1',
    name: 'chat gpt',
    kind: 3,
    startTimeUnixNano: '1763000000000000000',
    endTimeUnixNano: '1763000000830000000',
    status: {},
  },
  attributes: [
    ...[attribute('operation.name', 'chat'), attribute('provider.name', 'openai'), attribute('request.model', 'gpt-4o-mini')],
    ...[attribute('request.temperature', 0.5), attribute('conversation.id', 's1'), attribute('usage.input_tokens', 12)],
    ...[attribute('system_instructions', [{ type: 'text', content: 'Be brief.' }]), attribute('input.messages', input)],
    attribute('output.messages', [{ role: 'assistant', parts: [{ type: 'text', content: '4' }], finish_reason: 'stop' }]),
    { key: 'gen_ai.response.finish_reasons', value: { arrayValue: { values: [{ stringValue: 'stop' }] } } },
  ],
  ...more,
});

test('a span becomes a chat request with its answer, from an OTLP export as well', async () => {
  const expected = {
    ...{ id: 'a1', receivedAt: 1_763_000_000_000, dialect: 'openai-chat', conversation: 's1' },
    body: JSON.stringify({
      model: 'gpt-4o-mini',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is 2 + 2?' },
      ],
      temperature: 0.5,
    }),
    answer: { outcome: 'ok', target: 'openai/gpt-4o-mini', text: '4', finish: 'stop', inputTokens: 12, latencyMs: 830 },
  };
  expect(requestFromRow(span() as never)).toMatchObject(expected);
  expect(requestFromRow(span({ status: { code: 2 } }) as never)).toMatchObject({ answer: { outcome: 'upstream_error' } });
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-otlp-'));
  const file = join(folder, 'traces.jsonl');
  writeFileSync(
    file,
    `${JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span(), { ...span(), spanId: 'b', attributes: [] }] }] }] })}\n`,
  );
  const { requests, left } = await readRequests([file]);
  expect(requests).toMatchObject([expected]);
  expect(Object.keys(left)).toEqual([expect.stringContaining('no gen_ai.input.messages')]);
  rmSync(folder, { recursive: true });
});

test('tool calls and their answers keep their ids; other parts are refused by name', () => {
  const call = { type: 'tool_call', id: 'c1', name: 'add', arguments: { a: 2 } };
  const messages = [
    { role: 'assistant', parts: [call] },
    { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', response: '4' }] },
  ];
  const read = requestFromRow(span({}, messages) as never);
  expect(typeof read === 'string' ? read : JSON.parse(read.body).messages.slice(1)).toEqual([
    { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":2}' } }] },
    { role: 'tool', tool_call_id: 'c1', content: '4' },
  ]);
  expect(requestFromRow(span({}, [{ role: 'user', parts: [{ type: 'blob', modality: 'image' }] }]) as never)).toBe(
    'a message of the span has a part of type blob, which is not read',
  );
});

test('a generation of Langfuse', () => {
  const messages = [{ role: 'user', content: 'What is 2 + 2?' }];
  const row = {
    ...{ id: 'o1', trace_id: 't1', type: 'GENERATION', session_id: 's', user_id: 'u', provided_model_name: 'gpt', total_cost: 0.000002 },
    ...{
      start_time: '2026-11-20 10:00:00.500000',
      end_time: '2026-11-20 10:00:01.330000',
      completion_start_time: '2026-11-20 10:00:00.710000',
    },
    ...{
      input: JSON.stringify(messages),
      output: JSON.stringify({ role: 'assistant', content: '4' }),
      model_parameters: '{"temperature":0}',
    },
    usage_details: { input: 12, output: 1 },
  };
  expect(requestFromRow(row as never)).toMatchObject({
    ...{ id: 'o1', receivedAt: Date.parse('2026-11-20T10:00:00.500Z'), user: 'u', conversation: 's' },
    body: JSON.stringify({ model: 'gpt', messages, temperature: 0 }),
    answer: { target: 'gpt', text: '4', latencyMs: 830, firstTokenMs: 210, costNanoUsd: 2_000, inputTokens: 12, outputTokens: 1 },
  });
  expect(requestFromRow({ ...row, input: 'a prompt' } as never)).toContain('no list of chat messages');
});

test('an inference of TensorZero; templates are refused', () => {
  const row = {
    ...{
      id: 'i1',
      episode_id: 'e1',
      function_name: 'draft',
      variant_name: 'v2',
      timestamp: '2026-11-20T10:00:00Z',
      processing_time_ms: 40,
    },
    input: { system: 'Be brief.', messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }] },
    output: JSON.stringify([{ type: 'text', text: 'Hi' }]),
    tags: { team: 'a' },
  };
  expect(requestFromRow(row as never)).toMatchObject({
    ...{ id: 'i1', conversation: 'e1', tags: { team: 'a', variant: 'v2' } },
    body: JSON.stringify({
      model: 'draft',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ],
    }),
    answer: { target: 'draft/v2', text: 'Hi', latencyMs: 40 },
  });
  expect(requestFromRow({ ...row, input: { system: { name: 'x' }, messages: row.input.messages } } as never)).toContain('templates');
});
