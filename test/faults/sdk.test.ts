/** The official clients throw on every cut stream of any format, and accept a complete one. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { openai } from '../../gateway/providers/openai.ts';
import { startGateway } from '../gateway/harness.ts';
import { chunks, streamOf } from './chat.ts';
import { cutStreams } from './matrix.ts';
import { stream } from './scripts.ts';
import { FaultyUpstream, type ResponseScript } from './upstream.ts';
import type { WireFormat } from './wire-formats.ts';

const client = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const requestBody = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };

async function reading(act: ResponseScript, { provider, account }: Pick<WireFormat, 'provider' | 'account'>) {
  const upstream = await FaultyUpstream.start(act);
  const gateway = await startGateway(
    `providers: { A: { api: ${provider.name}, ${account}, base_url: "${upstream.url}", allow_private: true } }\nroutes: { m: A/m }\n`,
    { limits: { streamIdleMs: 250 } },
  );
  return {
    url: gateway.url,
    upstream,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function rawRead(url: string): Promise<string> {
  let text = '';
  for await (const chunk of await client(url).chat.completions.create({ ...requestBody, stream: true }))
    text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

const helperRead = async (url: string): Promise<string | null> =>
  (await client(url).chat.completions.stream(requestBody).finalChatCompletion()).choices[0]!.message.content;

describe('the openai client throws', () => {
  test.concurrent.for(cutStreams.map(cut => [cut.format.name, cut.name, cut] as const))('%s: %s', async ([, , { act, format }]) => {
    for (const read of [rawRead, helperRead]) {
      await using gateway = await reading(act, format);
      await expect(read(gateway.url)).rejects.toThrow();
      expect(gateway.upstream.calls).toHaveLength(1);
    }
  });
});

const anthropic = (url: string) => new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0 });
const message = { ...requestBody, max_tokens: 16 };

async function rawMessage(url: string): Promise<string> {
  let text = '';
  for await (const event of await anthropic(url).messages.create({ ...message, stream: true })) {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
  }
  return text;
}

const helperMessage = (url: string): Promise<string> => anthropic(url).messages.stream(message).finalText();

describe('the @anthropic-ai/sdk client throws', () => {
  test.concurrent.for(cutStreams.map(cut => [cut.format.name, cut.name, cut] as const))('%s: %s', async ([, , { act, format }]) => {
    for (const read of [rawMessage, helperMessage]) {
      await using gateway = await reading(act, format);
      await expect(read(gateway.url)).rejects.toThrow();
      expect(gateway.upstream.calls).toHaveLength(1);
    }
  });
});

test('the @anthropic-ai/sdk client accepts a complete stream', async () => {
  for (const read of [rawMessage, helperMessage]) {
    await using gateway = await reading(stream(streamOf(['hel', 'lo'])), { provider: openai, account: 'key: sk-prov-a-1234567890' });
    expect(await read(gateway.url)).toBe('hello');
  }
});

test('the openai client accepts a complete stream', async () => {
  for (const read of [rawRead, helperRead]) {
    await using gateway = await reading(stream(streamOf(['hel', 'lo'])), { provider: openai, account: 'key: sk-prov-a-1234567890' });
    expect(await read(gateway.url)).toBe('hello');
  }
});

test('a caller that disconnects aborts the call to the provider within 100 ms, and the record has its cost', {
  retry: 2,
}, async () => {
  const of = chunks();
  await using upstream = await FaultyUpstream.start(stream([of.role, of.text('hel')], { ending: 'stall' }));
  await using gateway = await startGateway(
    `providers: { A: { api: openai, key: sk-prov-a-1234567890, base_url: "${upstream.url}", allow_private: true } }\nroutes: { m: A/m }\nprices: { A/m: { input: 1, output: 2 } }\n`,
  );
  const leaving = new AbortController();
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...requestBody, stream: true }),
    signal: leaving.signal,
  });
  await response.body!.getReader().read();
  const left = performance.now();
  leaving.abort();
  expect(await upstream.calls[0]!.closed).toBe('caller');
  expect(performance.now() - left).toBeLessThan(100);
  const exchange = await gateway.sink.next();
  expect(exchange).toMatchObject({ outcome: 'cancelled', attempts: [{ outcome: 'aborted', usage: { source: 'estimated' } }] });
  expect(exchange.costNanoUsd).toBeGreaterThan(0);
  expect(Buffer.from(exchange.response).toString()).toContain('hel');
});
