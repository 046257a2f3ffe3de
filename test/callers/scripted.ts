/** An upstream on a real socket that speaks every wire format: what it is asked about decides what it answers, and it keeps what it was asked. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatResponse, Part } from '../../gateway/core/chat.ts';
import { split } from '../../gateway/core/collect.ts';
import type { CallerError, Dialect } from '../../gateway/core/dialect.ts';
import { dialects } from '../../gateway/dialects/index.ts';

export type Scene = 'text' | 'tools' | 'images' | 'structured' | 'reasoning' | 'cut' | 'refused';

const answer = (content: readonly Part[], reason: 'stop' | 'tool-calls' = 'stop'): ChatResponse => ({
  id: 'answer_1',
  model: 'served-1',
  created: 1_700_000_000,
  choices: [{ index: 0, content, finish: { reason, raw: reason === 'stop' ? 'stop' : 'tool_calls' } }],
  usage: { input: 11, output: 7, cached: 3, cacheWrite: 0, reasoning: 0, source: 'provider' },
});

const hello = answer([{ type: 'text', text: 'Hello, world.' }]);

export const scenes: Readonly<Record<Scene, ChatResponse>> = {
  text: hello,
  cut: hello,
  refused: hello,
  images: answer([{ type: 'text', text: 'A red square.' }]),
  structured: answer([{ type: 'text', text: '{"city":"Oslo","degrees":4}' }]),
  tools: answer(
    [
      { type: 'tool-call', id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' },
      { type: 'tool-call', id: 'call_2', name: 'weather', arguments: '{"city":"Rome"}' },
    ],
    'tool-calls',
  ),
  reasoning: answer([
    { type: 'reasoning', text: 'Sum the two.', signature: 'c2lnbmF0dXJl' },
    { type: 'text', text: '4' },
  ]),
};

const refusal: CallerError = {
  status: 429,
  type: 'requests',
  code: 'rate_limit_exceeded',
  message: 'Too many requests.',
  param: null,
};

const named = (name: string): Dialect | undefined => dialects.find(dialect => dialect.name === name);

export const wireAt = (url: string): Dialect | undefined => {
  if (url.includes('/chat/completions')) return named('openai-chat');
  if (url.includes('/responses')) return named('openai-responses');
  if (url.includes('/messages')) return named('anthropic-messages');
  return url.includes('enerateContent') ? named('gemini-generate') : undefined;
};

export interface Heard {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a body of any format, looked into by tests
  readonly body: any;
}

export interface Scripted extends AsyncDisposable {
  readonly url: string;
  readonly heard: Heard[];
  last(): Heard;
}

/** The scene is the one that the body names as `scene:<name>`, however deep; text when it names none. */
export async function scripted(): Promise<Scripted> {
  const heard: Heard[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const url = request.url ?? '';
    const body = JSON.parse(text || '{}');
    heard.push({ url, headers: request.headers, text, body });
    const dialect = wireAt(url);
    if (!dialect) return response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such path"}}');
    const scene = (/scene:(\w+)/.exec(text)?.[1] ?? 'text') as Scene;
    if (scene === 'refused') return response.writeHead(429, { 'content-type': 'application/json' }).end(dialect.renderFailure(refusal));
    const isStream = body.stream === true || url.includes('streamGenerateContent');
    // A conversation that has its results is over.
    const isAnswered = scene === 'tools' && /"tool"|tool_result|function_call_output|functionResponse/.test(text);
    await perform(response, dialect, isAnswered ? 'text' : scene, isStream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    last: () => heard.at(-1)!,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

async function perform(response: ServerResponse, dialect: Dialect, scene: Scene, isStream: boolean): Promise<void> {
  if (!isStream) {
    const body = dialect.renderResponse(scenes[scene], 1_700_000_000);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(body.slice(0, 10));
    if (scene === 'cut') return void setImmediate(() => response.destroy());
    return void response.end(body.slice(10));
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const renderer = dialect.renderStream({ includeUsage: true, now: 1_700_000_000 });
  for (const event of split(scenes[scene])) {
    if (scene === 'cut' && event.type === 'choice-end') return void setTimeout(() => response.destroy(), 20);
    const text = renderer.render(event);
    if (text !== '') response.write(text);
    await new Promise(resolve => setImmediate(resolve));
  }
  response.end(renderer.end());
}

/** One account for each wire format, all at the same place, and routes by the format's short name. */
export const accounts = (url: string): string => `
providers:
  openai: { api: openai, key: sk-a, base_url: "${url}/v1", allow_private: true }
  responses: { api: openai-responses, key: sk-d, base_url: "${url}/v1", allow_private: true }
  anthropic: { api: anthropic, key: sk-b, base_url: "${url}", allow_private: true }
  gemini: { api: gemini, key: sk-c, base_url: "${url}", allow_private: true }
routes:
  to-openai: { steps: [{ target: openai/gpt-4.1, retries: 0 }] }
  to-responses: { steps: [{ target: responses/gpt-5.1, retries: 0 }] }
  to-anthropic: { steps: [{ target: anthropic/claude-opus-4-6, retries: 0 }] }
  to-gemini: { steps: [{ target: gemini/gemini-3.1-pro, retries: 0 }] }
`;

/** A picture of one red pixel. */
export const redPixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
export const citySchema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'number' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
} as const;
