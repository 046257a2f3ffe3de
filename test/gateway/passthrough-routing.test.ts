/** Passed-through requests are routed like chat: over a route's targets, with retries, health, rate limits and budgets; with the official client. */
import { createHash } from 'node:crypto';
import OpenAI from 'openai';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { type Responder, type RunningGateway, startGateway, startUpstream } from './harness.ts';

type Answered = { readonly status?: number; readonly body: unknown };
type Act = (body: { readonly model: string; readonly input: string | readonly string[] }) => Answered | undefined;
let actA: Act;
let actB: Act;
const answering =
  (act: () => Act): Responder =>
  (response, requested) => {
    const answer = act()(JSON.parse(requested.body));
    if (!answer) return;
    const { status = 200, body } = answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const a = await startUpstream(answering(() => actA));
const b = await startUpstream(answering(() => actB));
const key = 'key-one';
const yaml = (more = ''): string => `
providers:
  a: { api: openai, base_url: "${a.url}", key: sk-a-1234567890, allow_private: true }
  b: { api: openai, base_url: "${b.url}", key: sk-b-1234567890, allow_private: true }
  gemini: { api: gemini, base_url: "${b.url.replace('/v1', '')}", key: AIza-1234567890, allow_private: true }
routes:
  embed: [a/text-embedding-3-small, b/openai/text-embedding-3-small]
  mixed: [a/text-embedding-3-small, gemini/gemini-embedding-001]
  strict: { steps: [{ target: a/text-embedding-3-small }, { target: gemini/gemini-embedding-001 }], on_unsupported: reject }
  stubborn: { steps: [{ target: a/text-embedding-3-small }], retries: 2 }
  hedged: { steps: [{ target: a/text-embedding-3-small, hedge_after: 30ms }, { target: b/text-embedding-3-small }] }
  flags: [a/omni-moderation-latest, b/omni-moderation-latest]
  pictures: [a/gpt-image-1, b/gpt-image-1]
${more}`;
let gateway: RunningGateway = await startGateway(yaml());
let client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const restart = async (more = ''): Promise<void> => {
  await gateway[Symbol.asyncDispose]();
  gateway = await startGateway(yaml(more));
  client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
};
afterAll(async () => {
  await Promise.all([gateway, a, b].map(each => each[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  a.requests.length = 0;
  b.requests.length = 0;
  await restart();
});

const vectors: Act = ({ model, input }) => {
  const texts = typeof input === 'string' ? [input] : input;
  const data = texts.map((_, index) => ({ object: 'embedding', index, embedding: [index, 0.5] }));
  return { body: { object: 'list', data, model: model.replace('openai/', ''), usage: { prompt_tokens: 1000, total_tokens: 1000 } } };
};
const broken: Act = () => ({ status: 503, body: { error: { message: 'overloaded' } } });
const embed = (model: string, input: string | string[] = ['x', 'y']) =>
  client.embeddings.create({ model, input, encoding_format: 'float' }).withResponse();

test('embeddings fall back over the targets of their route, and both attempts are recorded', async () => {
  actA = broken;
  actB = vectors;
  const { data, response } = await embed('embed');
  expect(data.data.map(({ embedding }) => embedding)).toEqual([
    [0, 0.5],
    [1, 0.5],
  ]);
  expect(response.headers.get('x-hindcast-target')).toBe('b/openai/text-embedding-3-small');
  expect(response.headers.get('x-hindcast-attempts')).toBe('2');
  expect(response.headers.get('x-hindcast-warnings')).toBeNull();
  expect(JSON.parse(b.requests[0]!.body)).toMatchObject({ model: 'openai/text-embedding-3-small' });
  const exchange = await gateway.sink.next();
  expect(exchange).toMatchObject({ operation: 'embeddings', outcome: 'ok', costNanoUsd: 20_000, requestedModel: 'embed' });
  expect(exchange.attempts).toMatchObject([
    { target: 'a/text-embedding-3-small', kind: 'primary', outcome: 'overloaded', accepted: false },
    { target: 'b/openai/text-embedding-3-small', kind: 'fallback', outcome: 'ok', accepted: true },
  ]);
});

test("a response with a missing vector is invalid: the next target is tried, and without one the provider's response is an error", async () => {
  actA = requested => vectors({ ...requested, input: 'one' });
  actB = vectors;
  expect((await embed('embed')).data.data).toHaveLength(2);
  expect((await gateway.sink.next()).attempts[0]).toMatchObject({ outcome: 'invalid-response', status: 200 });
  await expect(embed('a/text-embedding-3-small')).rejects.toMatchObject({ status: 502, code: 'upstream_invalid_response' });
  actB = () => ({ body: { embeddings: [{ values: [1] }] } });
  await expect(embed('gemini/gemini-embedding-001')).rejects.toMatchObject({ status: 502, code: 'upstream_invalid_response' });
  actA = requested => vectors({ ...requested, input: 'one' });
  const tokens = await client.embeddings.create({ model: 'a/text-embedding-3-small', input: [1, 2, 3], encoding_format: 'float' });
  expect(tokens.data).toHaveLength(1);
});

test('vectors of another model are a warning, and excluded where the route rejects altered requests', async () => {
  actA = broken;
  actB = () => ({ body: { embeddings: [{ values: [1, 2] }, { values: [3, 4] }] } });
  const { data, response } = await embed('mixed');
  expect(data.data[1]!.embedding).toEqual([3, 4]);
  expect(response.headers.get('x-hindcast-warnings')).toBe('approximated model');
  expect(response.headers.get('x-hindcast-target')).toBe('gemini/gemini-embedding-001');
  expect((await gateway.sink.next()).warnings).toMatchObject([{ type: 'approximated', field: 'model' }]);
  b.requests.length = 0;
  await expect(embed('strict')).rejects.toMatchObject({ status: 503, code: 'upstream_overloaded' });
  expect(b.requests).toHaveLength(0);
});

test('a target is retried as its route says, and one that keeps failing cools down', async () => {
  let fails = 2;
  actA = requested => (fails-- > 0 ? broken(requested) : vectors(requested));
  expect((await embed('stubborn')).response.headers.get('x-hindcast-attempts')).toBe('3');
  expect((await gateway.sink.next()).attempts.map(({ kind }) => kind)).toEqual(['primary', 'retry', 'retry']);
  actA = broken;
  actB = vectors;
  for (let i = 0; i < 6; i++) await embed('embed');
  a.requests.length = 0;
  await embed('embed');
  expect(a.requests).toHaveLength(0);
});

test('the tokens of embeddings are charged to a budget, which needs the price of every target', async () => {
  const keys = `
keys:
  - { name: k, hash: "sha256:${createHash('sha256').update(key).digest('hex')}", tenant: one }`;
  await restart(`
tenants: { one: { budget: { usd: 0.00003, per: day } } }${keys}`);
  actA = vectors;
  await expect(embed('embed')).rejects.toMatchObject({ status: 400, code: 'price_unknown' });
  expect(a.requests).toHaveLength(0);
  await restart(`
prices: { b/openai/text-embedding-3-small: { input: 0.02, output: 0 } }
tenants: { one: { budget: { usd: 0.00003, per: day } } }${keys}`);
  await embed('embed');
  await embed('embed');
  await expect(embed('embed')).rejects.toMatchObject({ status: 429, code: 'budget_exceeded' });
  expect(a.requests).toHaveLength(2);
});

test('moderations fall back; an image falls back, but is never requested twice from one target', async () => {
  actA = broken;
  actB = () => ({ body: { id: 'modr-1', model: 'omni-moderation-latest', results: [{ flagged: true }] } });
  expect((await client.moderations.create({ model: 'flags', input: 'x' })).results[0]!.flagged).toBe(true);
  expect((await gateway.sink.next()).attempts).toHaveLength(2);
  a.requests.length = 0;
  b.requests.length = 0;
  actB = broken;
  await expect(client.images.generate({ model: 'pictures', prompt: 'a cat' })).rejects.toMatchObject({ status: 503 });
  expect([a.requests.length, b.requests.length]).toEqual([1, 1]);
  actB = () => ({ body: { created: 1, data: [{ b64_json: 'aGk=' }] } });
  expect((await client.images.generate({ model: 'pictures', prompt: 'a cat' })).data).toHaveLength(1);
});

test('an error body with status 200 is a failure', async () => {
  actA = () => ({ body: { error: { message: 'slow down', type: 'rate_limit_error', code: 'rate_limit_exceeded' } } });
  actB = vectors;
  expect((await embed('embed')).response.headers.get('x-hindcast-attempts')).toBe('2');
  expect((await gateway.sink.next()).attempts[0]).toMatchObject({ outcome: 'rate-limited', status: 200 });
});

test('a silent target is hedged with the next one, and the loser is recorded as aborted', async () => {
  actA = () => undefined;
  actB = vectors;
  const { response } = await embed('hedged');
  expect(response.headers.get('x-hindcast-target')).toBe('b/text-embedding-3-small');
  expect((await gateway.sink.next()).attempts).toMatchObject([
    { kind: 'primary', outcome: 'aborted', accepted: false },
    { kind: 'hedge', outcome: 'ok', accepted: true },
  ]);
  await vi.waitFor(() => expect(a.openConnections()).toBe(0));
});
