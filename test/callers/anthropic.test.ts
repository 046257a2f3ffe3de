/** Anthropic's client against the gateway over real sockets, with every provider: responses, streams, tools, errors and broken streams. */
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { citySchema, providersYaml, redPixel, type ScriptedUpstream, spareRoute, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
let client: Anthropic;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
  client = new Anthropic({ apiKey: 'none', baseURL: gateway.url, maxRetries: 0 });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const targets = ['to-openai', 'to-responses', 'to-anthropic', 'to-gemini'];
const say = (text: string): Anthropic.MessageParam[] => [{ role: 'user', content: text }];
const weather: Anthropic.Tool = {
  name: 'weather',
  description: 'Tells it.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
};
const textOf = (message: Anthropic.Message): string =>
  message.content.flatMap(block => (block.type === 'text' ? [block.text] : [])).join('');

describe.each(targets)('%s', model => {
  test('a non-streaming response has its counts and its id', async () => {
    const { data, response, request_id } = await client.messages
      .create({ model, max_tokens: 100, system: 'Be brief.', messages: say('hi'), stop_sequences: ['END'] })
      .withResponse();
    expect(textOf(data)).toBe('Hello, world.');
    expect(data).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' });
    expect(data.usage).toMatchObject({ input_tokens: 8, cache_read_input_tokens: 3, output_tokens: 7 });
    expect(request_id).toBe(response.headers.get('x-request-id'));
    expect(upstream.lastRequest().text).toMatch(/Be brief\./);
    if (/openai|responses/.test(model)) expect(response.headers.get('x-hindcast-warnings')).toContain('dropped stop_sequences');
    else expect(upstream.lastRequest().text).toMatch(/END/);
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ dialect: 'anthropic-messages', outcome: 'ok', usage: { input: 11, output: 7 } });
  });

  test("a stream is collected by the client's helper", async () => {
    const stream = client.messages.stream({ model, max_tokens: 100, messages: say('hi') });
    const pieces: string[] = [];
    stream.on('text', piece => pieces.push(piece));
    const message = await stream.finalMessage();
    expect(pieces.join('')).toBe('Hello, world.');
    expect(message).toMatchObject({ stop_reason: 'end_turn', usage: { output_tokens: 7, input_tokens: 8 } });
    await gateway.sink.next();
  });

  test('tool calls arrive, streaming and non-streaming, and their results are sent back', async () => {
    const requested = { model, max_tokens: 100, messages: say('scene:tools'), tools: [weather], tool_choice: { type: 'any' as const } };
    const complete = await client.messages.create(requested);
    const streamed = await client.messages.stream(requested).finalMessage();
    for (const message of [complete, streamed]) {
      expect(message.stop_reason).toBe('tool_use');
      expect(message.content).toMatchObject([
        { type: 'tool_use', name: 'weather', input: { city: 'Oslo' } },
        { type: 'tool_use', name: 'weather', input: { city: 'Rome' } },
      ]);
    }
    const results = complete.content.map(block => ({
      type: 'tool_result' as const,
      tool_use_id: (block as Anthropic.ToolUseBlock).id,
      content: 'Four degrees.',
    }));
    const last = await client.messages.create({
      ...requested,
      messages: [...requested.messages, { role: 'assistant', content: complete.content }, { role: 'user', content: results }],
    });
    expect(textOf(last)).toBe('Hello, world.');
    expect(upstream.lastRequest().text.match(/Four degrees\./g)).toHaveLength(2);
    gateway.sink.exchanges.length = 0;
  });

  test('an image is sent, and a schema is kept', async () => {
    const source = { type: 'base64' as const, media_type: 'image/png' as const, data: redPixel };
    const seen = await client.messages.create({
      model,
      max_tokens: 100,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source },
            { type: 'text', text: 'scene:images' },
          ],
        },
      ],
    });
    expect(textOf(seen)).toBe('A red square.');
    expect(upstream.lastRequest().text).toContain(redPixel);
    const format = { type: 'json_schema' as const, schema: citySchema };
    const reported = await client.messages.create({ model, max_tokens: 100, messages: say('scene:structured'), output_config: { format } });
    expect(JSON.parse(textOf(reported))).toEqual({ city: 'Oslo', degrees: 4 });
    expect(upstream.lastRequest().text).toMatch(/degrees/);
    gateway.sink.exchanges.length = 0;
  });

  test("an error has the client's format and error class", async () => {
    const requested = { max_tokens: 100, messages: say('scene:refused') };
    const complete = await client.messages.create({ ...requested, model }).catch((error: unknown) => error);
    expect(complete).toBeInstanceOf(Anthropic.RateLimitError);
    expect((complete as InstanceType<typeof Anthropic.RateLimitError>).error).toMatchObject({
      type: 'error',
      error: { type: 'rate_limit_error' },
    });
    await expect(client.messages.stream({ ...requested, model: spareRoute(model) }).finalMessage()).rejects.toBeInstanceOf(
      Anthropic.RateLimitError,
    );
    gateway.sink.exchanges.length = 0;
  });

  test('a broken response throws, streaming and non-streaming', async () => {
    const requested = { max_tokens: 100, messages: say('scene:cut') };
    await expect(client.messages.create({ ...requested, model: spareRoute(model) })).rejects.toThrow(/502/);
    await expect(client.messages.stream({ ...requested, model: spareRoute(model) }).finalMessage()).rejects.toThrow(
      /ended the answer before/,
    );
    const raw = async (): Promise<void> => {
      for await (const _ of await client.messages.create({ ...requested, model: spareRoute(model), stream: true }));
    };
    await expect(raw()).rejects.toThrow(/ended the answer before/);
    gateway.sink.exchanges.length = 0;
  });
});

test('thinking has its signature, which returns to the provider that made it', async () => {
  const thinking = { type: 'enabled' as const, budget_tokens: 2_000 };
  const requested = { max_tokens: 4_000, thinking, messages: say('scene:reasoning') };
  const first = await client.messages.stream({ ...requested, model: 'to-anthropic' }).finalMessage();
  expect(first.content).toMatchObject([
    { type: 'thinking', thinking: 'Sum the two.', signature: 'c2lnbmF0dXJl' },
    { type: 'text', text: '4' },
  ]);
  const history = [...requested.messages, { role: 'assistant' as const, content: first.content }, ...say('And now?')];
  await client.messages.create({ ...requested, model: 'to-anthropic', messages: history });
  expect(upstream.lastRequest().body.messages[1].content[0].signature).toBe('c2lnbmF0dXJl');

  const { response } = await client.messages.create({ ...requested, model: 'to-openai', messages: history }).withResponse();
  expect(response.headers.get('x-hindcast-warnings')).toContain('messages[1]');
  expect(upstream.lastRequest().text).not.toContain('c2lnbmF0dXJl');
  gateway.sink.exchanges.length = 0;
});

test('unknown fields reach a target of the same format with their headers, and its response is unchanged', async () => {
  const body =
    '{ "model":"to-anthropic", "max_tokens" : 5, "messages":[{"role":"user","content":"hi","mood":9}],  "invented_tomorrow":{"a":[1, 2]} }';
  const headers = { 'content-type': 'application/json', 'anthropic-version': '2027-01-01', 'anthropic-beta': 'tomorrow-1' };
  const answer = await fetch(`${gateway.url}/v1/messages?beta=true`, { method: 'POST', headers, body });
  const received = upstream.lastRequest();
  expect(received.text).toBe(body.replace('"to-anthropic"', '"claude-opus-4-6"'));
  expect(received.headers).toMatchObject({ 'anthropic-version': '2027-01-01', 'anthropic-beta': 'tomorrow-1' });
  expect(answer.headers.get('x-hindcast-warnings')).toBeNull();
  gateway.sink.exchanges.length = 0;
  const other = await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers, body: body.replace('to-anthropic', 'to-openai') });
  expect(other.headers.get('x-hindcast-warnings')).toBe('dropped messages[0].mood, dropped invented_tomorrow');
  gateway.sink.exchanges.length = 0;
});

describe('errors before routing have the same format', () => {
  const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${gateway.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  test.each([
    ['a body that is no JSON', '/v1/messages', '{', 400, 'invalid_request_error'],
    ['a missing limit', '/v1/messages', '{"model":"to-openai","messages":[{"role":"user","content":"hi"}]}', 400, 'invalid_request_error'],
    [
      'a model that does not exist',
      '/v1/messages',
      '{"model":"x","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}',
      404,
      'not_found_error',
    ],
    ['a path that does not exist', '/v1/messages/nowhere', '{}', 404, 'not_found_error'],
  ])('%s', async (_, path, body, status, type) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await answer.json()).toMatchObject({ type: 'error', error: { type, message: expect.any(String) } });
  });

  test('for an unknown key, and for a body that is too large', async () => {
    await using guarded = await startGateway(`${providersYaml(upstream.url)}keys:\n  - { name: k, hash: "sha256:${'0'.repeat(64)}" }\n`, {
      limits: { bodyBytesMax: 100 },
    });
    const unknown = new Anthropic({ apiKey: 'wrong', baseURL: guarded.url, maxRetries: 0 });
    await expect(unknown.messages.create({ model: 'x', max_tokens: 1, messages: say('hi') })).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
    const large = await fetch(`${guarded.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: 'x'.repeat(200),
    });
    expect(await large.json()).toMatchObject({ type: 'error', error: { type: 'request_too_large' } });
  });
});

test("tokens are counted without a call to a provider, and models are listed in Anthropic's format", async () => {
  const before = upstream.requests.length;
  const counted = await client.messages.countTokens({
    model: 'to-openai',
    system: 'Be brief.',
    messages: say('How many tokens are there in this?'),
  });
  expect(counted.input_tokens).toBeGreaterThan(8);
  expect(counted.input_tokens).toBeLessThan(40);
  expect(upstream.requests).toHaveLength(before);
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  expect(ids).toContain('to-anthropic');
  expect(await client.models.retrieve('to-openai')).toMatchObject({ type: 'model', display_name: 'to-openai' });
  await expect(client.models.retrieve('nowhere')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
});
