/** Helpers of Anthropic's and Google's clients: tool loops, parsed responses, chats. */
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { type CallableTool, GoogleGenAI, Type } from '@google/genai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { providersYaml, type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
let anthropic: Anthropic;
let google: GoogleGenAI;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
  anthropic = new Anthropic({ apiKey: 'none', baseURL: gateway.url, maxRetries: 0 });
  google = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: gateway.url } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const say = (text: string): Anthropic.MessageParam[] => [{ role: 'user', content: text }];

describe.each(['to-openai', 'to-responses', 'to-anthropic', 'to-gemini'])('%s', model => {
  test.each([false, true])("Anthropic's client runs tools to the end, streaming: %s", async stream => {
    const requested: string[] = [];
    const weather = betaTool({
      name: 'weather',
      description: 'Tells it.',
      inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const,
      run: ({ city }) => {
        requested.push(city);
        return 'Four degrees.';
      },
    });
    const params = { model, max_tokens: 100, messages: say('scene:tools') as Anthropic.Beta.BetaMessageParam[], tools: [weather] };
    const message = await (stream
      ? anthropic.beta.messages.toolRunner({ ...params, stream: true }).runUntilDone()
      : anthropic.beta.messages.toolRunner(params).runUntilDone());
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello, world.' }]);
    expect(requested).toEqual(['Oslo', 'Rome']);
    expect(upstream.lastRequest().text).toMatch(/Four degrees\./);
  });

  test("Anthropic's client parses a response by its schema, streaming and non-streaming", async () => {
    const format = zodOutputFormat(z.object({ city: z.string(), degrees: z.number() }));
    const params = { model, max_tokens: 100, messages: say('scene:structured'), output_config: { format } };
    expect((await anthropic.messages.parse(params)).parsed_output).toEqual({ city: 'Oslo', degrees: 4 });
    expect((await anthropic.messages.stream(params).finalMessage()).parsed_output).toEqual({ city: 'Oslo', degrees: 4 });
  });

  test("Google's client calls tools automatically", async () => {
    const requested: unknown[] = [];
    const weather: CallableTool = {
      tool: async () => ({
        functionDeclarations: [
          { name: 'weather', description: 'Tells it.', parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } } },
        ],
      }),
      callTool: async calls =>
        calls.map(({ id, name, args }) => {
          requested.push(args?.city);
          return { functionResponse: { ...(id === undefined ? {} : { id }), name: name!, response: { degrees: 4 } } };
        }),
    };
    const answer = await google.models.generateContent({ model, contents: 'scene:tools', config: { tools: [weather] } });
    expect(answer.text).toBe('Hello, world.');
    expect(requested).toEqual(['Oslo', 'Rome']);
  });

  test("Google's chats keep their history, streaming and non-streaming", async () => {
    const chat = google.chats.create({ model, config: { systemInstruction: 'Be brief.' } });
    expect((await chat.sendMessage({ message: 'hi' })).text).toBe('Hello, world.');
    let text = '';
    for await (const piece of await chat.sendMessageStream({ message: 'and again' })) text += piece.text ?? '';
    expect(text).toBe('Hello, world.');
    expect(chat.getHistory().map(({ role }) => role)).toEqual(['user', 'model', 'user', 'model']);
    for (const sent of ['Be brief.', 'Hello, world.', 'and again']) expect(upstream.lastRequest().text).toContain(sent);
  });
});
