/** A 200 that holds nothing, or ends with an error, is no answer: the next target is asked before the caller has read a byte. */
import { describe, expect, test } from 'vitest';
import { type Responder, respondJson, respondStream, startGateway, startUpstream } from '../gateway/harness.ts';

const gemini = (finishReason: string, parts: readonly object[] = []): object => ({
  candidates: [{ content: { role: 'model', parts }, finishReason, index: 0 }],
  usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 },
  responseId: 'g1',
});
const openai = (finish: string, message: object = { content: '' }, usage = { prompt_tokens: 5, completion_tokens: 0 }): object => ({
  ...{ id: 'c1', object: 'chat.completion', created: 1, model: 'm', usage },
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
});
const anthropic = (output: number): object => ({
  ...{ id: 'm1', type: 'message', role: 'assistant', model: 'c', content: [], stop_reason: 'end_turn', stop_sequence: null },
  usage: { input_tokens: 5, output_tokens: output },
});

/** The body whole, or as the events of a stream. */
const responding =
  (body: object): Responder =>
  (response, { body: asked }, { url }) => {
    const streams = url!.includes('alt=sse') || (JSON.parse(asked) as { stream?: boolean }).stream === true;
    if (!streams) return response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    response.setHeader('content-type', 'text/event-stream');
    return response.end(`data: ${JSON.stringify(chunkOf(body))}\n\n${url!.includes('chat') ? 'data: [DONE]\n\n' : ''}`);
  };

const chunkOf = (body: object): object => {
  const { choices } = body as { choices?: { message: object }[] };
  return choices ? { ...body, choices: choices.map(({ message, ...choice }) => ({ ...choice, delta: message })) } : body;
};

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly first: number;
}

async function ask(api: string, body: object, more: object = {}): Promise<Asked> {
  await using first = await startUpstream(responding(body));
  await using second = await startUpstream((...given) =>
    ((more as { stream?: boolean }).stream ? respondStream(['hello']) : respondJson)(...given),
  );
  const root = api === 'openai' ? first.url : first.url.replace(/\/v1$/, '');
  await using gateway = await startGateway(`
providers:
  one: { api: ${api}, base_url: "${root}", key: k, allow_private: true }
  two: { api: mistral, base_url: "${second.url}", key: k, allow_private: true }
routes: { chain: { steps: [{ target: one/m, retries: 0 }, { target: two/m, retries: 0 }] } }
`);
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'chain', messages: [{ role: 'user', content: 'hi' }], ...more }),
  });
  return { status: response.status, text: await response.text(), first: first.requests.length };
}

describe.each([{}, { stream: true }])('%j', more => {
  test.each([
    ['gemini', 'nothing', gemini('STOP')],
    ['gemini', 'a malformed call', gemini('MALFORMED_FUNCTION_CALL')],
    ['gemini', 'an empty text', gemini('STOP', [{ text: '' }])],
    ['openai', 'nothing', openai('stop')],
    ['openai', 'an error', openai('error')],
    ['openai', 'calls announced and none made', openai('tool_calls', { content: null })],
  ])('%s: %s', async (api, _, body) => {
    const { status, text, first } = await ask(api, body, more);
    expect([status, first]).toEqual([200, 1]);
    expect(text).toContain('hello');
  });

  test.each([
    ['a limit', 'openai', openai('length'), {}],
    ['a filter', 'openai', openai('content_filter'), {}],
    ['a stop sequence hit at once', 'openai', openai('stop'), { stop: ['hello'] }],
    ['a limit of Gemini', 'gemini', gemini('MAX_TOKENS'), {}],
    [
      'a call under an unknown word',
      'openai',
      openai('invoke', { content: null, tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }),
      {},
    ],
  ])('%s is an answer', async (_, api, body, request) => {
    const { status, text } = await ask(api, body, { ...more, ...request });
    expect(status).toBe(200);
    expect(text).not.toContain('hello');
    if (text.includes('"f"')) expect(text).toContain('"finish_reason":"tool_calls"');
  });
});

const afterResult = {
  messages: [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 'c', content: 'done' },
  ],
};

test('Claude has nothing to add to a result, and that is an answer; elsewhere it is none', async () => {
  expect((await ask('anthropic', anthropic(3), afterResult)).text).not.toContain('hello');
  expect((await ask('anthropic', anthropic(3))).text).toContain('hello');
});

test('an error after the first content ends the stream as broken', async () => {
  const cut = openai('error', { content: 'half' });
  const { status, text } = await ask('openai', cut, { stream: true });
  expect(status).toBe(200);
  expect(text).not.toContain('"finish_reason":"error"');
});
