/** The official client reads the rendered format over a real socket: non-streaming, streaming by chunk and with its helper. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallerError, StreamOptions } from '../../gateway/core/chat/caller-format.ts';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';

const answers: Record<string, ChatResponse> = {
  text: {
    id: 'chatcmpl-1',
    model: 'served',
    created: 1_700_000_000,
    choices: [
      {
        index: 0,
        content: [
          { type: 'reasoning', text: 'Greet.' },
          { type: 'text', text: 'Hello, \u2028world.' },
        ],
        finish: { reason: 'stop', raw: 'end_turn' },
        logprobs: [{ token: 'Hello', logprob: -0.5, top: [{ token: 'Hi', logprob: -1 }] }],
      },
      { index: 1, content: [{ type: 'text', text: 'Hi.' }], finish: { reason: 'length', raw: 'max_tokens' } },
    ],
    usage: { input: 9, output: 3, cached: 4, cacheWrite: 0, reasoning: 1, source: 'provider' },
  },
  tools: {
    id: 'chatcmpl-2',
    model: 'served',
    choices: [
      {
        index: 0,
        content: [
          { type: 'tool-call', id: 'c1', name: 'get_weather', arguments: '{"city":"Oslo"}' },
          { type: 'tool-call', id: 'c2', name: 'now', arguments: '{}' },
        ],
        finish: { reason: 'tool-calls', raw: 'tool_use' },
      },
    ],
  },
  refusal: {
    id: 'chatcmpl-3',
    model: 'served',
    choices: [{ index: 0, content: [{ type: 'refusal', text: 'I cannot.' }], finish: { reason: 'refusal', raw: 'refusal' } }],
  },
  strange: {
    id: 'chatcmpl-4',
    model: 'served',
    choices: [{ index: 0, content: [{ type: 'text', text: 'Hello.' }], finish: { reason: 'other', raw: '' } }],
  },
};
const cut: CallerError = { status: 502, type: 'upstream_error', code: 'upstream_truncated', message: 'The response was cut.', param: null };

/** The model names a response; `cut` fails in the middle, `refused` before any content. */
const server = createServer((request, response) => {
  let body = '';
  request.on('data', chunk => {
    body += chunk;
  });
  request.on('end', () => {
    const { model, stream, stream_options: options } = JSON.parse(body);
    if (model === 'refused') {
      response.writeHead(400, { 'content-type': 'application/json' });
      return response.end(openaiChat.renderFailure({ ...cut, status: 400, param: 'model' }));
    }
    if (!stream) {
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(openaiChat.renderResponse(answers[model]!, 1_800_000_000));
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const text = streaming(model, { includeUsage: options?.include_usage === true, now: 1_800_000_000 });
    for (let at = 0; at < text.length; at += 37) response.write(text.slice(at, at + 37));
    return response.end();
  });
});

function streaming(model: string, options: StreamOptions): string {
  const renderer = openaiChat.renderStream(options);
  const events = eventsOf(answers[model === 'cut' ? 'text' : model]!);
  if (model !== 'cut') return events.map(renderer.render).join('') + renderer.end();
  return events.slice(0, 4).map(renderer.render).join('') + renderer.fail(cut);
}

let client: OpenAI;
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new OpenAI({ apiKey: 'none', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
});
afterAll(() => server.close());

const messages = [{ role: 'user', content: 'hi' }] as const;
const requestOf = (model: string): { model: string; messages: OpenAI.ChatCompletionMessageParam[] } => ({ model, messages: [...messages] });

describe('a non-streaming response', () => {
  test('is parsed by the client', async () => {
    const completion = await client.chat.completions.create(requestOf('text'));
    expect(completion).toMatchObject({ id: 'chatcmpl-1', object: 'chat.completion', created: 1_700_000_000, model: 'served' });
    expect(completion.choices.map(choice => [choice.message.content, choice.finish_reason])).toEqual([
      ['Hello, \u2028world.', 'stop'],
      ['Hi.', 'length'],
    ]);
    expect(completion.choices[0]!.message).toHaveProperty('reasoning_content', 'Greet.');
    expect(completion.choices[0]!.logprobs!.content![0]!.bytes).toEqual([...Buffer.from('Hello')]);
    expect(completion.usage).toMatchObject({ prompt_tokens: 9, total_tokens: 12, prompt_tokens_details: { cached_tokens: 4 } });
  });

  test('has tool calls that the helper parses', async () => {
    const completion = await client.chat.completions.parse({ ...requestOf('tools') });
    expect(completion.created).toBe(1_800_000_000);
    expect(completion.choices[0]!.message).toMatchObject({ content: null, tool_calls: [{ id: 'c1' }, { id: 'c2' }] });
  });

  test('is an error with its message, code and param when refused', async () => {
    const error = await client.chat.completions.create(requestOf('refused')).catch(problem => problem);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, code: 'upstream_truncated', param: 'model', type: 'upstream_error' });
    expect(error.message).toContain('The response was cut.');
  });
});

describe('a streaming response', () => {
  test('is read chunk by chunk', async () => {
    const stream = await client.chat.completions.create({ ...requestOf('text'), stream: true, stream_options: { include_usage: true } });
    const texts = ['', ''];
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      for (const { index, delta } of chunk.choices) texts[index] += delta.content ?? '';
    }
    expect(texts).toEqual(['Hello, \u2028world.', 'Hi.']);
    expect(chunks.filter(chunk => chunk.choices.some(choice => choice.delta.role))).toHaveLength(2);
    expect(new Set(chunks.map(chunk => chunk.id))).toEqual(new Set(['chatcmpl-1']));
    expect(chunks.filter(chunk => chunk.usage)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 12 } });
  });

  test('is joined by the helper', async () => {
    const completion = await client.chat.completions
      .stream({ ...requestOf('text'), stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(completion).toMatchObject({ id: 'chatcmpl-1', model: 'served', usage: { total_tokens: 12 } });
    expect(completion.choices.map(choice => [choice.message.role, choice.message.content, choice.finish_reason])).toEqual([
      ['assistant', 'Hello, \u2028world.', 'stop'],
      ['assistant', 'Hi.', 'length'],
    ]);
    expect(completion.choices[0]!.logprobs?.content).toHaveLength(1);
  });

  test('with calls, with a refusal, or with an unknown finish reason is joined, too', async () => {
    const final = async (model: string): Promise<OpenAI.ChatCompletion.Choice> =>
      (await client.chat.completions.stream(requestOf(model)).finalChatCompletion()).choices[0]!;
    expect(await final('tools')).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
          { id: 'c2', type: 'function', function: { name: 'now', arguments: '{}' } },
        ],
      },
    });
    expect(await final('refusal')).toMatchObject({ finish_reason: 'content_filter', message: { refusal: 'I cannot.' } });
    expect(await final('strange')).toMatchObject({ finish_reason: 'unknown', message: { content: 'Hello.' } });
  });

  test('throws after its content when it failed in the middle', async () => {
    let received = '';
    const reading = async (): Promise<void> => {
      const stream = await client.chat.completions.create({ ...requestOf('cut'), stream: true });
      for await (const { choices } of stream) received += choices[0]?.delta.content ?? '';
    };
    await expect(reading()).rejects.toMatchObject({
      message: expect.stringContaining('The response was cut.'),
      code: 'upstream_truncated',
    });
    expect(received).toBe('Hello, \u2028world.');
  });

  test('throws in the helper when it failed in the middle', async () => {
    const final = client.chat.completions.stream(requestOf('cut')).finalChatCompletion();
    await expect(final).rejects.toThrow('The response was cut.');
  });
});
