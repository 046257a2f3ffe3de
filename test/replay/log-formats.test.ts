/** Log formats of other gateways as recorded requests: unchanged bodies, and the known facts of the response. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requestFromRow } from '../../replay/recorded/log-formats.ts';
import { readRequests } from '../../replay/recorded/request-file.ts';

const messages = [{ role: 'user', content: 'What is 2 + 2?' }];
const answer = {
  id: 'x',
  object: 'chat.completion',
  model: 'gpt-4o-mini',
  choices: [{ index: 0, message: { role: 'assistant', content: '4' }, finish_reason: 'stop' }],
};

const helicone = {
  request_id: '5d6c1b1e-0000-4000-8000-000000000001',
  request_created_at: '2026-11-20T10:00:00.5Z',
  request_path: 'https://api.openai.com/v1/chat/completions',
  request_body: { model: 'gpt-4o-mini', messages },
  response_body: answer,
  response_status: 200,
  provider: 'OPENAI',
  response_model: 'gpt-4o-mini',
  request_user_id: 'u7',
  request_properties: { 'Helicone-Session-Id': 's1', app: 'search' },
  delay_ms: 830,
  time_to_first_token: 210,
  prompt_tokens: 12,
  completion_tokens: 1,
  cost: 0.000002,
};

const litellm = {
  id: 'chatcmpl-1',
  call_type: 'acompletion',
  status: 'success',
  startTime: 1_795_000_000.25,
  endTime: 1_795_000_001,
  completionStartTime: 1_795_000_000.5,
  custom_llm_provider: 'openai',
  model: 'openai/gpt-4o-mini',
  model_group: 'chat',
  messages,
  model_parameters: { temperature: 0.5, stream: true, max_retries: 0 },
  response: answer,
  response_cost: 0.000002,
  prompt_tokens: 12,
  completion_tokens: 1,
  end_user: 'u7',
  trace_id: 't1',
  request_tags: ['prod'],
  metadata: { user_api_key_team_alias: 'acme' },
};

test('a row of Helicone’s export', () => {
  expect(requestFromRow(helicone as never)).toMatchObject({
    id: helicone.request_id,
    receivedAt: Date.parse('2026-11-20T10:00:00.500Z'),
    dialect: 'openai-chat',
    body: JSON.stringify({ model: 'gpt-4o-mini', messages }),
    user: 'u7',
    conversation: 's1',
    tags: { app: 'search' },
    answer: {
      outcome: 'ok',
      target: 'openai/gpt-4o-mini',
      text: '4',
      finish: 'stop',
      inputTokens: 12,
      outputTokens: 1,
      latencyMs: 830,
      firstTokenMs: 210,
      costNanoUsd: 2_000,
    },
  });
  expect(requestFromRow({ ...helicone, response_status: 429 } as never)).toMatchObject({ answer: { outcome: 'rate_limited' } });
  expect(requestFromRow({ ...helicone, request_body: undefined, signed_body_url: 'https://…' } as never)).toMatch(/bodies/);
});

test('a payload of LiteLLM’s log, and a row of its spend log', () => {
  const read = requestFromRow(litellm as never);
  expect(read).toMatchObject({
    id: 'chatcmpl-1',
    receivedAt: 1_795_000_000_250,
    tenant: 'acme',
    conversation: 't1',
    tags: { prod: 'true' },
    stream: true,
    answer: { outcome: 'ok', target: 'openai/gpt-4o-mini', text: '4', latencyMs: 750, firstTokenMs: 250, costNanoUsd: 2_000 },
  });
  expect(JSON.parse((read as { body: string }).body)).toEqual({ model: 'chat', messages, temperature: 0.5, stream: true });
  const spend = {
    request_id: 'r1',
    call_type: 'acompletion',
    startTime: '2026-11-20 10:00:00.000',
    endTime: '2026-11-20 10:00:01.000',
    model: 'gpt-4o-mini',
    custom_llm_provider: 'openai',
    messages: '{}',
    response: JSON.stringify(answer),
    proxy_server_request: JSON.stringify({ model: 'chat', messages }),
    spend: 0.1,
  };
  expect(requestFromRow(spend as never)).toMatchObject({
    id: 'r1',
    body: JSON.stringify({ model: 'chat', messages }),
    answer: { text: '4', latencyMs: 1_000, costNanoUsd: 100_000_000 },
  });
  expect(requestFromRow({ ...litellm, messages: 'redacted-by-litellm' } as never)).toMatch(/messages are missing/);
});

test('a batch line, a bare request, and an unknown row', () => {
  expect(requestFromRow({ custom_id: 'a', method: 'POST', url: '/v1/messages', body: { model: 'm', messages } } as never)).toMatchObject({
    id: 'a',
    dialect: 'anthropic-messages',
  });
  expect(requestFromRow({ model: 'm', messages } as never)).toMatchObject({ dialect: 'openai-chat', answer: { outcome: '' } });
  expect(requestFromRow({ text: 'hello' })).toMatch(/unknown format/);
});

test('files are read in order of arrival; rows without a request are counted with their reason, and invalid JSON is named by its line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'source-'));
  const file = join(folder, 'mixed.jsonl');
  writeFileSync(file, [{ ...litellm }, helicone, { text: 'x' }].map(row => JSON.stringify(row)).join('\n'));
  const { requests, left } = await readRequests([file]);
  expect(requests.map(({ id }) => id)).toEqual(['chatcmpl-1', helicone.request_id]);
  expect(Object.values(left)).toEqual([1]);
  writeFileSync(file, '{"messages":[]}\nnot json\n');
  await expect(readRequests([file])).rejects.toThrow('line 2');
  rmSync(folder, { recursive: true });
});
