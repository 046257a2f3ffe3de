/** Passed-through endpoints, with the official client over real sockets against an upstream that stores its requests. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from './harness.ts';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Act = (response: ServerResponse, call: Call) => void;

const calls: Call[] = [];
let act: Act = response => response.writeHead(500).end();
const upstream = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = { method: request.method!, path: request.url!, headers: request.headers, body: Buffer.concat(chunks) };
  calls.push(call);
  act(response, call);
});
await once(upstream.listen(0, '127.0.0.1'), 'listening');
const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;

const folder = mkdtempSync(join(tmpdir(), 'hindcast-passthrough-'));
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const json =
  (body: unknown, status = 200): Act =>
  response => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_up' }).end(JSON.stringify(body));
  };

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
let count = 0;
const config = (more = '', two = false): string => `
store: { path: ${join(folder, String(count++))} }
providers:
  acme: { api: openai, base_url: "${base}", key: sk-upstream-secret, allow_private: true }
  claude: { api: anthropic, key: sk-ant-unused }
${two ? `  other: { api: openai, base_url: "${base}", key: sk-other-secret, allow_private: true }` : ''}
routes:
  pictures: [claude/claude-haiku-4-5, acme/gpt-image-1]
  wordy: [claude/claude-haiku-4-5]
${more}`;

let gateway: RunningGateway;
const clientOf = (apiKey = 'any', defaultHeaders = {}): OpenAI =>
  new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0, defaultHeaders });

beforeEach(() => {
  calls.length = 0;
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
});
const start = async (yaml = config()): Promise<void> => {
  gateway = await startGateway(yaml);
};

describe('a request that names a model', () => {
  test('goes to the first target whose provider supports the endpoint, unchanged except for model and credentials', async () => {
    await start();
    const usage = {
      total_tokens: 1100,
      input_tokens: 100,
      output_tokens: 1000,
      input_tokens_details: { text_tokens: 60, image_tokens: 40 },
    };
    const body = { created: 1, data: [{ b64_json: 'aGk=' }], usage, tomorrow: { a: 1 } };
    act = json(body);
    const { data, response } = await clientOf().images.generate({ model: 'pictures', prompt: 'a cat', size: '1024x1024' }).withResponse();
    expect(data).toMatchObject(body);
    expect(response.headers.get('x-hindcast-target')).toBe('acme/gpt-image-1');
    expect(Number(response.headers.get('x-hindcast-cost-usd'))).toBeCloseTo((60 * 5 + 40 * 10 + 1000 * 40) / 1e6, 9);
    expect(calls).toHaveLength(1);
    expect(calls[0]!.path).toBe('/v1/images/generations');
    expect(calls[0]!.headers.authorization).toBe('Bearer sk-upstream-secret');
    expect(JSON.parse(calls[0]!.body.toString())).toEqual({ model: 'gpt-image-1', prompt: 'a cat', size: '1024x1024' });
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ operation: 'images', dialect: 'passthrough', requestedModel: 'pictures', outcome: 'ok', status: 200 });
    expect(exchange.attempts[0]).toMatchObject({
      target: 'acme/gpt-image-1',
      providerRequestId: 'req_up',
      usage: { input: 100, output: 1000 },
    });
    expect(exchange.attempts[0]!.cost!.priceId).toContain('/openai/gpt-image-1');
    expect(JSON.parse(Buffer.from(exchange.response).toString())).toEqual(body);
  });

  test('is rejected with reasons when no target supports the endpoint', async () => {
    await start();
    const generated = clientOf().images.generate({ model: 'wordy', prompt: 'a cat' });
    await expect(generated).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_endpoint',
      message: expect.stringContaining('api: anthropic'),
    });
    expect(calls).toHaveLength(0);
  });

  test('as a multipart form keeps its files byte for byte', async () => {
    await start();
    act = json({ created: 1, data: [] });
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31) % 256));
    await clientOf().images.edit({
      model: 'acme/dall-e-2',
      image: await toFile(bytes, 'a.png', { type: 'image/png' }),
      prompt: 'bigger',
      n: 2,
    });
    const [call] = calls;
    expect(call!.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(call!.body.includes(bytes)).toBe(true);
    expect(call!.body.toString('latin1')).toMatch(/name="model"\r\n(?:[^\r]+\r\n)*\r\ndall-e-2\r\n/);
    expect(Buffer.from((await gateway.sink.next()).request).includes(bytes)).toBe(true);
  });

  test('may omit the model where the endpoint has a default', async () => {
    await start();
    act = json({ id: 'modr-1', model: 'omni-moderation-latest', results: [{ flagged: false }] });
    const { data, response } = await clientOf().moderations.create({ input: 'hello' }).withResponse();
    expect(data.results[0]!.flagged).toBe(false);
    expect(JSON.parse(calls[0]!.body.toString())).toEqual({ input: 'hello' });
    // Zero is a price.
    expect(response.headers.get('x-hindcast-cost-usd')).toBe('0.000000000');
  });

  test('uses the paths of a vendor that has others', async () => {
    await start(`
store: { path: ${join(folder, String(count++))} }
providers:
  azure: { api: azure, base_url: "${base.replace('/v1', '')}", resource: mine, key: azure-secret-key, allow_private: true }`);
    act = json({ created: 1, data: [] });
    await clientOf().images.generate({ model: 'azure/my image', prompt: 'a cat' });
    act = json({ object: 'list', data: [] });
    await clientOf().files.list();
    expect(calls.map(({ path }) => path)).toEqual([
      '/openai/deployments/my%20image/images/generations?api-version=2024-10-21',
      '/openai/files?api-version=2024-10-21',
    ]);
    expect(calls[0]!.headers['api-key']).toBe('azure-secret-key');
  });

  test('reranks in the format of Cohere and Jina', async () => {
    await start();
    act = json({ results: [{ index: 1, relevance_score: 0.9 }], usage: { total_tokens: 12 } });
    const body = { model: 'acme/jina-reranker-v3', query: 'q', documents: ['a', 'b'], top_n: 1 };
    const answer = await fetch(`${gateway.url}/v1/rerank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(await answer.json()).toMatchObject({ results: [{ index: 1 }] });
    expect(JSON.parse(calls[0]!.body.toString())).toEqual({ ...body, model: 'jina-reranker-v3' });
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ operation: 'rerank', usage: { input: 12 } });
    expect(exchange).not.toHaveProperty('costNanoUsd'); // nobody has body
  });
});

describe('audio', () => {
  test('is streamed as it arrives, and priced by its text', async () => {
    await start();
    const first = Buffer.from([0, 255, 1, 254]);
    const second = Buffer.alloc(3000, 7);
    const { promise: received, resolve: goOn } = Promise.withResolvers<void>();
    act = async response => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' }).write(first);
      await received;
      response.end(second);
    };
    const answer = await clientOf().audio.speech.create({ model: 'acme/tts-1', voice: 'alloy', input: 'Hello there' });
    expect(answer.headers.get('content-type')).toBe('audio/mpeg');
    const reader = answer.body!.getReader();
    const begun = await reader.read();
    expect(Buffer.from(begun.value!)).toEqual(first); // before the provider has ended
    goOn();
    const rest: Uint8Array[] = [];
    for (let next = await reader.read(); !next.done; next = await reader.read()) rest.push(next.value);
    expect(Buffer.concat(rest)).toEqual(second);
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ operation: 'speech', outcome: 'ok', costNanoUsd: 11 * 15_000 });
    expect(Buffer.from(exchange.response)).toEqual(Buffer.concat([first, second]));
  });

  test('that is cut does not look complete', async () => {
    await start();
    act = response => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' }).write(Buffer.alloc(100));
      setTimeout(() => response.destroy(), 20);
    };
    const answer = await clientOf().audio.speech.create({ model: 'acme/tts-1', voice: 'alloy', input: 'Hello' });
    await expect(answer.arrayBuffer()).rejects.toThrow();
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'truncated', attempts: [{ outcome: 'truncated' }] });
  });

  test('is transcribed, and priced per second', async () => {
    await start();
    act = json({ text: 'hi', duration: 30, language: 'english' });
    const file = await toFile(Buffer.alloc(4000, 3), 'a.wav', { type: 'audio/wav' });
    const transcript = await clientOf().audio.transcriptions.create({ model: 'acme/whisper-1', file, response_format: 'verbose_json' });
    expect(transcript.text).toBe('hi');
    expect(await gateway.sink.next()).toMatchObject({ operation: 'transcription', costNanoUsd: 3_000_000 });
    act = response => response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('bonjour');
    expect(await clientOf().audio.translations.create({ model: 'acme/whisper-1', file, response_format: 'text' })).toBe('bonjour');
    expect(await gateway.sink.next()).toMatchObject({ operation: 'translation', outcome: 'ok' });
  });

  test('is transcribed as a stream, whose end waits for the record', async () => {
    await start();
    const done = {
      type: 'transcript.text.done',
      text: 'hi you',
      usage: { type: 'tokens', input_tokens: 14, output_tokens: 5, total_tokens: 19 },
    };
    act = response => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify({ type: 'transcript.text.delta', delta: 'hi' })}\n\n`);
      setTimeout(() => response.end(`data: ${JSON.stringify(done)}\n\ndata: [DONE]\n\n`), 10);
    };
    const file = await toFile(Buffer.alloc(400), 'a.wav', { type: 'audio/wav' });
    const stream = await clientOf().audio.transcriptions.create({ model: 'acme/gpt-4o-transcribe', file, stream: true });
    const types: string[] = [];
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === 'transcript.text.done') expect(gateway.sink.exchanges).toHaveLength(1);
    }
    expect(types).toEqual(['transcript.text.delta', 'transcript.text.done']);
    expect(await gateway.sink.next()).toMatchObject({ stream: true, usage: { input: 14, output: 5 }, costNanoUsd: 14 * 2500 + 5 * 10_000 });
  });
});

describe('failures', () => {
  test("come in the gateway's own format, without the provider's secrets", async () => {
    await start();
    act = json(
      { error: { message: 'Incorrect API key provided: sk-upstream-secret', type: 'invalid_request_error', code: 'invalid_api_key' } },
      401,
    );
    await expect(clientOf().moderations.create({ input: 'x' })).rejects.toMatchObject({ status: 502, code: 'upstream_authentication' });
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ outcome: 'upstream_error', attempts: [{ status: 401, outcome: 'authentication' }] });
    expect(JSON.stringify(exchange.attempts[0]!.failure)).not.toContain('sk-upstream-secret');
    act = response => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    await expect(clientOf().moderations.create({ input: 'x' })).rejects.toMatchObject({ status: 502, code: 'upstream_invalid_response' });
    act = json({ error: { message: 'No such File object: file-9', type: 'invalid_request_error' } }, 404);
    await expect(clientOf().files.retrieve('file-9')).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  test('of the request itself reach no provider', async () => {
    await start();
    const post = (path: string, body: string, type: string): Promise<Response> =>
      fetch(`${gateway.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
    expect((await post('/v1/audio/transcriptions', '{}', 'application/json')).status).toBe(415);
    expect((await post('/v1/audio/transcriptions', 'nonsense', 'multipart/form-data; boundary=x')).status).toBe(400);
    expect((await post('/v1/audio/speech', '{"model":"acme/tts-1","api_base":"http://evil"}', 'application/json')).status).toBe(400);
    expect((await post('/v1/audio/speech', '{"input":"hi"}', 'application/json')).status).toBe(400);
    expect((await fetch(`${gateway.url}/v1/files/..%2f..%2fmodels`)).status).toBe(404);
    expect(calls).toHaveLength(0);
  });
});

describe('files and batches', () => {
  test('are stored at the only provider that supports them, under its ids', async () => {
    await start();
    const file = { id: 'file-1', object: 'file', bytes: 3, created_at: 1, filename: 'a.jsonl', purpose: 'batch' };
    act = json(file);
    const client = clientOf();
    expect(await client.files.create({ purpose: 'batch', file: await toFile(Buffer.from('abc'), 'a.jsonl') })).toMatchObject(file);
    expect(calls[0]).toMatchObject({ method: 'POST', path: '/v1/files' });
    act = json({ object: 'list', data: [file], has_more: false });
    expect((await client.files.list({ purpose: 'batch', limit: 5 })).data).toEqual([file]);
    expect(calls[1]).toMatchObject({ method: 'GET', path: '/v1/files?purpose=batch&limit=5' });
    act = json({ id: 'file-1', object: 'file', deleted: true });
    expect(await client.files.delete('file-1')).toMatchObject({ deleted: true });
    expect(calls[2]).toMatchObject({ method: 'DELETE', path: '/v1/files/file-1' });
    expect(calls[2]!.headers).not.toHaveProperty('content-type');
  });

  test('need a provider name where several support them, until their id is known', async () => {
    await start(config('', true));
    act = json({ id: 'file-2', object: 'file' });
    const file = await toFile(Buffer.from('abc'), 'a.jsonl');
    await expect(clientOf().files.create({ purpose: 'batch', file })).rejects.toMatchObject({ status: 400, code: 'provider_required' });
    await clientOf('any', { 'x-hindcast-provider': 'other' }).files.create({ purpose: 'batch', file });
    await clientOf().files.retrieve('file-2');
    const listed = await fetch(`${gateway.url}/v1/files?provider=acme&limit=2`);
    expect(listed.status).toBe(200);
    expect(calls.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/v1/files', 'Bearer sk-other-secret'],
      ['/v1/files/file-2', 'Bearer sk-other-secret'],
      ['/v1/files?limit=2', 'Bearer sk-upstream-secret'],
    ]);
    expect((await fetch(`${gateway.url}/v1/files?provider=nobody`)).status).toBe(404);
  });

  test('of one tenant are invisible to another', async () => {
    const keys = `
tenants: { one: {}, two: {}, three: { routes: [wordy] } }
keys:
  - { name: a, hash: "${sha256('key-one')}", tenant: one }
  - { name: b, hash: "${sha256('key-two')}", tenant: two }
  - { name: c, hash: "${sha256('key-three')}", tenant: three }`;
    await start(config(keys));
    act = json({ id: 'file-3', object: 'file' });
    const file = await toFile(Buffer.from('abc'), 'a.jsonl');
    await clientOf('key-one').files.create({ purpose: 'batch', file });
    await expect(clientOf('key-two').files.retrieve('file-3')).rejects.toMatchObject({ status: 404, code: 'not_found' });
    await expect(
      clientOf('key-two').batches.create({ input_file_id: 'file-3', endpoint: '/v1/chat/completions', completion_window: '24h' }),
    ).rejects.toMatchObject({ status: 404 });
    await expect(clientOf('key-three').files.create({ purpose: 'batch', file })).rejects.toMatchObject({ code: 'unsupported_endpoint' });
    expect(calls).toHaveLength(1);
    act = json({ object: 'list', data: [{ id: 'file-3' }, { id: 'file-of-somebody' }], has_more: false });
    expect((await clientOf('key-one').files.list()).data).toEqual([{ id: 'file-3' }]);
    expect((await clientOf('key-two').files.list()).data).toEqual([]);
  });

  test('return the results of a batch, each recorded once at half the price', async () => {
    await start();
    const batch = { id: 'batch_1', object: 'batch', status: 'completed', input_file_id: 'file-in', output_file_id: 'file-out' };
    act = json(batch);
    const client = clientOf();
    await client.batches.create({ input_file_id: 'file-in', endpoint: '/v1/chat/completions', completion_window: '24h' });
    expect(JSON.parse(calls[0]!.body.toString()).input_file_id).toBe('file-in');
    await client.batches.retrieve('batch_1');
    const completion = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      model: 'gpt-4o-2024-08-06',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
    };
    const results = [
      { id: 'r1', custom_id: 'a', response: { status_code: 200, request_id: 'req_1', body: completion }, error: null },
      { id: 'r2', custom_id: 'b', response: { status_code: 400, request_id: 'req_2', body: { error: { message: 'bad' } } }, error: null },
    ]
      .map(line => `${JSON.stringify(line)}\n`)
      .join('');
    const messages = [{ role: 'user', content: 'say hi' }];
    const input = JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: { model: 'gpt-4o', messages } });
    act = (response, { path }) =>
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(path.includes('file-in') ? input : results);
    gateway.sink.exchanges.length = 0;
    expect(await (await client.files.content('file-out')).text()).toBe(results);
    const [first, second, fetched] = gateway.sink.exchanges;
    expect(first).toMatchObject({
      operation: 'chat',
      dialect: 'openai-chat',
      requestedModel: 'gpt-4o',
      caller: { requestId: 'a', tags: { batch_file: 'file-out' } },
      outcome: 'ok',
      usage: { input: 1000, output: 100 },
      costNanoUsd: (1000 * 2500 + 100 * 10_000) / 2,
    });
    expect(first!.attempts[0]!.cost!.priceId).toMatch(/gpt-4o\+batch$/);
    expect(JSON.parse(Buffer.from(first!.request).toString())).toEqual({ model: 'gpt-4o', messages });
    expect(second).toMatchObject({ caller: { requestId: 'b' }, outcome: 'client_error', status: 400 });
    expect(fetched).toMatchObject({ operation: 'files' });
    await client.files.content('file-out');
    expect(gateway.sink.exchanges).toHaveLength(4); // the fetch alone
    act = json({ ...batch, status: 'cancelling' });
    await client.batches.cancel('batch_1');
    expect(calls.at(-1)).toMatchObject({ method: 'POST', path: '/v1/batches/batch_1/cancel' });
  });

  test('whose recording fails half-way are continued by the next fetch, and recorded once by two concurrent fetches', async () => {
    await start();
    const line = (customId: string): string =>
      JSON.stringify({ custom_id: customId, response: { status_code: 200, body: { object: 'chat.completion' } } });
    act = response => response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(['a', 'b', 'c'].map(line).join('\n'));
    const { sink } = gateway;
    const record = sink.record.bind(sink);
    sink.record = exchange => (exchange.caller.requestId === 'b' ? Promise.reject(new Error('the disk is full')) : record(exchange));
    await expect(clientOf().files.content('file-5')).rejects.toMatchObject({ status: 503, code: 'recording_unavailable' });
    sink.record = record;
    await Promise.all([clientOf().files.content('file-5'), clientOf().files.content('file-5')]);
    const items = sink.exchanges.filter(({ operation }) => operation === 'chat').map(({ caller }) => caller.requestId);
    expect(items).toEqual(['a', 'b', 'c']);
  });

  test('are charged to the budget of the caller that fetches them, and a large file is not a large request', async () => {
    await start(
      config(`
tenants: { one: { budget: { usd: 0.161, per: day }, limits: { tpm: 10000 } } }
keys:
  - { name: a, hash: "${sha256('key-one')}", tenant: one }`),
    );
    const client = clientOf('key-one');
    act = json({ id: 'file-4', object: 'file' });
    await client.files.create({ purpose: 'batch', file: await toFile(Buffer.alloc(2_000_000, 32), 'a.jsonl') });
    const body = {
      object: 'chat.completion',
      id: 'c',
      model: 'gpt-4o',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1600, completion_tokens: 0, total_tokens: 1600 },
    };
    act = response =>
      response
        .writeHead(200, { 'content-type': 'application/octet-stream' })
        .end(JSON.stringify({ custom_id: 'a', response: { status_code: 200, body }, error: null }));
    await client.files.content('file-4');
    // 1,600 tokens at half of 2.50 USD per million are spent: the estimate of an image does not fit any more.
    const generated = client.images.generate({ model: 'acme/gpt-image-1', prompt: 'x', n: 1 });
    await expect(generated).rejects.toMatchObject({ status: 429, code: 'budget_exceeded' });
    expect(calls).toHaveLength(2);
  });

  test('are not returned when they cannot be recorded', async () => {
    await start();
    act = json({ id: 'file-1', object: 'file' });
    gateway.sink.broken = new Error('the disk is full');
    await expect(clientOf().files.retrieve('file-1')).rejects.toMatchObject({ status: 503, code: 'recording_unavailable' });
  });
});
