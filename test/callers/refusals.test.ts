/** A target's refusal: whether another maker is tried, what counts as a full context, and the error for an empty account. */
import { expect, test } from 'vitest';
import { parseFailure } from '../../gateway/providers/openai/parsing/failure.ts';
import { respondJson, startGateway, startUpstream } from '../gateway/harness.ts';

const refusing = (status: number, error: object) =>
  startUpstream(response => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error })));

const ask = async (url: string): Promise<{ status: number; body: { error?: { code: string; message: string } } }> => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'chain', user: 'u', messages: [{ role: 'user', content: 'hi' }] }),
  });
  return { status: response.status, body: (await response.json()) as { error?: { code: string; message: string } } };
};

const yaml = (first: string, second: string): string => `
providers:
  one: { api: openai, base_url: "${first}", key: k, allow_private: true }
  same: { api: openai, base_url: "${first}", key: k, allow_private: true }
  two: { api: mistral, base_url: "${second}", key: k, allow_private: true }
routes: { chain: { steps: [{ target: one/m, retries: 0 }, { target: two/m, retries: 0 }] } }
`;

const tooLong = {
  type: 'invalid_request_error',
  code: 'string_above_max_length',
  param: 'user',
  message: "Invalid 'user': string too long. Expected a string with maximum length 64, but got a string with length 150 instead.",
};

test('a limit of one maker is no end: the next maker is asked, and answers', async () => {
  await using first = await refusing(400, tooLong);
  await using second = await startUpstream(respondJson);
  await using gateway = await startGateway(yaml(first.url, second.url));
  expect((await ask(gateway.url)).status).toBe(200);
  expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
});

test('a conversation that every maker refuses is refused at once', async () => {
  await using first = await refusing(400, {
    type: 'invalid_request_error',
    message: "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
  });
  await using second = await startUpstream(respondJson);
  await using gateway = await startGateway(yaml(first.url, second.url));
  expect((await ask(gateway.url)).status).toBe(400);
  expect(second.requests).toHaveLength(0);
});

test('an account without credit is 402 in our words, and no outage', async () => {
  await using first = await refusing(429, {
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: 'You exceeded your current quota',
  });
  await using gateway = await startGateway(yaml(first.url, first.url).replace(', { target: two/m, retries: 0 }', ''));
  const { status, body } = await ask(gateway.url);
  expect([status, body.error?.code]).toEqual([402, 'upstream_quota_exceeded']);
  expect(JSON.stringify(body)).not.toContain('exceeded your current');
});

test.each([
  ['context-exceeded', { code: 'context_length_exceeded', message: "This model's maximum context length is 8192 tokens." }],
  ['context-exceeded', { code: 'string_above_max_length', param: 'messages[1].content', message: 'string too long' }],
  ['context-exceeded', { message: "Invalid 'input': string too long. Expected a string with maximum length 10485760." }],
  ['context-exceeded', { message: 'prompt is too long: 210000 tokens > 200000 maximum' }],
  ['context-exceeded', { message: 'Your request exceeds the maximum number of tokens' }],
  ['invalid-request', tooLong],
  ['invalid-request', { code: 'string_above_max_length', param: 'tools[0].function.name', message: 'string too long' }],
  ['invalid-request', { message: "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40." }],
  ['invalid-request', { message: "'tools' array too long: expected at most 128" }],
  ['invalid-request', { message: 'max_tokens is too large: 200000. This model supports at most 16384 completion tokens.' }],
  ['invalid-request', { message: '`stop` exceeds the maximum length of 4' }],
])('%s: %j', (kind, error) => {
  expect(parseFailure(400, {}, JSON.stringify({ error: { type: 'invalid_request_error', ...error } })).kind).toBe(kind);
});
