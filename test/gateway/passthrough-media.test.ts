/** Images, audio, moderations, rerank and batches with the official client over real sockets: recorded, priced, and complete or visibly cut. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from './harness.ts';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
}
const calls: Call[] = [];
let act: (response: ServerResponse, call: Call) => void = () => {};
const upstream = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = { method: request.method!, path: request.url!, body: Buffer.concat(chunks) };
  calls.push(call);
  act(response, call);
});
await once(upstream.listen(0, '127.0.0.1'), 'listening');
const root = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
const folder = mkdtempSync(join(tmpdir(), 'hindcast-media-'));
const gateway: RunningGateway = await startGateway(`
store: { path: ${folder} }
providers:
  acme: { api: openai, base_url: "${root}/v1", key: sk-upstream-secret, allow_private: true }
  spare: { api: openai, base_url: "${root}/spare/v1", key: sk-spare-secret, allow_private: true }
  cohere: { api: cohere, base_url: "${root}", key: co-upstream-secret, allow_private: true }
routes:
  pictures: [acme/gpt-image-1, spare/gpt-image-1]`);
const client = new OpenAI({
  apiKey: 'any',
  baseURL: `${gateway.url}/v1`,
  maxRetries: 0,
  defaultHeaders: { 'x-hindcast-provider': 'acme' },
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  calls.length = 0;
  gateway.sink.exchanges.length = 0;
});

const json = (body: unknown) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
const event = (value: { readonly type: string }): string => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
/** Cuts as a network makes them: anywhere. */
const events =
  (values: readonly { readonly type: string }[], pieceBytes = 50) =>
  async (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const bytes = Buffer.from(values.map(event).join(''));
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      response.write(bytes.subarray(at, at + pieceBytes));
      await new Promise(resolve => setImmediate(resolve));
    }
    response.end();
  };
const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
};
const png = () => toFile(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 255]), 'a.png', { type: 'image/png' });
const usage = { total_tokens: 1100, input_tokens: 100, output_tokens: 1000, input_tokens_details: { text_tokens: 100, image_tokens: 0 } };
const partial = { type: 'image_generation.partial_image', b64_json: 'cGFydA=='.repeat(40), partial_image_index: 0 };
const completed = { type: 'image_generation.completed', b64_json: 'd2hvbGU='.repeat(40), usage };

describe('images', () => {
  test('stream in parts, the last of which waits for the record, and are priced by tokens', async () => {
    act = events([partial, { ...partial, partial_image_index: 1 } as never, completed]);
    const stream = await client.images.generate({ model: 'pictures', prompt: 'a cat', stream: true, partial_images: 2 });
    const types: string[] = [];
    for await (const each of stream) {
      types.push(each.type);
      if (each.type === 'image_generation.completed') expect(gateway.sink.exchanges).toHaveLength(1);
    }
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.partial_image', 'image_generation.completed']);
    expect(JSON.parse(calls[0]!.body.toString())).toEqual({ model: 'gpt-image-1', prompt: 'a cat', stream: true, partial_images: 2 });
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ operation: 'images', stream: true, outcome: 'ok', costNanoUsd: 100 * 5_000 + 1000 * 40_000 });
    expect(Buffer.from(exchange.response).toString()).toBe(
      [partial, { ...partial, partial_image_index: 1 }, completed].map(event).join(''),
    );
  });

  test('whose stream ends without its final event, or with an error event, fail', async () => {
    const ask = () => client.images.generate({ model: 'acme/gpt-image-1', prompt: 'a cat', stream: true });
    act = events([partial]);
    await expect(collect(await ask())).rejects.toThrow(/ended the answer before it was complete/);
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'truncated', attempts: [{ outcome: 'truncated', accepted: false }] });
    const sent = { type: 'error', error: { message: 'no picture for sk-upstream-secret', type: 'server_error', code: 'server_error' } };
    act = events([partial, sent]);
    const read: string[] = [];
    const failing = (async () => {
      for await (const each of await ask()) read.push(each.type);
    })();
    await expect(failing).rejects.toThrow('The provider failed.');
    expect(read).toEqual(['image_generation.partial_image']);
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({ outcome: 'upstream_error', attempts: [{ outcome: 'server-error' }] });
    expect(Buffer.from(exchange.response).toString()).toMatch(/partial_image[\s\S]*event: error\ndata: \{"error":/);
    expect(Buffer.from(exchange.response).toString()).not.toContain('no picture for');
  });

  test('that fail before the first content fall back to the next target', async () => {
    act = (response, call) =>
      call.path.startsWith('/spare')
        ? events([completed])(response)
        : events([{ type: 'error', error: { message: 'busy' } } as never])(response);
    const stream = await client.images.generate({ model: 'pictures', prompt: 'a cat', stream: true });
    expect((await collect(stream)).map(({ type }) => type)).toEqual(['image_generation.completed']);
    expect((await gateway.sink.next()).attempts).toMatchObject([
      { kind: 'primary', outcome: 'server-error' },
      { kind: 'fallback', outcome: 'ok', target: 'spare/gpt-image-1' },
    ]);
  });

  test('are varied and edited, from one file or several, as form or JSON, and priced per image where the model is', async () => {
    act = json({ created: 1, data: [{ url: 'https://example.test/a.png' }, { url: 'https://example.test/b.png' }] });
    const varied = await client.images.createVariation({ model: 'acme/dall-e-2', image: await png(), n: 2, size: '512x512' });
    expect(varied.data).toHaveLength(2);
    expect(calls[0]).toMatchObject({ method: 'POST', path: '/v1/images/variations' });
    expect(await gateway.sink.next()).toMatchObject({ operation: 'images', costNanoUsd: 2 * 18_000_000 });
    act = json({ created: 1, data: [{ b64_json: 'aGk=' }], usage });
    await client.images.edit({ model: 'acme/gpt-image-1', image: [await png(), await png()], prompt: 'both' });
    expect(calls[1]!.body.toString('latin1').match(/name="image\[\]"/g)).toHaveLength(2);
    expect(await gateway.sink.next()).toMatchObject({ operation: 'images', costNanoUsd: 40_500_000 });
    const edited = await fetch(`${gateway.url}/v1/images/edits`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'acme/gpt-image-1', prompt: 'x', images: [{ image_url: 'data:image/png;base64,aGk=' }] }),
    });
    expect(edited.status).toBe(200);
    expect(JSON.parse(calls[2]!.body.toString())).toMatchObject({ model: 'gpt-image-1', images: [{}] });
    await gateway.sink.next();
    act = events([{ ...completed, type: 'image_edit.completed' }]);
    const stream = await client.images.edit({ model: 'acme/gpt-image-1', image: await png(), prompt: 'x', stream: true });
    expect((await collect(stream)).map(({ type }) => type)).toEqual(['image_edit.completed']);
    expect(await gateway.sink.next()).toMatchObject({ stream: true, costNanoUsd: 40_500_000 });
  });
});

describe('audio', () => {
  test('is streamed as events, and priced by the tokens of the final event', async () => {
    const done = { type: 'speech.audio.done', usage: { input_tokens: 10, output_tokens: 100, total_tokens: 110 } };
    act = events([{ type: 'speech.audio.delta', audio: 'AAAA' } as never, done]);
    const answer = await client.audio.speech.create({ model: 'acme/gpt-4o-mini-tts', voice: 'alloy', input: 'Hi', stream_format: 'sse' });
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(await answer.text()).toBe([{ type: 'speech.audio.delta', audio: 'AAAA' }, done].map(event).join(''));
    const exchange = await gateway.sink.next();
    expect(exchange).toMatchObject({
      operation: 'speech',
      stream: true,
      usage: { input: 10, output: 100 },
      costNanoUsd: 10 * 600 + 100 * 12_000,
    });
  });

  test('is translated, and priced per second', async () => {
    act = json({ text: 'hello', duration: 60, language: 'german' });
    const file = await toFile(Buffer.alloc(100), 'a.mp3', { type: 'audio/mpeg' });
    const result = await client.audio.translations.create({ model: 'acme/whisper-1', file, response_format: 'verbose_json' });
    expect(result.text).toBe('hello');
    expect(calls[0]).toMatchObject({ path: '/v1/audio/translations' });
    expect(await gateway.sink.next()).toMatchObject({ operation: 'translation', costNanoUsd: 6_000_000 });
  });

  test('whose transcript ends without its final event is cut', async () => {
    act = events([{ type: 'transcript.text.delta', delta: 'hi' } as never]);
    const file = await toFile(Buffer.alloc(100), 'a.wav', { type: 'audio/wav' });
    const stream = await client.audio.transcriptions.create({ model: 'acme/gpt-4o-transcribe', file, stream: true });
    await expect(collect(stream)).rejects.toThrow();
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'truncated' });
  });
});

test('moderations accept images, and are free', async () => {
  act = json({
    id: 'modr-1',
    model: 'omni-moderation-latest',
    results: [{ flagged: true, category_applied_input_types: { violence: ['image'] } }],
  });
  const input = [
    { type: 'text' as const, text: 'look' },
    { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,aGk=' } },
  ];
  const result = await client.moderations.create({ model: 'acme/omni-moderation-latest', input });
  expect(result.results[0]).toMatchObject({ flagged: true, category_applied_input_types: { violence: ['image'] } });
  expect(JSON.parse(calls[0]!.body.toString())).toEqual({ model: 'omni-moderation-latest', input });
  expect(await gateway.sink.next()).toMatchObject({ operation: 'moderation', outcome: 'ok', costNanoUsd: 0 });
});

test("rerank is priced by searches in Cohere's format, by tokens in Jina's", async () => {
  const rerank = (model: string) =>
    fetch(`${gateway.url}/v1/rerank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, query: 'capital', documents: ['Paris', 'a cat'], top_n: 1 }),
    });
  act = json({ id: 'r', results: [{ index: 0, relevance_score: 0.99 }], meta: { billed_units: { search_units: 3 } } });
  expect(await (await rerank('cohere/rerank-v3.5')).json()).toMatchObject({ results: [{ index: 0 }] });
  expect(calls[0]).toMatchObject({ path: '/v2/rerank' });
  expect(JSON.parse(calls[0]!.body.toString())).toMatchObject({ model: 'rerank-v3.5', top_n: 1 });
  expect(await gateway.sink.next()).toMatchObject({ operation: 'rerank', costNanoUsd: 3 * 2_000_000 });
  act = json({
    model: 'jina-reranker-v3',
    object: 'list',
    usage: { total_tokens: 15 },
    results: [{ index: 0, relevance_score: 0.9, document: { text: 'Paris' } }],
  });
  expect((await rerank('acme/jina-reranker-v3')).status).toBe(200);
  expect(calls[1]).toMatchObject({ path: '/v1/rerank' });
  expect(await gateway.sink.next()).toMatchObject({ usage: { input: 15, output: 0 } });
});

describe('batches', () => {
  const batch = {
    id: 'batch_9',
    object: 'batch',
    status: 'completed',
    input_file_id: 'file-9',
    output_file_id: 'file-o',
    error_file_id: 'file-e',
  };

  test('are listed over pages and cancelled', async () => {
    act = (response, { path }) => {
      const more = !path.includes('after=');
      json({ object: 'list', data: [{ ...batch, id: more ? 'batch_9' : 'batch_8' }], first_id: 'x', last_id: 'batch_9', has_more: more })(
        response,
      );
    };
    const ids: string[] = [];
    for await (const each of client.batches.list({ limit: 1 })) ids.push(each.id);
    expect(ids).toEqual(['batch_9', 'batch_8']);
    expect(calls.map(({ path }) => path)).toEqual(['/v1/batches?limit=1', '/v1/batches?limit=1&after=batch_9']);
    act = json({ ...batch, status: 'cancelling' });
    expect(await client.batches.cancel('batch_9')).toMatchObject({ status: 'cancelling' });
    expect(calls.at(-1)).toMatchObject({ method: 'POST', path: '/v1/batches/batch_9/cancel' });
  });

  test('of embeddings and of errors are recorded at their prices, once however often they are fetched', async () => {
    act = json(batch);
    await client.batches.retrieve('batch_9');
    const vector = {
      object: 'list',
      model: 'text-embedding-3-small',
      data: [{ object: 'embedding', index: 0, embedding: [1] }],
      usage: { prompt_tokens: 1_000, total_tokens: 1_000 },
    };
    const out = JSON.stringify({ id: 'r1', custom_id: 'a', response: { status_code: 200, request_id: 'q', body: vector }, error: null });
    const wrong = JSON.stringify({ id: 'r2', custom_id: 'b', response: null, error: { code: 'batch_expired', message: 'too late' } });
    act = (response, { path }) => {
      const found = path.includes('file-o') ? out : path.includes('file-e') ? wrong : undefined;
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/octet-stream' }).end(found ?? '{}');
    };
    for (let i = 0; i < 2; i++) {
      expect(await (await client.files.content('file-o')).text()).toBe(out);
      expect(await (await client.files.content('file-e')).text()).toBe(wrong);
    }
    const items = gateway.sink.exchanges.filter(({ caller }) => caller.tags.batch_file !== undefined);
    expect(items).toHaveLength(2);
    expect(items[0]).toMatchObject({ operation: 'embeddings', costNanoUsd: 10_000, caller: { requestId: 'a' } });
    expect(items[1]).toMatchObject({ outcome: 'upstream_error', caller: { requestId: 'b' } });
  });
});
