/** Quirks of providers that naive proxies get wrong, one test each. */
import { describe, expect, test } from 'vitest';
import type { ChatResponse, Usage } from '../../gateway/core/chat/chat.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { providers } from '../../gateway/providers/index.ts';
import { parseRechunked } from './rechunk.ts';

const nonStreaming = (name: string, body: JsonObject): ChatResponse => providers[name]!.parseResponse(body) as ChatResponse;
const streaming = (name: string, text: string): ChatResponse => parseRechunked(providers[name]!, text, [7, 3, 11]) as ChatResponse;
const sse = (events: readonly (object | string)[], newline = '\n'): string =>
  events.map(event => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}${newline}${newline}`).join('');
const counts = ({ usage }: ChatResponse): Partial<Usage> => ({
  input: usage!.input,
  output: usage!.output,
  cached: usage!.cached,
  cacheWrite: usage!.cacheWrite,
  reasoning: usage!.reasoning,
});
const choice = { index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' };
const delta = (of: object, finish: string | null = null) => ({
  id: 'c',
  model: 'm',
  choices: [{ index: 0, delta: of, finish_reason: finish }],
});
const calls = ({ choices }: ChatResponse): unknown =>
  choices[0]!.content.flatMap(part => (part.type === 'tool-call' ? [[part.name, part.arguments]] : []));

describe('tokens', () => {
  test('xAI leaves reasoning out of completion_tokens, but bills it', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 115,
      completion_tokens_details: { reasoning_tokens: 100 },
      cost_in_usd_ticks: 5_300_000,
    };
    const answer = nonStreaming('xai', { id: 'c', model: 'grok-4', choices: [choice], usage });
    expect(counts(answer)).toMatchObject({ output: 105, reasoning: 100 });
    expect(answer.usage!.billed).toBe(530_000);
  });

  test('OpenAI includes cached tokens in the input, Anthropic and Bedrock do not', () => {
    const openai = { prompt_tokens: 100, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 60 } };
    const anthropic = { input_tokens: 30, cache_read_input_tokens: 60, cache_creation_input_tokens: 10, output_tokens: 1 };
    const bedrock = { inputTokens: 30, cacheReadInputTokens: 60, cacheWriteInputTokens: 10, outputTokens: 1 };
    expect(counts(nonStreaming('openai', { id: 'c', model: 'm', choices: [choice], usage: openai }))).toMatchObject({
      input: 100,
      cached: 60,
    });
    const message = { id: 'c', model: 'm', content: [], stop_reason: 'end_turn', usage: anthropic };
    expect(counts(nonStreaming('anthropic', message))).toMatchObject({ input: 100, cached: 60, cacheWrite: 10 });
    const converse = { output: { message: { content: [{ text: 'Hi.' }] } }, stopReason: 'end_turn', usage: bedrock };
    expect(counts(nonStreaming('bedrock', converse))).toMatchObject({ input: 100, cached: 60, cacheWrite: 10 });
  });

  test("Anthropic's input may grow during a stream, and message_delta may come more than once", () => {
    const text = sse([
      { type: 'message_start', message: { id: 'c', model: 'm', content: [], usage: { input_tokens: 10, output_tokens: 1 } } },
      { type: 'message_delta', delta: {}, usage: { input_tokens: 500, output_tokens: 3 } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { input_tokens: 900, output_tokens: 7 } },
      { type: 'message_stop' },
    ]);
    expect(counts(streaming('anthropic', text))).toMatchObject({ input: 900, output: 7 });
  });

  test('Gemini counts reasoning and the prompts of its tools beside prompt and candidates', () => {
    const usage = {
      promptTokenCount: 10,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 7,
      toolUsePromptTokenCount: 20,
      totalTokenCount: 42,
    };
    const body = { candidates: [{ content: { parts: [{ text: 'Hi.' }] }, finishReason: 'STOP' }], usageMetadata: usage };
    const { usage: counted } = nonStreaming('gemini', body);
    expect(counted).toMatchObject({ input: 30, output: 12, reasoning: 7 });
    expect(counted!.input + counted!.output).toBe(usage.totalTokenCount);
  });

  test.each([
    ['in a chunk with empty choices', { id: 'c', model: 'm', choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }],
    ['under x_groq', { ...delta({}), choices: [], x_groq: { usage: { prompt_tokens: 3, completion_tokens: 2 } } }],
  ])('usage may come %s', (_, chunk) => {
    const answer = streaming('groq', sse([delta({ content: 'Hi.' }), delta({}, 'stop'), chunk, '[DONE]']));
    expect(counts(answer)).toMatchObject({ input: 3, output: 2 });
  });

  test('usage may never come, which is reported and not counted as zero', () => {
    expect(streaming('openai', sse([delta({ content: 'Hi.' }), delta({}, 'stop'), '[DONE]'])).usage).toBeUndefined();
  });
});

describe('streams', () => {
  const gemini = { candidates: [{ content: { parts: [{ text: 'Hi.' }] }, finishReason: 'STOP', index: 0 }], modelVersion: 'g' };
  test("Gemini's have CRLF and no end marker", () => {
    expect(streaming('gemini', sse([gemini], '\r\n')).choices[0]!.finish).toEqual({ reason: 'stop', raw: 'STOP' });
  });

  test('complete ones may lack [DONE]', () => {
    expect(streaming('openai', sse([delta({ content: 'Hi.' }), delta({}, 'stop')])).choices[0]!.finish.reason).toBe('stop');
  });

  test('DashScope writes data:{ without a space, and the text "null" as finish reason until it stops', () => {
    const event = (content: string, finish: string) =>
      `id:1\nevent:result\ndata:${JSON.stringify({ request_id: 'r', output: { choices: [{ message: { content }, finish_reason: finish }] } })}\n\n`;
    const answer = streaming('dashscope', event('Hel', 'null') + event('lo.', 'stop'));
    expect(answer.choices[0]).toMatchObject({ content: [{ type: 'text', text: 'Hello.' }], finish: { reason: 'stop', raw: 'stop' } });
  });
});

describe('calls', () => {
  const call = (of: object): object => delta({ tool_calls: [of] });
  test('deltas may have no index', () => {
    const pieces = [call({ id: 'a', function: { name: 'f', arguments: '{"a":' } }), call({ id: 'a', function: { arguments: '1}' } })];
    expect(calls(streaming('mistral', sse([...pieces, delta({}, 'tool_calls'), '[DONE]'])))).toEqual([['f', '{"a":1}']]);
  });

  test('deltas may have an empty id', () => {
    const pieces = [
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"a":' } }),
      call({ index: 0, id: '', function: { name: '', arguments: '1}' } }),
    ];
    expect(calls(streaming('qwen', sse([...pieces, delta({}, 'tool_calls'), '[DONE]'])))).toEqual([['f', '{"a":1}']]);
  });

  test.each([[null], ['']])('arguments may be %j', none => {
    const message = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: none } }],
    };
    expect(calls(nonStreaming('openai', { id: 'c', model: 'm', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }))).toEqual([
      ['f', ''],
    ]);
  });
});
