/** Freeform, namespaced, searching and deferred tools work on targets that know functions only, and come back in the form in which the caller declared them. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import type { ChatResponse, Part } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { type RunningGateway, startGateway, startUpstream, type Upstream } from '../gateway/harness.ts';
import { dialectAt } from './scripted-upstream.ts';

const patch = '*** Begin Patch\n*** Add File: a "b".txt\n+ü\n*** End Patch';
const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: "x"' };
const parameters = { type: 'object', properties: { target: { type: 'string' } } };

/** Makes the given calls, in the format of the request. */
const calling = (calls: readonly { name: string; arguments: string }[]) =>
  startUpstream((response, { body }, { url }) => {
    const dialect = dialectAt(url ?? '')!;
    const content = calls.map(({ name, arguments: text }, i): Part => ({ type: 'tool-call', id: `call_${i}`, name, arguments: text }));
    const answer: ChatResponse = {
      ...{ id: 'a1', model: 'm', created: 1 },
      choices: [{ index: 0, content, finish: { reason: 'tool-calls', raw: '' } }],
      usage: { input: 1, output: 1, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' },
    };
    const isStream = (JSON.parse(body) as { stream?: boolean }).stream === true || url!.includes('stream');
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
    if (!isStream) return response.end(dialect.renderResponse(answer, 1));
    const renderer = dialect.renderStream({ includeUsage: true, now: 1 });
    for (const event of eventsOf(answer)) response.write(renderer.render(event));
    return response.end(renderer.end());
  });

const yaml = ({ url }: Upstream): string => {
  const account = (name: string, api: string, root: string): string =>
    `  ${name}: { api: ${api}, base_url: "${url.replace(/\/v1$/, root)}", key: k, allow_private: true }`;
  return `providers:\n${[account('mistral', 'mistral', '/v1'), account('anthropic', 'anthropic', ''), account('gemini', 'gemini', ''), account('responses', 'openai-responses', '/v1'), account('openai', 'openai', '/v1')].join('\n')}`;
};

const openai = ({ url }: RunningGateway): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });

const sent = (upstream: Upstream): Record<string, unknown> => JSON.parse(upstream.requests.at(-1)!.body);

const responsesTools = [
  { type: 'custom', name: 'apply_patch', description: 'Patches files.', format: grammar },
  { type: 'namespace', name: 'agents', description: 'Agents.', tools: [{ type: 'function', name: 'close', parameters, strict: false }] },
  { type: 'tool_search', execution: 'client', description: 'Finds tools.', parameters },
];

const history = [
  { role: 'user', content: 'patch it' },
  {
    type: 'additional_tools',
    role: 'developer',
    tools: [{ type: 'namespace', name: 'functions', tools: [{ type: 'custom', name: 'exec' }] }],
  },
  { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: patch },
  { type: 'custom_tool_call_output', call_id: 'c1', output: 'done' },
  { type: 'function_call', call_id: 'c2', namespace: 'agents', name: 'close', arguments: '{"target":"x"}' },
  { type: 'function_call_output', call_id: 'c2', output: 'closed' },
  { type: 'tool_search_call', call_id: 'c3', execution: 'client', arguments: { target: 'more' } },
  {
    type: 'tool_search_output',
    call_id: 'c3',
    execution: 'client',
    status: 'completed',
    tools: [{ type: 'function', name: 'late', parameters }],
  },
  { type: 'mcp_call', id: 'm1', server_label: 'docs', name: 'find', arguments: '{}', output: 'found' },
];

const modelCalls = [
  { name: 'apply_patch', arguments: JSON.stringify({ input: patch }) },
  { name: 'agents__close', arguments: '{"target":"y"}' },
  { name: 'tool_search', arguments: '{"target":"z"}' },
];

const expectedItems = [
  { type: 'custom_tool_call', call_id: expect.any(String), name: 'apply_patch', input: patch },
  { type: 'function_call', call_id: expect.any(String), namespace: 'agents', name: 'close', arguments: '{"target":"y"}' },
  { type: 'tool_search_call', call_id: expect.any(String), execution: 'client', arguments: { target: 'z' } },
];

test.each(['mistral/m', 'anthropic/claude-x', 'gemini/gemini-2.5-pro'])(
  'a Responses caller’s tools on %s, whole and streamed',
  async model => {
    await using upstream = await calling(modelCalls);
    await using gateway = await startGateway(yaml(upstream));
    const body = { model, input: history, tools: responsesTools } as never;
    const { data, response } = await openai(gateway).responses.create(body).withResponse();
    expect((data as { output: object[] }).output).toMatchObject(expectedItems);
    expect(response.headers.get('x-hindcast-warnings')).toMatch(/tools\[0\]/);
    const text = JSON.stringify(sent(upstream));
    for (const name of ['apply_patch', 'agents__close', 'tool_search', 'functions__exec', 'late', 'docs__find'])
      expect(text).toContain(`"${name}"`);
    expect(text).toContain('start: \\"x\\"');
    const stream = openai(gateway).responses.stream({ ...(body as object), stream: true } as never);
    const inputs: string[] = [];
    stream.on('event', event => event.type === 'response.custom_tool_call_input.done' && inputs.push(event.input));
    expect((await stream.finalResponse()).output).toMatchObject(expectedItems);
    expect(inputs).toEqual([patch]);
  },
);

test('a target of the caller’s own format gets and gives the tools as they are', async () => {
  await using upstream = await calling(modelCalls);
  await using gateway = await startGateway(yaml(upstream));
  await openai(gateway).responses.create({ model: 'responses/gpt-5', input: history, tools: responsesTools } as never);
  expect(sent(upstream)).toMatchObject({ input: history, tools: responsesTools });
});

const chatTools = [
  {
    type: 'custom',
    custom: {
      name: 'apply_patch',
      description: 'Patches files.',
      format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "x"' } },
    },
  },
] as const;
const chatHistory = [
  { role: 'user', content: 'patch it' },
  { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'custom', custom: { name: 'apply_patch', input: patch } }] },
  { role: 'tool', tool_call_id: 'c1', content: 'done' },
] as const;

test('custom tools of chat completions on a target without them, whole and streamed', async () => {
  await using upstream = await calling(modelCalls.slice(0, 1));
  await using gateway = await startGateway(yaml(upstream));
  const ask = {
    model: 'mistral/m',
    messages: [...chatHistory],
    tools: [...chatTools],
    tool_choice: { type: 'custom', custom: { name: 'apply_patch' } },
  } as const;
  const complete = await openai(gateway).chat.completions.create(ask as never);
  const call = { type: 'custom', custom: { name: 'apply_patch', input: patch } };
  expect((complete as { choices: object[] }).choices).toMatchObject([{ message: { tool_calls: [call] }, finish_reason: 'tool_calls' }]);
  const { messages, tools } = sent(upstream) as { messages: { tool_calls?: { function: { arguments: string } }[] }[]; tools: object[] };
  expect(tools).toMatchObject([{ type: 'function', function: { name: 'apply_patch', parameters: { required: ['input'] } } }]);
  expect(JSON.parse(messages[1]!.tool_calls![0]!.function.arguments)).toEqual({ input: patch });
  let text = '';
  const stream = (await openai(gateway).chat.completions.create({ ...ask, stream: true } as never)) as unknown as AsyncIterable<{
    choices: { delta: { tool_calls?: { custom?: { input?: string } }[] } }[];
  }>;
  for await (const { choices } of stream) for (const { custom } of choices[0]?.delta.tool_calls ?? []) text += custom?.input ?? '';
  expect(text).toBe(patch);
});

test('custom tools of chat completions are custom tools of the Responses API', async () => {
  await using upstream = await startUpstream((response, _, { url }) => {
    const output = [{ type: 'custom_tool_call', id: 'x', call_id: 'c9', name: 'apply_patch', input: patch, status: 'completed' }];
    expect(url).toContain('/responses');
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: 'r', model: 'm', status: 'completed', output }));
  });
  await using gateway = await startGateway(yaml(upstream));
  const complete = await openai(gateway).chat.completions.create({
    model: 'responses/gpt-5',
    messages: [...chatHistory],
    tools: [...chatTools],
  } as never);
  expect((complete as { choices: object[] }).choices).toMatchObject([
    { message: { tool_calls: [{ id: 'c9', type: 'custom', custom: { input: patch } }] } },
  ]);
  expect(sent(upstream)).toMatchObject({
    tools: [{ type: 'custom', name: 'apply_patch', format: grammar }],
    input: [
      {},
      { type: 'custom_tool_call', call_id: 'c1', input: patch },
      { type: 'custom_tool_call_output', call_id: 'c1', output: 'done' },
    ],
  });
});

test('deferred tools and references to them reach other targets at once, and are told', async () => {
  await using upstream = await calling([{ name: 'late', arguments: '{"target":"q"}' }]);
  await using gateway = await startGateway(yaml(upstream));
  const client = new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 });
  const ask = {
    model: 'openai/gpt-5',
    max_tokens: 100,
    tools: [{ name: 'late', input_schema: { type: 'object' }, defer_loading: true }],
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'ToolSearch', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'tool_reference', tool_name: 'late' }] }] },
    ],
  };
  const { data, response } = await client.messages.create(ask as never).withResponse();
  expect((data as { content: object[] }).content).toMatchObject([{ type: 'tool_use', name: 'late', input: { target: 'q' } }]);
  expect(response.headers.get('x-hindcast-warnings')).toMatch(/tools\[0\]/);
  expect(response.headers.get('x-hindcast-warnings')).toMatch(/messages\[2\]\.content\[0\]\.content\[0\]/);
  expect(upstream.requests.at(-1)!.body).toContain('The tool late is there now.');
});
