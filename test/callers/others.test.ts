/** The smaller endpoints with OpenAI's client: text completions, embeddings and models. */
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { providersYaml, type ScriptedUpstream, spareRoute, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
let client: OpenAI;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
  client = new OpenAI({ apiKey: 'none', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

test.each(['to-openai', 'to-responses', 'to-anthropic', 'to-gemini'])('chat models answer a text completion: %s', async model => {
  const complete = await client.completions.create({ model, prompt: 'hi', max_tokens: 100, stop: ['END'] });
  expect(complete).toMatchObject({
    object: 'text_completion',
    choices: [{ text: 'Hello, world.', finish_reason: 'stop' }],
    usage: { total_tokens: 18 },
  });
  expect(gateway.sink.exchanges.at(-1)).toMatchObject({ operation: 'text_completion', dialect: 'openai-completions', outcome: 'ok' });
  let text = '';
  let finish = '';
  for await (const { choices } of await client.completions.create({ model, prompt: ['hi'], stream: true })) {
    text += choices[0]?.text ?? '';
    finish = choices[0]?.finish_reason ?? finish;
  }
  expect([text, finish]).toEqual(['Hello, world.', 'stop']);
  await expect(client.completions.create({ model: spareRoute(model), prompt: 'scene:refused' })).rejects.toBeInstanceOf(
    OpenAI.RateLimitError,
  );
  const read = async (): Promise<void> => {
    for await (const _ of await client.completions.create({ model: spareRoute(model), prompt: 'scene:cut', stream: true }));
  };
  await expect(read()).rejects.toThrow(/ended the answer before/);
});

test('several prompts, and tokens, are rejected with an alternative', async () => {
  const several = client.completions.create({ model: 'to-openai', prompt: ['a', 'b'] });
  await expect(several).rejects.toMatchObject({ status: 400, param: 'prompt', message: expect.stringContaining('request of its own') });
  await expect(client.completions.create({ model: 'to-openai', prompt: [1, 2] })).rejects.toMatchObject({ status: 400, param: 'prompt' });
});

test('embeddings pass to targets of the same format, and are recorded and priced', async () => {
  const answer = await client.embeddings.create({ model: 'openai/text-embedding-3-small', input: 'hi there' });
  expect(answer.data[0]!.embedding).toEqual([0, 0.5]);
  const exchange = gateway.sink.exchanges.at(-1)!;
  expect(exchange).toMatchObject({ operation: 'embeddings', outcome: 'ok', usage: { input: 4, output: 0, source: 'provider' } });
  expect(exchange.costNanoUsd).toBe(80);
});

test('embeddings of Gemini have the requested format', async () => {
  const requested = { model: 'gemini/gemini-embedding-001', input: ['one', 'two'], dimensions: 2 };
  const unpacked = await client.embeddings.create(requested);
  const plain = await client.embeddings.create({ ...requested, encoding_format: 'float' });
  for (const answer of [unpacked, plain])
    expect(answer.data.map(({ embedding }) => embedding)).toEqual([
      [0, 0.5],
      [1, 0.5],
    ]);
  expect(upstream.lastRequest().url).toBe('/v1beta/models/gemini-embedding-001:batchEmbedContents');
  expect(upstream.lastRequest().body.requests[1]).toMatchObject({ content: { parts: [{ text: 'two' }] }, outputDimensionality: 2 });
  expect(gateway.sink.exchanges.at(-1)).toMatchObject({ operation: 'embeddings', usage: { input: 2, source: 'estimated' } });
  const anthropic = client.embeddings.create({ model: 'to-anthropic', input: 'hi' });
  await expect(anthropic).rejects.toMatchObject({ status: 400, code: 'unsupported_endpoint' });
  await expect(client.embeddings.create({ ...requested, input: [1, 2] })).rejects.toMatchObject({ status: 400, param: 'input' });
});

test('models are listed and found by id, and every response has its id', async () => {
  const { data, response } = await client.models.list().withResponse();
  expect(data.data.map(({ id }) => id)).toContain('to-openai');
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await client.models.retrieve('to-openai')).toMatchObject({ id: 'to-openai', object: 'model' });
  await expect(client.models.retrieve('nowhere')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});

test('a fallback may be an object that names its model', async () => {
  const body = {
    model: spareRoute('to-openai'),
    messages: [{ role: 'user', content: 'scene:refused' }],
    fallbacks: [{ model: 'to-anthropic' }],
  };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(answer.headers.get('x-hindcast-attempts')).toBe('2');
  expect(upstream.lastRequest().url).toBe('/v1/messages');
});
