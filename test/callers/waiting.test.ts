/** A slow provider: the bytes that keep the connection alive break no official client, whether the response arrives or fails. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { afterAll, describe, expect, test } from 'vitest';
import { type Responder, respondStream, startGateway, startUpstream } from '../gateway/harness.ts';

let act: Responder;
const provider = await startUpstream((response, requested, request) => act(response, requested, request));
const gateway = await startGateway(
  `
providers:
  slow: { api: openai, base_url: "${provider.url}", key: sk-a-1234567890, allow_private: true }
routes:
${['a', 'b', 'c', 'd', 'e', 'f'].map(name => `  ${name}: { steps: [{ target: slow/${name}, retries: 0 }] }`).join('\n')}`,
  { limits: { keepAliveMs: 15 } },
);
/** Between the clients and the gateway: reports when bytes of the gateway pass. */
const relay = createServer(client => {
  const server = connect(gateway.port, '127.0.0.1');
  server.on('data', () => relay.emit('passed'));
  for (const [from, to] of [[client, server] as const, [server, client] as const]) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
});
await once(relay.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  relay.close();
  await provider[Symbol.asyncDispose]();
});

/** Resolves after several keep-alive signals. */
async function wait(): Promise<void> {
  for (let signals = 0; signals < 4; signals++) await once(relay, 'passed');
}
const slowly: Responder = async (...args) => {
  await wait();
  await respondStream(['hel', 'lo'], wait)(...args);
};
const failing: Responder = async response => {
  await wait();
  response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"broken"}}');
};

const openai = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: 'none', baseURL: url, maxRetries: 0 });
const google = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: url } });
const user = [{ role: 'user' as const, content: 'hi' }];

interface Kind {
  readonly name: string;
  readonly model: string;
  readonly path: (model: string) => string;
  readonly body: object;
  readonly sign: RegExp;
  /** The text that its client reads from a stream. */
  read?(model: string): Promise<string>;
}

async function joined<T>(stream: AsyncIterable<T>, textOf: (each: T) => string | null | undefined): Promise<string> {
  let text = '';
  for await (const each of stream) text += textOf(each) ?? '';
  return text;
}

const comments = /^(?:: keep-alive\n\n)+(?:event|data):/;
const gemini = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
const kinds: readonly Kind[] = [
  {
    name: 'chat completions',
    model: 'a',
    path: () => '/v1/chat/completions',
    body: { messages: user, stream: true },
    sign: comments,
    read: async model =>
      (await openai.chat.completions.stream({ model, messages: user }).finalChatCompletion()).choices[0]!.message.content!,
  },
  {
    name: 'responses',
    model: 'b',
    path: () => '/v1/responses',
    body: { input: 'hi', stream: true },
    sign: comments,
    read: async model => (await openai.responses.stream({ model, input: 'hi' }).finalResponse()).output_text,
  },
  {
    name: 'text completions',
    model: 'c',
    path: () => '/v1/completions',
    body: { prompt: 'hi', stream: true },
    sign: comments,
    read: async model => joined(await openai.completions.create({ model, prompt: 'hi', stream: true }), ({ choices }) => choices[0]?.text),
  },
  {
    name: 'messages',
    model: 'd',
    path: () => '/v1/messages',
    body: { max_tokens: 10, messages: user, stream: true },
    sign: comments,
    read: async model => {
      const { content } = await anthropic.messages.stream({ model, max_tokens: 10, messages: user }).finalMessage();
      return content.map(block => (block.type === 'text' ? block.text : '')).join('');
    },
  },
  {
    name: 'generateContent as events',
    model: 'e',
    path: model => `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    body: gemini,
    sign: comments,
    read: async model => joined(await google.models.generateContentStream({ model, contents: 'hi' }), ({ text }) => text),
  },
  {
    name: 'generateContent as an array',
    model: 'f',
    path: model => `/v1beta/models/${model}:streamGenerateContent`,
    body: gemini,
    sign: /^\n+\[/,
  },
];

describe.each(kinds)('$name', ({ model, path, body, sign, read }) => {
  test('a slow response is read completely', async () => {
    act = slowly;
    if (read) expect(await read(model)).toBe('hello');
    const response = await fetch(url + path(model), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, ...body }),
    });
    const raw = await response.text();
    expect(raw).toMatch(sign);
    expect(raw).toContain('hel');
    if (!read) expect(JSON.parse(raw)).toBeInstanceOf(Array);
  });

  test.skipIf(!read)('a failure after the first keep-alive signal is an error', async () => {
    act = failing;
    await expect(read!(model)).rejects.toThrow();
    expect(gateway.sink.exchanges.at(-1)).toMatchObject({ outcome: 'upstream_error', status: 200 });
  });
});
