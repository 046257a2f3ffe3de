/** A gateway in this process over real sockets: settings from YAML, records in memory, and an upstream that does as the test says. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, printProblems } from '../../gateway/config/index.ts';
import { type Exchange, type ExchangeSink, type Sealed, seal } from '../../gateway/core/exchange.ts';
import { silentLog } from '../../gateway/observability/logs.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/server.ts';
import type { Settings } from '../../gateway/settings/settings.ts';

export function settingsOf(yaml: string): Settings {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-gateway-'));
  try {
    writeFileSync(join(folder, 'hindcast.yaml'), yaml);
    const loaded = loadConfig({ directory: folder, environment: {} });
    if (!loaded.ok) throw new Error(printProblems(loaded.problems));
    return loaded.settings;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export class MemorySink implements ExchangeSink {
  readonly exchanges: Exchange[] = [];
  readonly dropped = 0;
  /** What `refusal` says. */
  full: string | undefined;
  /** What `record` fails with. */
  broken: Error | undefined;

  async record(exchange: Exchange): Promise<Sealed> {
    if (this.broken) throw this.broken;
    this.exchanges.push(exchange);
    return seal();
  }

  refusal(): string | undefined {
    return this.full;
  }

  async close(): Promise<void> {}

  /** The record of the next exchange, or of the one that is there. */
  async next(): Promise<Exchange> {
    while (this.exchanges.length === 0) await new Promise(wait => setTimeout(wait, 5));
    return this.exchanges.shift()!;
  }
}

export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly sink: MemorySink;
  readonly gateway: Gateway;
}

export async function startGateway(yaml: string, options: Partial<GatewayOptions> = {}): Promise<RunningGateway> {
  const sink = (options.sink as MemorySink | undefined) ?? new MemorySink();
  const gateway = createGateway({ settings: settingsOf(`server: { port: 0 }\n${yaml}`), log: silentLog, ...options, sink });
  const url = await gateway.listen();
  return {
    url,
    port: Number(new URL(url).port),
    sink,
    gateway,
    [Symbol.asyncDispose]: async () => gateway.close(0),
  };
}

export interface ReceivedRequest {
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

export interface Upstream extends AsyncDisposable {
  /** With /v1. */
  readonly url: string;
  readonly requests: ReceivedRequest[];
  /** Connections that are open now. */
  openConnections(): number;
}

export type Responder = (response: ServerResponse, requested: ReceivedRequest, request: IncomingMessage) => unknown;

export async function startUpstream(answer: Responder): Promise<Upstream> {
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const received = { body, headers: request.headers };
    requests.push(received);
    response.on('error', () => {});
    await answer(response, received, request);
  });
  server.on('connection', socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    openConnections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };

export const respondJson: Responder = response =>
  response.setHeader('content-type', 'application/json').end(
    JSON.stringify({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'served-1',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      usage,
    }),
  );

export const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'served-1',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;

const usageChunk = `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'served-1', choices: [], usage })}\n\n`;

/** Streams `words`; before each but the first it waits for `between`. */
export const respondStream =
  (words: readonly string[], between: () => Promise<unknown> = async () => {}): Responder =>
  async response => {
    response.setHeader('content-type', 'text/event-stream').write(chunk({ role: 'assistant', content: '' }));
    for (const [i, content] of words.entries()) {
      if (i > 0) await between();
      if (response.destroyed) return;
      response.write(chunk({ content }));
    }
    response.write(chunk({}, 'stop'));
    response.write(usageChunk);
    response.end('data: [DONE]\n\n');
  };

/** As the caller wishes, after `ms`. */
export const respondAsRequested: Responder = (response, requested, request) =>
  (JSON.parse(requested.body).stream ? respondStream(['hel', 'lo']) : respondJson)(response, requested, request);

export interface RawResponse {
  readonly text: string;
  /** All head lines but the first, by lower-case name. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly afterMs: number;
}

/** Sends bytes on a socket of their own and reads until the other side ends it. */
export async function exchangeBytes(port: number, send: (socket: Socket) => void): Promise<RawResponse> {
  const started = performance.now();
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let firstAt: number | undefined;
  socket.on('data', data => {
    firstAt ??= performance.now();
    text += data.toString('latin1');
  });
  socket.on('error', () => {});
  send(socket);
  await once(socket, 'close');
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  return {
    text,
    status: Number(line.split(' ')[1]),
    headers: Object.fromEntries(
      lines.map(header => [header.split(':', 1)[0]!.toLowerCase(), header.slice(header.indexOf(':') + 1).trim()]),
    ),
    body: rest.join('\r\n\r\n'),
    afterMs: (firstAt ?? performance.now()) - started,
  };
}

export const hi = { model: 'm-fast', messages: [{ role: 'user', content: 'hi' }] };

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Providers A and B at these places, and the routes that the bad inputs name. */
export const twoProviders = (a: string, b: string): string => `
providers:
  A: { api: openai, key: sk-prov-a-1234567890, base_url: "${a}", allow_private: true }
  B: { api: openai, key: sk-prov-b-1234567890, base_url: "${b}", allow_private: true }
routes:
  m-fast: [A/fast, B/fast]
  m-cheap: A/cheap
  m-forbidden: B/dear
`;
