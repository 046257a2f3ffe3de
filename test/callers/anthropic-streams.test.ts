/** Streams in Anthropic's format: blocks follow one another, the first event tells an input, and tokens are counted by the target's own counter. */
import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, StreamEvent } from '../../gateway/core/chat/chat.ts';
import { anthropicMessages } from '../../gateway/dialects/anthropic.ts';
import { chunk, startGateway, startUpstream } from '../gateway/harness.ts';
import { runs } from '../runs.ts';

interface WireEvent {
  readonly type: string;
  readonly index?: number;
  readonly content_block?: { readonly type: string; readonly id?: string };
  readonly delta?: { readonly partial_json?: string; readonly text?: string };
  readonly message?: { readonly usage: { readonly input_tokens: number } };
  readonly usage?: { readonly input_tokens: number };
}

const request: ChatRequest = {
  ...{ model: 'm', tools: [], stream: true, stop: [], extra: {} },
  messages: [{ role: 'user', content: [{ type: 'text', text: 'a prompt of some length' }] }],
};

function rendered(events: readonly StreamEvent[]): readonly WireEvent[] {
  const renderer = anthropicMessages.renderStream({ includeUsage: true, request });
  const text = events.map(event => renderer.render(event)).join('') + renderer.end();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as WireEvent);
}

/** Calls whose pieces come in any order between them, some without arguments, and texts in between. */
const interleaved = fc
  .record({
    calls: fc.array(fc.constantFrom([], ['{}'], ['{"a":', '1}'], ['{"b"', ':"x', 'y"}']), { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(5), { maxLength: 20 }),
  })
  .map(({ calls, order }) => {
    const events: StreamEvent[] = [{ type: 'response-start', id: 'r', model: 'm' }];
    const left = calls.map(pieces => [...pieces]);
    let started = 0;
    const begin = (): void => {
      events.push({ type: 'tool-call-start', choice: 0, index: started, id: `c${started}`, name: 'f' });
      started++;
    };
    const piece = (index: number): void => {
      const next = index < started ? left[index]?.shift() : undefined;
      if (next !== undefined) events.push({ type: 'tool-call-delta', choice: 0, index, arguments: next });
    };
    for (const turn of order) {
      if (turn === 5) events.push({ type: 'text-delta', choice: 0, text: '.' });
      else if (turn === 4 && started < calls.length) begin();
      else piece(turn);
    }
    while (started < calls.length) begin();
    for (let index = 0; index < calls.length; index++) while (left[index]!.length > 0) piece(index);
    events.push({ type: 'choice-end', choice: 0, finish: { reason: 'tool-calls', raw: '' } });
    return { calls, events, texts: order.filter(turn => turn === 5).length };
  });

test('blocks never overlap, and no call loses a piece', () => {
  fc.assert(
    fc.property(interleaved, ({ calls, events, texts }) => {
      let open: number | undefined;
      let next = 0;
      const inputs = new Map<string, string>();
      let current = '';
      let said = '';
      for (const { type, index, content_block: block, delta } of rendered(events)) {
        if (type === 'content_block_start') {
          expect(open).toBeUndefined();
          expect(index).toBe(next++);
          open = index;
          current = block!.id ?? '';
          if (block!.id) inputs.set(block!.id, '');
        } else if (type === 'content_block_delta') {
          expect(index).toBe(open);
          if (delta!.partial_json) inputs.set(current, inputs.get(current)! + delta!.partial_json);
          said += delta!.text ?? '';
        } else if (type === 'content_block_stop') {
          expect(index).toBe(open);
          open = undefined;
        }
      }
      expect(open).toBeUndefined();
      expect([...inputs.values()]).toEqual(calls.map(pieces => pieces.join('')));
      expect(said).toBe('.'.repeat(texts));
    }),
    runs(200, 20_000),
  );
});

test('the official client reports a call without arguments, and the one after it, once each', async () => {
  await using upstream = await startUpstream(response => {
    const call = (index: number, text: string): object => ({
      index,
      id: `c${index}`,
      type: 'function',
      function: { name: `f${index}`, arguments: text },
    });
    const body = [chunk({ tool_calls: [call(0, '')] }), chunk({ tool_calls: [call(1, '{"a":1}')] }), chunk({}, 'tool_calls')].join('');
    return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${body}data: [DONE]\n\n`);
  });
  await using gateway = await startGateway(`providers: { o: { api: openai, base_url: "${upstream.url}", key: k, allow_private: true } }`);
  const client = new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 });
  const finished: unknown[] = [];
  const stream = client.messages.stream({ model: 'o/m', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
  stream.on('contentBlock', block => finished.push(block));
  const { content } = await stream.finalMessage();
  const calls = [
    { type: 'tool_use', id: 'c0', name: 'f0', input: {} },
    { type: 'tool_use', id: 'c1', name: 'f1', input: { a: 1 } },
  ];
  expect(content).toMatchObject(calls);
  expect(finished).toMatchObject(calls);
});

test('message_start tells the estimated input, and message_delta the counted one', () => {
  const usage = { input: 77, output: 2, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' } as const;
  const events = rendered([
    { type: 'response-start', id: 'r', model: 'm' },
    { type: 'text-delta', choice: 0, text: 'hi' },
    { type: 'usage', usage },
    { type: 'choice-end', choice: 0, finish: { reason: 'stop', raw: 'stop' } },
  ]);
  expect(events.find(({ type }) => type === 'message_start')!.message!.usage.input_tokens).toBeGreaterThan(3);
  expect(events.find(({ type }) => type === 'message_delta')!.usage).toMatchObject({ input_tokens: 77 });
});

describe('tokens are counted', () => {
  const counters = {
    anthropic: {
      root: '',
      path: '/v1/messages/count_tokens',
      answer: { input_tokens: 321 },
      sends: { model: 'm', messages: [{ role: 'user' }], tools: [{ name: 'f' }] },
    },
    gemini: {
      root: '',
      path: '/v1beta/models/m:countTokens',
      answer: { totalTokens: 321 },
      sends: { generateContentRequest: { model: 'models/m', tools: [{}] } },
    },
    'openai-responses': {
      root: '/v1',
      path: '/v1/responses/input_tokens',
      answer: { input_tokens: 321 },
      sends: { model: 'm', tools: [{ name: 'f' }] },
    },
  } as const;
  const ask = (url: string): Promise<Response> =>
    fetch(`${url}/v1/messages/count_tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({
        model: 'a/m',
        messages: [{ role: 'user', content: 'hi' }],
        tools: [{ name: 'f', input_schema: { type: 'object' } }],
      }),
    });
  const yaml = (api: string, url: string): string => `providers: { a: { api: ${api}, base_url: "${url}", key: k, allow_private: true } }`;

  test.each(Object.entries(counters))('by %s’s own counter', async (api, { root, path, answer, sends }) => {
    let asked = '';
    await using upstream = await startUpstream((response, _, { url }) => {
      asked = url!;
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    await using gateway = await startGateway(yaml(api, upstream.url.replace(/\/v1$/, root)));
    const response = await ask(gateway.url);
    expect([await response.json(), response.headers.get('x-hindcast-estimate'), asked]).toEqual([{ input_tokens: 321 }, null, path]);
    const body = JSON.parse(upstream.requests[0]!.body) as object;
    expect(body).toMatchObject(sends);
    expect(body).not.toHaveProperty('max_tokens');
  });

  test('here when the counter fails, and marked as an estimate', async () => {
    await using upstream = await startUpstream(response => response.writeHead(404).end('{}'));
    await using gateway = await startGateway(yaml('anthropic', upstream.url.replace(/\/v1$/, '')));
    const response = await ask(gateway.url);
    expect(response.headers.get('x-hindcast-estimate')).toBe('true');
    expect(((await response.json()) as { input_tokens: number }).input_tokens).toBeGreaterThan(3);
  });
});
