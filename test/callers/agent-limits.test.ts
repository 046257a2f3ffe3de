/** An agent's request beyond the limits of its target works on a target that enforces them, and gets its own names back. */
import Anthropic from '@anthropic-ai/sdk';
import { expect, test } from 'vitest';
import { chunk, respondJson, startGateway, startUpstream } from '../gateway/harness.ts';

const toolName = 'mcp__a-server-with-a-rather-long-name__search_all_documents_of_the_project_and_summarise_them';
const userId = `user_${'a'.repeat(64)}_account__session_${'b'.repeat(64)}`;

interface OpenAiBody {
  readonly user: string;
  readonly tools: readonly { readonly function: { readonly name: string } }[];
  readonly stream?: boolean;
}

/** Refuses what OpenAI refuses, and calls the first tool by the name that it was given. */
const strictOpenAi = () =>
  startUpstream((response, { body }) => {
    const { user, tools, stream } = JSON.parse(body) as OpenAiBody;
    const name = tools[0]!.function.name;
    if (user.length > 64 || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
      const error = { type: 'invalid_request_error', code: 'string_above_max_length', message: 'string too long' };
      return response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    }
    const call = { index: 0, id: 'call_1', type: 'function', function: { name, arguments: '{"q":1}' } };
    if (stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return response.end(`${chunk({ tool_calls: [call] })}${chunk({}, 'tool_calls')}data: [DONE]\n\n`);
    }
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const answer = {
      id: 'x',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
      usage,
    };
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });

const ask = {
  model: 'openai/gpt-5',
  max_tokens: 100,
  metadata: { user_id: userId },
  tools: [{ name: toolName, input_schema: { type: 'object' as const } }],
  messages: [{ role: 'user' as const, content: 'search' }],
};

test('the tool call comes back under the name that the agent gave, streaming and not, and the changes are told', async () => {
  await using upstream = await strictOpenAi();
  await using gateway = await startGateway(
    `providers: { openai: { api: openai, base_url: "${upstream.url}", key: k, allow_private: true } }`,
  );
  const client = new Anthropic({ baseURL: gateway.url.replace(/\/v1$/, ''), apiKey: 'any', maxRetries: 0 });
  const { data, response } = await client.messages.create(ask).withResponse();
  expect(data.content).toMatchObject([{ type: 'tool_use', name: toolName, input: { q: 1 } }]);
  expect(response.headers.get('x-hindcast-warnings')).toMatch(/metadata\.user_id.*tools/s);
  const streamed = await client.messages.stream(ask).finalMessage();
  expect(streamed.content).toMatchObject([{ type: 'tool_use', name: toolName, input: { q: 1 } }]);
  // The next turn brings the call back in the history.
  const history = [
    ...ask.messages,
    { role: 'assistant' as const, content: data.content },
    { role: 'user' as const, content: [{ type: 'tool_result' as const, tool_use_id: 'call_1', content: 'found' }] },
  ];
  const next = await client.messages.create({ ...ask, messages: history });
  expect(next.content).toMatchObject([{ name: toolName }]);
});

test('the caller’s own bytes are fitted in place: what no target’s limit touches stays, and the answer has the caller’s names', async () => {
  await using upstream = await strictOpenAi();
  await using gateway = await startGateway(
    `providers: { openai: { api: openai, base_url: "${upstream.url}", key: k, allow_private: true } }`,
  );
  const body = {
    model: 'openai/gpt-5',
    user: userId,
    messages: [{ role: 'user', content: 'search', note_of_tomorrow: 1 }],
    tools: [{ type: 'function', function: { name: toolName, parameters: { type: 'object' } } }],
  };
  const send = (more: object): Promise<Response> =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...more }),
    });
  const complete = await send({});
  expect(await complete.json()).toMatchObject({ choices: [{ message: { tool_calls: [{ function: { name: toolName } }] } }] });
  expect(complete.headers.get('x-hindcast-warnings')).toMatch(/user.*tools\[0\]/s);
  expect(JSON.parse(upstream.requests[0]!.body)).toMatchObject({ messages: body.messages });
  expect(await (await send({ stream: true })).text()).toContain(`"name":"${toolName}"`);
});

test('a server with a strict chat template gets one system prompt, at the start, from every caller', async () => {
  await using upstream = await startUpstream((response, { body }) => {
    const roles = (JSON.parse(body) as { messages: { role: string }[] }).messages.map(({ role }) => role);
    if (roles.slice(1).some(role => role === 'system') || roles.includes('developer'))
      return response.writeHead(400).end('{"message":"System message must be at the beginning."}');
    return respondJson(response, { body, headers: {} }, undefined as never);
  });
  await using gateway = await startGateway(
    `providers: { vllm: { api: openai, base_url: "${upstream.url}", key: k, allow_private: true } }`,
  );
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'vllm/qwen3-32b', max_tokens: 9, ...body }),
    });
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'system', content: 'Be brief.' },
  ];
  const prompted = [{ role: 'developer', content: 'One.' }, { role: 'system', content: 'Two.' }, ...messages];
  const chat = await post('/v1/chat/completions', { messages: prompted });
  expect(chat.status).toBe(200);
  expect(chat.headers.get('x-hindcast-warnings')).toMatch(/messages\[0\].*messages\[3\]/s);
  expect((await post('/v1/messages', { system: [{ type: 'text', text: 'One.' }], messages })).status).toBe(200);
  const responses = await post('/v1/responses', { max_tokens: undefined, instructions: 'One.', input: prompted });
  expect([responses.status, responses.headers.get('x-hindcast-warnings')]).toEqual([200, expect.stringMatching(/input\[3\]/)]);
  const sent = upstream.requests.map(({ body }) => (JSON.parse(body) as { messages: unknown[] }).messages.at(-1));
  expect(sent[0]).toEqual({
    role: 'user',
    content: [
      { type: 'text', text: 'hi' },
      { type: 'text', text: 'Be brief.' },
    ],
  });
  expect(new Set(sent.map(message => JSON.stringify(message))).size).toBe(1);
});
