/** A compatible vendor's response reaches chat callers in OpenAI's shape, whole and streamed, and untouched where nothing differs. */
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { adaptAnswer } from '../../gateway/providers/openai/adapt-answer.ts';
import { startGateway, startUpstream } from '../gateway/harness.ts';

const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }] };
const head = { id: 'c1', object: 'chat.completion', created: 1, model: 'm' };
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const called = { name: 'f', arguments: '{}' };

const adapted = (body: object): unknown => JSON.parse(adaptAnswer()(JSON.stringify(body)));

describe('whole', () => {
  const whole = (message: object, more: object = {}): object => ({
    ...head,
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop', ...more }],
    usage,
  });

  test.each<[string, object, object]>([
    [
      'typed content',
      whole({ content: [thinking, { type: 'text', text: 'Yes.' }] }),
      { message: { content: 'Yes.', reasoning_content: 'Hm.' } },
    ],
    [
      'reasoning under its other name',
      whole({ content: 'Yes.', reasoning: 'Hm.' }),
      { message: { reasoning: 'Hm.', reasoning_content: 'Hm.' } },
    ],
    ['an odd finish word', whole({ content: 'Yes.' }, { finish_reason: 'eos' }), { finish_reason: 'stop' }],
    ['a limit by another name', whole({ content: 'Yes.' }, { finish_reason: 'model_length' }), { finish_reason: 'length' }],
    [
      'an unknown word beside calls, and arguments as an object',
      whole({ content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: { q: 1 } } }] }, { finish_reason: 'invoke' }),
      { message: { tool_calls: [{ function: { arguments: '{"q":1}' } }] }, finish_reason: 'tool_calls' },
    ],
  ])('%s', (_, body, choice) => expect(adapted(body)).toMatchObject({ choices: [choice], usage }));

  test('usage in odd places', () => {
    const { usage: _, ...bare } = whole({ content: 'Yes.' }) as { usage: object };
    expect(adapted({ ...bare, x_groq: { usage } })).toMatchObject({ usage });
    expect(adapted({ ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] })).toMatchObject({ usage });
  });

  test.each([
    '{"id":"x", "choices":[{"index":0,"message":{"role":"assistant","content":"the word \\"reasoning\\": \\"x\\""},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}',
    '{"choices": [{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}], "tomorrow": 1.0}',
  ])('passes %s', text => expect(adaptAnswer()(text)).toBe(text));
});

describe('streamed', () => {
  const chunk = (delta: object, finish: string | null = null): object => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });

  test('calls without numbers, or all with the number 0, are numbered', () => {
    for (const numbers of [{}, { index: 0 }]) {
      const adapt = adaptAnswer();
      const indexes = ['a', 'b'].flatMap(id => {
        const call = { ...numbers, id, type: 'function', function: called };
        const out = JSON.parse(adapt(JSON.stringify(chunk({ tool_calls: [call] })))) as {
          choices: { delta: { tool_calls: { index: number }[] } }[];
        };
        return out.choices[0]!.delta.tool_calls.map(({ index }) => index);
      });
      expect(indexes).toEqual([0, 1]);
    }
  });

  test('through a gateway, for the official client', async () => {
    await using upstream = await startUpstream(response => {
      const events = [
        chunk({ role: 'assistant', content: [thinking] }),
        chunk({ content: [{ type: 'text', text: 'Yes.' }] }),
        chunk({ content: '' }, 'end_turn'),
      ];
      response.setHeader('content-type', 'text/event-stream');
      return response.end(`${events.map(event => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`);
    });
    await using gateway = await startGateway(
      `providers: { mistral: { api: mistral, base_url: "${upstream.url}", key: k, allow_private: true } }`,
    );
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 });
    const stream = client.chat.completions.stream({ model: 'mistral/m', messages: [{ role: 'user', content: 'hi' }] });
    const { choices } = await stream.finalChatCompletion();
    expect(choices).toMatchObject([{ message: { content: 'Yes.', reasoning_content: 'Hm.' }, finish_reason: 'stop' }]);
  });
});
