/** OpenAI's client against the gateway over real sockets, with every provider: chat completions and responses, streaming, non-streaming and with helpers. */
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { citySchema, providersYaml, redPixel, type ScriptedUpstream, spareRoute, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
let client: OpenAI;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
  client = new OpenAI({ apiKey: 'none', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const targets = ['to-openai', 'to-responses', 'to-anthropic', 'to-gemini'];
const City = z.object({ city: z.string(), degrees: z.number() });
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };

describe.each(targets)('chat completions %s', model => {
  const say = (content: string): OpenAI.ChatCompletionMessageParam[] => [{ role: 'user', content }];

  test('are read non-streaming and by the streaming helper, with their id', async () => {
    const { data, response } = await client.chat.completions.create({ model, messages: say('hi') }).withResponse();
    expect(data.choices[0]).toMatchObject({ message: { content: 'Hello, world.' }, finish_reason: 'stop' });
    expect((data as { _request_id?: string })._request_id).toBe(response.headers.get('x-hindcast-id'));
    const stream = client.chat.completions.stream({ model, messages: say('hi'), stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]!.message.content).toBe('Hello, world.');
    expect((await stream.totalUsage()).total_tokens).toBe(18);
  });

  test('keep a schema that the helper parses', async () => {
    const parsed = await client.chat.completions.parse({
      model,
      messages: say('scene:structured'),
      response_format: zodResponseFormat(City, 'city'),
    });
    expect(parsed.choices[0]!.message.parsed).toEqual({ city: 'Oslo', degrees: 4 });
  });

  test('run tools to the end', async () => {
    const requested: string[] = [];
    const weather = (args: { city: string }): string => {
      requested.push(args.city);
      return 'Four degrees.';
    };
    const runner = client.chat.completions.runTools({
      model,
      messages: say('scene:tools'),
      tools: [
        { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters, parse: JSON.parse, function: weather } },
      ],
    });
    expect(await runner.finalContent()).toBe('Hello, world.');
    expect(requested).toEqual(['Oslo', 'Rome']);
  });

  test('with the legacy functions return a function_call, streaming and non-streaming', async () => {
    const functions = [{ name: 'weather', parameters }];
    const requested = { model, messages: say('scene:tools'), functions };
    if (model === 'to-openai') return; // bytes pass: the provider itself knows the older form
    const complete = await client.chat.completions.create(requested);
    expect(complete.choices[0]).toMatchObject({
      finish_reason: 'function_call',
      message: { function_call: { name: 'weather', arguments: '{"city":"Oslo"}' } },
    });
    expect(complete.choices[0]!.message.tool_calls).toBeUndefined();
    let name = '';
    let args = '';
    let finish = '';
    for await (const { choices } of await client.chat.completions.create({ ...requested, stream: true })) {
      name += choices[0]?.delta.function_call?.name ?? '';
      args += choices[0]?.delta.function_call?.arguments ?? '';
      finish = choices[0]?.finish_reason ?? finish;
    }
    expect([name, args, finish]).toEqual(['weather', '{"city":"Oslo"}', 'function_call']);
  });

  test('an error is an error, and a broken stream throws', async () => {
    await expect(client.chat.completions.create({ model: spareRoute(model), messages: say('scene:refused') })).rejects.toBeInstanceOf(
      OpenAI.RateLimitError,
    );
    await expect(client.chat.completions.create({ model: spareRoute(model), messages: say('scene:cut') })).rejects.toThrow(/502/);
    const read = async (): Promise<void> => {
      for await (const _ of await client.chat.completions.create({ model: spareRoute(model), messages: say('scene:cut'), stream: true }));
    };
    await expect(read()).rejects.toThrow(/ended the answer before/);
    await expect(client.chat.completions.stream({ model: spareRoute(model), messages: say('scene:cut') }).finalContent()).rejects.toThrow();
  });
});

describe.each(targets)('responses %s', model => {
  test('are read streaming and non-streaming, with their id and counts', async () => {
    const requested = { model, input: 'hi', instructions: 'Be brief.', max_output_tokens: 100 };
    const complete = await client.responses.create(requested);
    expect(complete.output_text).toBe('Hello, world.');
    expect(complete).toMatchObject({ status: 'completed', usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 } });
    expect(complete._request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(upstream.lastRequest().text).toContain('Be brief.');
    const stream = client.responses.stream(requested);
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta;
    });
    const final = await stream.finalResponse();
    expect(text).toBe('Hello, world.');
    expect(final).toMatchObject({ status: 'completed', usage: { total_tokens: 18 } });
    expect(final.output_text).toBe('Hello, world.');
    const exchange = gateway.sink.exchanges.at(-1)!;
    expect(exchange).toMatchObject({ dialect: 'openai-responses', stream: true, outcome: 'ok', usage: { input: 11 } });
  });

  test('number their events without gaps, and contain everything before the end', async () => {
    const numbers: number[] = [];
    const types: string[] = [];
    const tools: OpenAI.Responses.Tool[] = [{ type: 'function', name: 'weather', parameters, strict: true }];
    for await (const event of await client.responses.create({ model, input: 'scene:tools', tools, stream: true })) {
      numbers.push(event.sequence_number);
      types.push(event.type);
    }
    expect(numbers).toEqual(numbers.map((_, at) => at));
    expect(types.filter(type => type === 'response.output_item.done')).toHaveLength(2);
    expect([types[0], types.at(-1)]).toEqual(['response.created', 'response.completed']);
  });

  test('call tools, and accept their results', async () => {
    const tools: OpenAI.Responses.Tool[] = [{ type: 'function', name: 'weather', parameters, strict: true }];
    const input: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: 'scene:tools' }];
    const first = await client.responses.create({ model, input, tools, parallel_tool_calls: true, tool_choice: 'required' });
    const calls = first.output.filter(item => item.type === 'function_call');
    expect(calls.map(call => JSON.parse(call.arguments).city)).toEqual(['Oslo', 'Rome']);
    const results = calls.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: 'Four degrees.' }));
    const last = await client.responses.create({ model, input: [...input, ...calls, ...results], tools });
    expect(last.output_text).toBe('Hello, world.');
    expect(upstream.lastRequest().text.match(/Four degrees\./g)).toHaveLength(2);
  });

  test('accept images, and keep a schema that the helper parses', async () => {
    const seen = await client.responses.create({
      model,
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'scene:images' },
            { type: 'input_image', image_url: `data:image/png;base64,${redPixel}`, detail: 'auto' },
          ],
        },
      ],
    });
    expect(seen.output_text).toBe('A red square.');
    expect(upstream.lastRequest().text).toContain(redPixel);
    const parsed = await client.responses.parse({ model, input: 'scene:structured', text: { format: zodTextFormat(City, 'city') } });
    expect(parsed.output_parsed).toEqual({ city: 'Oslo', degrees: 4 });
    expect(upstream.lastRequest().text).toContain(Object.keys(citySchema.properties)[1]);
  });

  test('an error is an error, and a broken response throws', async () => {
    await expect(client.responses.create({ model: spareRoute(model), input: 'scene:refused' })).rejects.toBeInstanceOf(
      OpenAI.RateLimitError,
    );
    await expect(client.responses.create({ model: spareRoute(model), input: 'scene:cut' })).rejects.toThrow(/502/);
    const read = async (): Promise<void> => {
      for await (const _ of await client.responses.create({ model: spareRoute(model), input: 'scene:cut', stream: true }));
    };
    await expect(read()).rejects.toThrow(/ended the answer before/);
    await expect(client.responses.stream({ model: spareRoute(model), input: 'scene:cut' }).finalResponse()).rejects.toThrow();
  });
});

test("references to a provider's stored data are not sent to another provider", async () => {
  const requested = { input: 'hi', previous_response_id: 'resp_1' };
  const other = await client.responses.create({ ...requested, model: 'to-anthropic' }).catch((error: unknown) => error);
  expect(other).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'previous_response_id' });
  await client.responses.create({ ...requested, model: 'to-responses' });
  expect(upstream.lastRequest().body.previous_response_id).toBe('resp_1');
});

test('unknown fields reach a target of the same format, and its response is unchanged', async () => {
  const body = '{"model":"to-responses","input":"hi", "invented_tomorrow" : {"a":[1, 2]}}';
  const answer = await fetch(`${gateway.url}/v1/responses`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(upstream.lastRequest().text).toBe(body.replace('"to-responses"', '"gpt-5.1"'));
  expect(Buffer.from(gateway.sink.exchanges.at(-1)!.attempts[0]!.response).toString()).toBe(await answer.text());
});

test('signed thinking of another format passes through chat completions and back to its provider, streaming or not', async () => {
  const requested = { model: 'to-anthropic', reasoning_effort: 'low' as const, max_tokens: 4_000 };
  const first: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'scene:reasoning' }];
  const complete = await client.chat.completions.create({ ...requested, messages: first });
  const sent = complete.choices[0]!.message as OpenAI.ChatCompletionMessage & { reasoning_content?: string; reasoning_details?: unknown[] };
  expect(sent.reasoning_content).toBe('Sum the two.');
  const details: unknown[] = [];
  for await (const { choices } of await client.chat.completions.create({ ...requested, messages: first, stream: true })) {
    const { reasoning_details: told = [] } = (choices[0]?.delta ?? {}) as { reasoning_details?: unknown[] };
    details.push(...told);
  }
  const streamed = { ...sent, reasoning_details: details };
  const historyOf = (message: object) => [
    ...first,
    message as OpenAI.ChatCompletionMessageParam,
    { role: 'user' as const, content: 'And now?' },
  ];
  for (const message of [sent, streamed]) {
    await client.chat.completions.create({ ...requested, messages: historyOf(message) });
    expect(upstream.lastRequest().body.messages[1].content[0]).toEqual({
      type: 'thinking',
      thinking: 'Sum the two.',
      signature: 'c2lnbmF0dXJl',
    });
  }
  const history = historyOf(sent);
  const { response } = await client.chat.completions.create({ ...requested, model: 'to-gemini', messages: history }).withResponse();
  expect(response.headers.get('x-hindcast-warnings')).toContain('dropped messages[1].content[0].signature');
  expect(upstream.lastRequest().text).not.toContain('c2lnbmF0dXJl');
});
