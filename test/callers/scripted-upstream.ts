/** An upstream on a real socket with every wire format. The request's scene chooses the response, and it stores its requests. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallerError, CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { ChatResponse, Part } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { callerFormats } from '../../gateway/dialects/index.ts';

export type Scenario = 'text' | 'tools' | 'images' | 'structured' | 'reasoning' | 'cut' | 'refused' | 'cited' | 'rich';

const answer = (content: readonly Part[], reason: 'stop' | 'tool-calls' = 'stop'): ChatResponse => ({
  id: 'answer_1',
  model: 'served-1',
  created: 1_700_000_000,
  choices: [{ index: 0, content, finish: { reason, raw: reason === 'stop' ? 'stop' : 'tool_calls' } }],
  usage: { input: 11, output: 7, cached: 3, cacheWrite: 0, reasoning: 0, source: 'provider' },
});

const hello = answer([{ type: 'text', text: 'Hello, world.' }]);

export const scenarios: Readonly<Record<Scenario, ChatResponse>> = {
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
  cited: answer([
    {
      type: 'text',
      text: 'Oslo has fjords.',
      citations: [{ url: 'https://example.com/oslo', title: 'Oslo', span: { from: 0, to: 16 }, raw: { from: 'nobody' } }],
    },
  ]),
  rich: {
    ...hello,
    choices: [
      {
        index: 0,
        content: [
          { type: 'text', text: 'I may not.' },
          { type: 'refusal', text: 'It is not allowed.' },
        ],
        finish: { reason: 'refusal', raw: 'refusal' },
      },
    ],
    serviceTier: 'flex',
    usage: { input: 31, output: 7, cached: 3, cacheWrite: 5, reasoning: 0, audioInput: 9, source: 'provider' },
  },
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

const named = (name: string): CallerFormat | undefined => callerFormats.find(dialect => dialect.name === name);

export const dialectAt = (url: string): CallerFormat | undefined => {
  if (url.includes('/chat/completions')) return named('openai-chat');
  if (url.includes('/responses')) return named('openai-responses');
  if (url.includes('/messages')) return named('anthropic-messages');
  return url.includes('enerateContent') ? named('gemini-generate') : undefined;
};

export interface ReceivedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a body of any format, looked into by tests
  readonly body: any;
}

export interface ScriptedUpstream extends AsyncDisposable {
  readonly url: string;
  readonly requests: ReceivedRequest[];
  lastRequest(): ReceivedRequest;
}

/** The scene that the body names as `scene:<name>` at any depth; `text` without one. */
export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const requests: ReceivedRequest[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const url = request.url ?? '';
    const body = JSON.parse(text || '{}');
    requests.push({ url, headers: request.headers, text, body });
    if (/embed/i.test(url)) return sendEmbeddings(response, url, body);
    const dialect = dialectAt(url);
    if (!dialect) return response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such path"}}');
    const scene = (/scene:(\w+)/.exec(text)?.[1] ?? 'text') as Scenario;
    if (scene === 'refused') return response.writeHead(429, { 'content-type': 'application/json' }).end(dialect.renderFailure(refusal));
    const isStream = body.stream === true || url.includes('streamGenerateContent');
    // A conversation with its tool results ends.
    const isAnswered = scene === 'tools' && /"tool"|tool_result|function_call_output|functionResponse/.test(text);
    await sendResponse(response, dialect, isAnswered ? 'text' : scene, isStream);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    lastRequest: () => requests.at(-1)!,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a body of either format
function sendEmbeddings(response: ServerResponse, url: string, body: any): void {
  const answer = url.endsWith(':batchEmbedContents')
    ? { embeddings: body.requests.map((_: unknown, at: number) => ({ values: [at, 0.5] })) }
    : {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: Buffer.from(Float32Array.from([0, 0.5]).buffer).toString('base64') }],
        model: 'text-embedding-3-small',
        usage: { prompt_tokens: 4, total_tokens: 4 },
      };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

async function sendResponse(response: ServerResponse, dialect: CallerFormat, scene: Scenario, isStream: boolean): Promise<void> {
  if (!isStream) {
    const body = dialect.renderResponse(scenarios[scene], 1_700_000_000);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(body.slice(0, 10));
    if (scene === 'cut') return void setImmediate(() => response.destroy());
    return void response.end(body.slice(10));
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const renderer = dialect.renderStream({ includeUsage: true, now: 1_700_000_000 });
  for (const event of eventsOf(scenarios[scene])) {
    if (scene === 'cut' && event.type === 'choice-end') return void setTimeout(() => response.destroy(), 20);
    const text = renderer.render(event);
    if (text !== '') response.write(text);
    await new Promise(resolve => setImmediate(resolve));
  }
  response.end(renderer.end());
}

const formats = {
  openai: { api: 'openai', root: '/v1', model: 'gpt-5.1' },
  responses: { api: 'openai-responses', root: '/v1', model: 'gpt-5.1' },
  anthropic: { api: 'anthropic', root: '', model: 'claude-opus-4-6' },
  gemini: { api: 'gemini', root: '', model: 'gemini-3.1-pro' },
} as const;
const spareRoutesMax = 16;

/** An account per wire format at the same URL, and routes by the format's short name, each with spares. */
export function providersYaml(url: string): string {
  const all = Object.entries(formats).flatMap(([name, format]) =>
    ['', ...Array.from({ length: spareRoutesMax }, (_, at) => `-${at}`)].map(spare => ({ name: name + spare, ...format })),
  );
  return `
providers:
${all.map(({ name, api, root }) => `  ${name}: { api: ${api}, key: sk-a, base_url: "${url}${root}", allow_private: true }`).join('\n')}
routes:
${all.map(({ name, model }) => `  to-${name}: { steps: [{ target: ${name}/${model}, retries: 0 }] }`).join('\n')}
`;
}

let spare = 0;
/** The same target on an account without failures: a failed account cools down, which tests would have to wait for. */
export const spareRoute = (route: string): string => `${route}-${spare++ % spareRoutesMax}`;

/** An image of one red pixel. */
export const redPixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
export const citySchema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'number' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
} as const;
