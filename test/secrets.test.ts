/** Canary secrets in every slot that takes one, and providers that repeat what they receive: no log, span, row, spool file, metric or error holds one. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../recorder/store/store.ts';
import { Workspace } from './hindcast.ts';
import { engineMissing } from './recorder/running-engine.ts';

const canary = (slot: string): string => `canary-${slot}-${randomBytes(12).toString('hex')}`;
const slots = [
  ...['openai', 'anthropic-1', 'anthropic-2', 'gemini', 'access', 'signing', 'session', 'store', 'otlp'],
  ...['caller', 'admin', 'wrong', 'cookie', 'query', 'environment'],
] as const;
type Slot = (typeof slots)[number];
const secrets = Object.fromEntries(slots.map(slot => [slot, canary(slot)])) as Record<Slot, string>;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Says back every header and the whole URL, as they are and in base64: in headers, as an answer, as an error, or in the pieces of a stream. */
function gossip(request: IncomingMessage, response: ServerResponse): void {
  const plain = JSON.stringify({ headers: request.headers, url: request.url });
  const received = `${plain} ${Buffer.from(plain).toString('base64')}`;
  const key = request.headers.authorization ?? '';
  response
    .setHeader('x-request-id', key)
    .setHeader('request-id', Buffer.from(key).toString('base64'))
    .setHeader('openai-organization', key);
  const body: Buffer[] = [];
  request.on('data', chunk => body.push(chunk as Buffer));
  request.resume().once('end', () => {
    if (!received.includes('fail') && Buffer.concat(body).includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const pieces = [...`as you wish: ${key.slice('Bearer '.length)}`.matchAll(/.{1,9}/g), ' that is all'];
      for (const [i, piece] of pieces.map(String).entries()) {
        const choice = { index: 0, delta: { content: piece }, finish_reason: i === pieces.length - 1 ? 'stop' : null };
        response.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [choice] })}\n\n`);
      }
      return void response.end('data: [DONE]\n\n');
    }
    if (request.url?.includes('traces')) return void response.end('{}');
    if (received.includes('fail'))
      return void response
        .writeHead(401, { 'content-type': 'application/json', 'x-request-id': 'r' })
        .end(JSON.stringify({ error: { message: received, type: received, code: received, param: received } }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        id: 'c',
        object: 'chat.completion',
        model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content: received }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      }),
    );
  });
}

const listening = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const config = (upstream: string): string => `server: { port: 0 }
store: { port: 0, password: "${secrets.store}" }
telemetry: { otlp: "${upstream}" }
providers:
  openai: { api: openai, key: "${secrets.openai}", base_url: "${upstream}/v1", allow_private: true }
  failing: { api: openai, key: "${secrets.environment.replace(/^/, '')}", base_url: "${upstream}/fail/v1", allow_private: true }
  anthropic: { api: anthropic, keys: ["${secrets['anthropic-1']}", "${secrets['anthropic-2']}"], base_url: "${upstream}/fail", allow_private: true }
  gemini: { api: gemini, key: "${secrets.gemini}", base_url: "${upstream}/fail", allow_private: true }
  bedrock: { api: bedrock, region: us-east-1, access_key_id: "${secrets.access}", secret_access_key: "${secrets.signing}", session_token: "${secrets.session}", base_url: "${upstream}/fail", allow_private: true }
  nobody: { api: openai, key: "${secrets.openai}", base_url: "http://127.0.0.1:9/v1", allow_private: true }
keys:
  - { name: web, hash: "sha256:${sha256(secrets.caller)}" }
  - { name: boss, hash: "sha256:${sha256(secrets.admin)}", role: admin }
`;

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path, { throwIfNoEntry: false })?.isFile());

/** Which slots' secrets stand in it: plainly, by what is their own in them, or in base64 wherever they stood in what was encoded. */
const leaks = (text: string): readonly string[] =>
  slots.filter(slot => {
    const own = secrets[slot].slice(-14);
    const encoded = ['', '-', '--'].map(before =>
      Buffer.from(before + own)
        .toString('base64')
        .slice(4, -4),
    );
    return [secrets[slot], own, own.slice(5), ...encoded].some(form => text.includes(form));
  });

test.skipIf(engineMissing)(`no secret is told to anybody${engineMissing}`, { timeout: 120_000 }, async () => {
  const spans: string[] = [];
  const upstream = createServer((request, response) => {
    if (request.url?.includes('traces')) request.on('data', chunk => spans.push(String(chunk)));
    gossip(request, response);
  });
  const url = await listening(upstream);
  await using place = new Workspace(config(url), {
    HINDCAST_LOG: 'debug',
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secrets.otlp}`,
    OPENAI_API_KEY: secrets.environment,
  });
  const gateway = await place.serve();
  // What is spooled stays where it can be read, until the recorder goes on.
  const { pid, url: storeUrl } = JSON.parse(place.read('hindcast-data/engine.json')) as { pid: number; url: string };
  process.kill(pid, 'SIGSTOP');
  const reported: string[] = [];
  const ask = async (path: string, headers: Record<string, string>, body?: unknown): Promise<void> => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    reported.push(`${path.split('?')[0]} ${JSON.stringify(Object.fromEntries(response.headers))} ${await response.text()}`);
  };
  const caller = { authorization: `Bearer ${secrets.caller}`, cookie: `session=${secrets.cookie}`, 'x-hindcast-tag-a': 'b' };
  const question = (model: string, stream = false) => ({ model, stream, messages: [{ role: 'user', content: 'hello' }] });
  try {
    for (const model of [
      'openai/m',
      'failing/m',
      'anthropic/claude-opus-5',
      'gemini/gemini-3-flash',
      'bedrock/anthropic.claude-3',
      'nobody/m',
      'nowhere/m',
    ]) {
      for (const stream of [false, true]) await ask('/v1/chat/completions', caller, question(model, stream));
    }
    await ask('/v1/chat/completions', { 'x-api-key': secrets.wrong }, question('openai/m'));
    await ask('/v1/chat/completions', { ...caller, 'x-api-key': secrets.wrong }, question('openai/m'));
    await ask('/v1/chat/completions', { 'x-goog-api-key': secrets.caller }, { model: 1 });
    await ask(`/v1/models?key=${secrets.query}`, {});
    await ask(`/v1/nothing?key=${secrets.query}`, caller);
    const boss = { authorization: `Bearer ${secrets.admin}` };
    for (const path of ['/metrics', '/health', '/ready', '/v1/models', '/admin/fleet', '/admin/nothing']) await ask(path, boss);
    for (const path of ['config', 'keys', 'tenants', 'budgets', 'targets', 'session', 'certificates'])
      await ask(`/admin/api/v1/${path}`, boss);
    const spooled = filesIn(join(place.folder, 'hindcast-data/spool'))
      .map(path => readFileSync(path).toString('latin1'))
      .join('\n');
    expect(spooled).toContain('openai/m');
    expect(spooled).toContain('that is all');
    expect(leaks(spooled), 'the spool').toEqual([]);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  // The configuration is reported as well, valid or not.
  const bad = config(url)
    .replace('api: gemini', 'api: gemni')
    .replace('region: us-east-1, ', '')
    .replace('store: {', 'store: { passwort: 1,');
  place.write('bad.yaml', bad);
  for (const args of [
    ['config', 'check'],
    ['config', 'check', '--config', 'bad.yaml'],
    ['config', 'explain', 'openai/m'],
    ['store', 'status'],
    ['store', 'export', '-o', 'all.jsonl', '--payloads', '--replays'],
  ]) {
    const { stdout, stderr } = await place.run(...args);
    reported.push(`${args.join(' ')}: ${stdout}${stderr}`);
  }
  const rows: string[] = [];
  const store = connect({ url: storeUrl, username: 'default', password: secrets.store });
  await gateway.flush();
  await expect
    .poll(async () => Number((await store.select<{ n: number }>('SELECT count() AS n FROM requests'))[0]!.n), { timeout: 30_000 })
    .toBeGreaterThan(10);
  for (const { name } of await store.select<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = 'default' AND engine NOT LIKE '%View'",
  )) {
    rows.push(JSON.stringify(await store.select(`SELECT * FROM ${name}`)));
  }
  await store.close();
  expect(await gateway.end('SIGTERM')).toBe(0);
  upstream.close();
  upstream.closeAllConnections();
  expect(spans.join('')).toContain('openai');
  for (const [what, text] of Object.entries({ rows: rows.join('\n'), spans: spans.join('\n'), log: gateway.output() }))
    expect(leaks(text), what).toEqual([]);
  for (const text of reported) expect(leaks(text), text.slice(0, 60)).toEqual([]);
  // Nothing on disk but the key that the recorder keeps for itself, and the configuration.
  const files = filesIn(place.folder).filter(path => !/\/(?:hindcast|bad)\.yaml$/.test(path));
  for (const path of files) expect(leaks(readFileSync(path).toString('latin1')), path).toEqual([]);
});
