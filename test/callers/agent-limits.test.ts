/** An agent's request, with an end-user id and a tool name longer than OpenAI takes, works on an OpenAI target that enforces its limits, and gets its own names back. */
import Anthropic from '@anthropic-ai/sdk';
import { expect, test } from 'vitest';
import { chunk, startGateway, startUpstream } from '../gateway/harness.ts';

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
