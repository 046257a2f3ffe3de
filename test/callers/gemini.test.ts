/** Google's client against the gateway over real sockets, with every provider: responses, streams, tools, errors and broken streams. */
import { ApiError, type Content, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { citySchema, providersYaml, redPixel, type ScriptedUpstream, spareRoute, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
let client: GoogleGenAI;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
  client = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: gateway.url } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const targets = ['to-openai', 'to-responses', 'to-anthropic', 'to-gemini'];
const weather = {
  functionDeclarations: [
    {
      name: 'weather',
      description: 'Tells it.',
      parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING, nullable: true } }, required: ['city'] },
    },
  ],
};
async function* streamed(model: string, contents: string | Content[], config = {}) {
  yield* await client.models.generateContentStream({ model, contents, config });
}

describe.each(targets)('%s', model => {
  test('a non-streaming response has its counts', async () => {
    const config = { systemInstruction: 'Be brief.', maxOutputTokens: 100, stopSequences: ['END'], temperature: 0.5 };
    const answer = await client.models.generateContent({ model, contents: 'hi', config });
    expect(answer.text).toBe('Hello, world.');
    expect(answer.candidates![0]!.finishReason).toBe('STOP');
    expect(answer.usageMetadata).toMatchObject({
      promptTokenCount: 11,
      candidatesTokenCount: 7,
      cachedContentTokenCount: 3,
      totalTokenCount: 18,
    });
    expect(upstream.lastRequest().text).toMatch(/Be brief\./);
    expect(gateway.sink.exchanges.at(-1)).toMatchObject({ dialect: 'gemini-generate', requestedModel: model, outcome: 'ok' });
  });

  test('a stream is read, as events and as one array', async () => {
    let text = '';
    let last = '';
    for await (const chunk of streamed(model, 'hi')) {
      text += chunk.text ?? '';
      last = chunk.candidates?.[0]?.finishReason ?? last;
    }
    expect([text, last]).toEqual(['Hello, world.', 'STOP']);
    const body = JSON.stringify({ contents: [{ parts: [{ text: 'hi' }] }] });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${gateway.url}/v1beta/models/${model}:streamGenerateContent`, { method: 'POST', headers, body });
    expect(answer.headers.get('content-type')).toContain('application/json');
    const chunks = (await answer.json()) as { candidates: { content: { parts: { text?: string }[] } }[] }[];
    expect(chunks.flatMap(chunk => chunk.candidates[0]!.content.parts.map(part => part.text ?? '')).join('')).toBe('Hello, world.');
  });

  test('tool calls arrive, streaming and non-streaming, and their results are sent back', async () => {
    const config = { tools: [weather], toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } } };
    const complete = await client.models.generateContent({ model, contents: 'scene:tools', config });
    const calls = [];
    for await (const chunk of streamed(model, 'scene:tools', config)) calls.push(...(chunk.functionCalls ?? []));
    for (const called of [complete.functionCalls!, calls]) {
      expect(called).toMatchObject([
        { name: 'weather', args: { city: 'Oslo' } },
        { name: 'weather', args: { city: 'Rome' } },
      ]);
    }
    const results = complete.functionCalls!.map(({ id, name }) => ({
      functionResponse: { ...(id ? { id } : {}), name: name!, response: { output: 'Four degrees.' } },
    }));
    const contents: Content[] = [
      { role: 'user', parts: [{ text: 'scene:tools' }] },
      complete.candidates![0]!.content!,
      { role: 'user', parts: results },
    ];
    const { text } = await client.models.generateContent({ model, contents, config });
    expect(text).toBe('Hello, world.');
    expect(upstream.lastRequest().text.match(/Four degrees\./g)).toHaveLength(2);
  });

  test('an image is sent, and a schema is kept', async () => {
    const parts = [{ inlineData: { mimeType: 'image/png', data: redPixel } }, { text: 'scene:images' }];
    const seen = await client.models.generateContent({ model, contents: [{ role: 'user', parts }] });
    expect(seen.text).toBe('A red square.');
    expect(upstream.lastRequest().text).toContain(redPixel);
    const config = { responseMimeType: 'application/json', responseJsonSchema: citySchema };
    const reported = await client.models.generateContent({ model, contents: 'scene:structured', config });
    expect(JSON.parse(reported.text!)).toEqual({ city: 'Oslo', degrees: 4 });
    expect(upstream.lastRequest().text).toContain('degrees');
  });

  test("an error has the client's format, and a broken stream throws", async () => {
    const refused = await client.models
      .generateContent({ model: spareRoute(model), contents: 'scene:refused' })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 429, message: expect.stringContaining('RESOURCE_EXHAUSTED') });
    await expect(client.models.generateContent({ model: spareRoute(model), contents: 'scene:cut' })).rejects.toBeInstanceOf(ApiError);
    const read = async (): Promise<void> => {
      for await (const _ of streamed(spareRoute(model), 'scene:cut'));
    };
    await expect(read()).rejects.toThrow();
    expect(gateway.sink.exchanges.at(-1)).toMatchObject({ outcome: 'truncated' });
  });
});

test('thought signatures return to the provider that made them', async () => {
  const config = { thinkingConfig: { includeThoughts: true, thinkingBudget: 2_000 }, maxOutputTokens: 4_000 };
  for (const model of ['to-gemini', 'to-anthropic']) {
    const first = await client.models.generateContent({ model, contents: 'scene:reasoning', config });
    const content = first.candidates![0]!.content!;
    expect(content.parts!.some(part => part.thought && part.text === 'Sum the two.')).toBe(true);
    const contents = [{ role: 'user', parts: [{ text: 'scene:reasoning' }] }, content, { role: 'user', parts: [{ text: 'And now?' }] }];
    await client.models.generateContent({ model, contents, config });
    expect(upstream.lastRequest().text).toContain('"c2lnbmF0dXJl"');
  }
});

test('unknown fields reach a target of the same format, and its response is unchanged', async () => {
  const body = '{"contents":[{"parts":[{"text":"hi"}]}], "inventedTomorrow" : {"a":[1, 2]}}';
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${gateway.url}/v1/models/to-gemini:generateContent`, { method: 'POST', headers, body });
  expect(upstream.lastRequest().text).toBe(body);
  expect(upstream.lastRequest().url).toContain('/models/gemini-3.1-pro:generateContent');
  expect(Buffer.from(gateway.sink.exchanges.at(-1)!.attempts[0]!.response).toString()).toBe(await answer.text());
  const cached = await fetch(`${gateway.url}/v1/models/to-openai:generateContent`, {
    method: 'POST',
    headers,
    body: '{"contents":[{"parts":[{"text":"hi"}]}],"cachedContent":"cachedContents/1"}',
  });
  expect(await cached.json()).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } });
});

test('tokens that the target does not count are estimated here', async () => {
  const { totalTokens } = await client.models.countTokens({
    model: 'to-gemini',
    contents: 'A sentence of some eight or nine words, no more.',
  });
  expect(totalTokens).toBeGreaterThan(8);
  expect(totalTokens).toBeLessThan(30);
  expect(upstream.requests.at(-1)!.url).toContain(':countTokens');
});

test('errors before routing, and the models, have the same format', async () => {
  const headers = { 'content-type': 'application/json' };
  const nowhere = await fetch(`${gateway.url}/v1beta/models/nowhere:generateContent`, { method: 'POST', headers, body: '{"contents":[]}' });
  expect(await nowhere.json()).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } });
  const verb = await fetch(`${gateway.url}/v1beta/models/to-openai:embody`, { method: 'POST', headers, body: '{}' });
  expect(await verb.json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } });
  const names = [];
  for await (const model of await client.models.list()) names.push(model.name);
  expect(names).toContain('models/to-openai');
  expect(await client.models.get({ model: 'to-openai' })).toMatchObject({ name: 'models/to-openai' });
});
