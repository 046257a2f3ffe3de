/** A small recorded folder: a gateway with the simulated provider, some traffic of every kind, and what its answers looked like. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Gateway, Workspace } from '../hindcast.ts';

/** Names of targets, routes and tags have a sign in them that no key of ours has. */
const config = (flags: string): string => `
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
prices: { "sim/small": { input: 1, output: 2 }, "sim/large": { input: 10, output: 20 } }
${flags}
routes:
  smart-route:
    steps: [{ target: sim/small, accept: { confidence: 0.74 } }, { target: sim/large }]
    audit_probability: 1
  flag-route:
    steps: [{ target: sim/small }]
    flag: which-one
    variants: [{ route: smart-route, share: 0 }]
tenants: { default: { budget: { usd: 100, per: day }, limits: { rpm: 100000, tpm: 100000000 } } }
`;

const flagProvider = `export default {
  metadata: { name: 'own' }, runsOn: 'server', hooks: [],
  resolveStringEvaluation: async () => ({ value: 'flag-route', reason: 'STATIC' }),
};
`;

export interface RecordedFolder extends AsyncDisposable {
  readonly place: Workspace;
  readonly gateway: Gateway;
  /** Of the answers to the route's questions. */
  readonly ids: readonly string[];
  /** A judge that finds all responses equal. */
  readonly judgeUrl: string;
  /** Names of the headers of all answers. */
  readonly headers: ReadonlySet<string>;
}

const questions = 16;
/** What of all that is asked is recorded: refusals before a provider was named are not. */
export const recordedRequests = questions + 5;

/** `surface`: the file into which the serving process writes what it declares. */
export async function recordFolder(surface: string): Promise<RecordedFolder> {
  const place = new Workspace(undefined, {
    NODE_OPTIONS: `--import ${pathToFileURL(resolve(import.meta.dirname, 'hooks.ts')).href}`,
    HINDCAST_SURFACE: surface,
    HINDCAST_LOG: 'info',
  });
  place.write('flags.mjs', flagProvider);
  place.write('hindcast.yaml', config('flags: { provider: ./flags.mjs }'));
  const gateway = await place.serve('--json');
  const headers = new Set<string>();
  const ask = async (path: string, body?: object | string, more: Record<string, string> = {}): Promise<Response> => {
    const response = await fetch(gateway.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...more },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    await response.arrayBuffer();
    for (const name of response.headers.keys()) headers.add(name);
    return response;
  };
  const chat = (model: string, content: string, more: object = {}) => ({ model, messages: [{ role: 'user', content }], ...more });
  const kept = {
    'user-agent': 'a',
    accept: '*/*',
    'x-title': 't',
    'openai-beta': 'b',
    'x-stainless-lang': 'js',
    'x-stainless-retry-count': '0',
  };
  const execution = Promise.all(
    Array.from({ length: questions }, async (_, i) => {
      const stream = i % 4 === 0;
      const more = {
        ...kept,
        'x-hindcast-tag-task-kind': i % 2 === 0 ? 'refund' : 'other',
        'x-hindcast-conversation': `talk-${i}`,
      };
      const response = await ask('/v1/chat/completions', chat('smart-route', `What is the refund code of order ${i}?`, { stream }), more);
      return response.headers.get('x-hindcast-id')!;
    }),
  );
  const others = [
    ask('/v1/chat/completions', chat('flag-route', 'Hello', { logit_bias: { 1: 2 }, seed: 1 })),
    ask('/v1/chat/completions', chat('sim/small:status=429:retry_after=1', 'Hello')),
    ask('/v1/chat/completions', chat('sim/small:status=500', 'Hello')),
    ask('/v1/chat/completions', chat('nobody/none', 'Hello')),
    ask('/v1/chat/completions', '{'),
    ask('/v1/messages', { ...chat('sim/small', 'Hello'), max_tokens: 20 }),
    ask('/v1/messages/count_tokens', chat('sim/small', 'Hello')),
    ...['/v1/models', '/health', '/ready', '/metrics', '/admin/fleet', '/nothing', '/v1/chat/completions'].map(path => ask(path)),
  ];
  const twice = chat('sim/small', 'Again', { stream: true });
  for (const _ of [1, 2]) await ask('/v1/chat/completions', twice, { 'idempotency-key': 'k-1' });
  await Promise.all(others);
  const ids = await execution;
  await ask('/v1/feedback', { request_id: ids[0], name: 'helpful', value: 1, label: 'good', comment: 'yes' });
  const judge = await startJudge();
  const dispose = async (): Promise<void> => {
    judge.close();
    await place[Symbol.asyncDispose]();
  };
  return { place, gateway, ids, headers, judgeUrl: judge.url, [Symbol.asyncDispose]: dispose };
}

async function startJudge(): Promise<{ readonly url: string; close(): void }> {
  const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'TIE' } }];
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ choices }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, close };
}
