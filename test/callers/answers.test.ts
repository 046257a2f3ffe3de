/** Citations, refusals, service tiers and counts reach callers of every dialect over real sockets, or the header and the record name their loss. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatResponse, StreamEvent } from '../../gateway/core/chat/chat.ts';
import { collectResponse } from '../../gateway/core/chat/collect.ts';
import type { Json } from '../../gateway/core/chat/json.ts';
import { providers } from '../../gateway/providers/index.ts';
import { sseDecoder } from '../../gateway/transport/frames.ts';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { providersYaml, type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

const targets = ['openai', 'responses', 'anthropic', 'gemini'] as const;

interface CallerKind {
  readonly provider: string;
  path(model: string, stream: boolean): string;
  body(model: string, stream: boolean, scene: string): object;
}

const callers: Readonly<Record<(typeof targets)[number], CallerKind>> = {
  openai: {
    provider: 'openai',
    path: () => '/v1/chat/completions',
    body: (model, stream, scene) => ({
      model,
      stream,
      stream_options: stream ? { include_usage: true } : undefined,
      messages: [{ role: 'user', content: scene }],
    }),
  },
  responses: {
    provider: 'openai-responses',
    path: () => '/v1/responses',
    body: (model, stream, scene) => ({ model, stream, input: scene }),
  },
  anthropic: {
    provider: 'anthropic',
    path: () => '/v1/messages',
    body: (model, stream, scene) => ({ model, stream, max_tokens: 4_000, messages: [{ role: 'user', content: scene }] }),
  },
  gemini: {
    provider: 'gemini',
    path: (model, stream) => `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: (_model, _stream, scene) => ({ contents: [{ role: 'user', parts: [{ text: scene }] }] }),
  },
};

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe.each(targets)('%s', caller => {
  describe.each(targets)('from %s', target => {
    test.each([false, true])('citations keep their positions; streaming: %s', async stream => {
      const { response } = await ask(caller, target, stream, 'cited');
      const [part] = response.choices[0]!.content;
      const citations = part?.type === 'text' ? (part.citations ?? []) : [];
      expect(citations).toMatchObject([{ url: 'https://example.com/oslo', title: 'Oslo', span: { from: 0, to: 16 } }]);
    });

    test.each([false, true])('a refusal, the tier and the counts arrive, or a warning names them; streaming: %s', async stream => {
      const { response, warnings } = await ask(caller, target, stream, 'rich');
      expect(JSON.stringify(response.choices[0]!.content)).toContain('It is not allowed.');
      expect(response.serviceTier).toBe('flex');
      // The table has no price for the flex tier of Gemini and Anthropic: no price is better than a wrong one.
      const { cost } = gateway.sink.exchanges.at(-1)!.attempts[0]!;
      if (target === 'openai' || target === 'responses') expect(cost?.priceId ?? 'unpriced').toMatch(/\+flex$/);
      else expect(cost).toBeUndefined();
      const { audioInput, cacheWrite } = response.usage!;
      // Counts that the target's format lacks are unknown.
      if (target === 'openai' || target === 'gemini')
        expect([9, 'named']).toContain(audioInput ?? (/usage\.audio_tokens/.test(warnings) && 'named'));
      if (target !== 'gemini') expect([5, 'named']).toContain(cacheWrite || (/usage\.cache_write_tokens/.test(warnings) && 'named'));
    });
  });
});

test('the served model decides the price, and is recorded beside the requested one', async () => {
  const prices = 'prices: { openai/served-1: { input: 1, output: 2 }, openai/gpt-5.1: { input: 100, output: 200 } }';
  await using own = await startGateway(`${providersYaml(upstream.url)}${prices}`);
  await fetch(`${own.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(callers.openai.body('to-openai', false, 'scene:text')),
  });
  const [attempt] = own.sink.exchanges.at(-1)!.attempts;
  expect(attempt).toMatchObject({ model: 'gpt-5.1', servedModel: 'served-1', cost: { priceId: 'config/openai/served-1' } });
});

/** `warnings` are those of the record: a stream's header is sent before them. */
async function ask(
  caller: (typeof targets)[number],
  target: string,
  stream: boolean,
  scene: string,
): Promise<{ readonly response: ChatResponse; readonly warnings: string }> {
  const { provider: name, path, body } = callers[caller];
  const provider = providers[name]!;
  const model = `to-${target}`;
  const answer = await fetch(gateway.url + path(model, stream), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body(model, stream, `scene:${scene}`)),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  const warnings = gateway.sink.exchanges
    .at(-1)!
    .warnings.map(({ type, field }) => `${type} ${field}`)
    .join(', ');
  if (!stream) {
    expect(answer.headers.get('x-hindcast-warnings') ?? '').toBe(warnings);
    return { response: responseOf(provider.parseResponse(JSON.parse(text) as Json)), warnings };
  }
  const parser = provider.parseStream();
  const events: StreamEvent[] = [];
  const frames = sseDecoder({ event: event => void events.push(...parser.parse(event)), comment: () => {}, overflow: () => {} });
  frames.feed(Buffer.from(text));
  frames.end();
  const end = parser.end();
  if (!end.complete) throw new Error(end.failure.message);
  return { response: responseOf(collectResponse([...events, ...end.events])), warnings };
}

function responseOf(response: ReturnType<typeof collectResponse>): ChatResponse {
  if ('kind' in response) throw new Error(response.message);
  return response;
}
