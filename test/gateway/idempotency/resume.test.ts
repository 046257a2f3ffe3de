/** Streams that a caller can resume after a lost connection; the delivered bytes are the recorded ones. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { seal } from '../../../gateway/core/exchange.ts';
import { Delivery } from '../../../gateway/exchange/response/delivery.ts';
import { runs } from '../../runs.ts';
import { MemoryResponseSink } from '../exchange/harness.ts';
import { hi, post, respondStream, startGateway, startUpstream, twoProviders } from '../harness.ts';

const streamed = { ...hi, stream: true };
const resumable = { 'x-hindcast-resume': 'true' };
const words = ['one ', 'two ', 'three ', 'four '];

interface Told {
  readonly error: { readonly code: string };
}

/** Reads until this text has arrived, then disconnects. */
async function readUntil(response: Response, mark: string): Promise<string> {
  const reader = response.body!.getReader();
  let text = '';
  while (!text.includes(mark)) text += Buffer.from((await reader.read()).value!).toString();
  await reader.cancel();
  return text;
}

/** What a client keeps of a torn stream: complete events, and the last id. */
function kept(text: string): { readonly text: string; readonly lastId: string } {
  const complete = text.slice(0, text.lastIndexOf('\n\n') + 2);
  return { text: complete, lastId: [...complete.matchAll(/^id: (.*)$/gm)].at(-1)![1]! };
}

describe('a stream with x-hindcast-resume', () => {
  test('continues where its caller was, from the same provider, and both parts equal the record', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using provider = await startUpstream(respondStream(words, () => promise));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const torn = kept(await readUntil(await post(gateway.url, streamed, resumable), 'one '));
    const resumed = await post(gateway.url, streamed, { ...resumable, 'last-event-id': torn.lastId });
    expect(resumed.headers.get('x-hindcast-repeat')).toBe('true');
    resolve();
    const complete = torn.text + (await resumed.text());
    expect(complete.match(/"content":"[^"]+"/g)).toEqual(words.map(word => `"content":"${word}"`));
    expect(complete.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(provider.requests).toHaveLength(1);
    expect(gateway.sink.exchanges).toHaveLength(1);
    const [exchange] = gateway.sink.exchanges;
    expect(exchange!.outcome).toBe('ok');
    expect(Buffer.from(exchange!.response).toString()).toBe(complete);
    const ids = [...complete.matchAll(/^id: (.*)$/gm)].map(match => match[1]);
    expect(ids).toEqual(ids.map((_, n) => `${exchange!.id}.${n}`));
  });

  test('can be resumed after its end as well', async () => {
    await using provider = await startUpstream(respondStream(words));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const complete = await (await post(gateway.url, streamed, resumable)).text();
    const { lastId } = kept(complete.slice(0, complete.indexOf('three ')));
    const rest = await (await post(gateway.url, streamed, { ...resumable, 'last-event-id': lastId })).text();
    expect(rest).toBe(
      complete
        .slice(complete.indexOf(`id: ${lastId}`))
        .split('\n\n')
        .slice(1)
        .join('\n\n'),
    );
    expect(provider.requests).toHaveLength(1);
  });

  test('is rejected for another body, and a stream that is not stored is reported', async () => {
    await using provider = await startUpstream(respondStream(words));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const { lastId } = kept(await (await post(gateway.url, streamed, resumable)).text());
    const other = await post(gateway.url, { ...streamed, temperature: 0.5 }, { 'last-event-id': lastId });
    expect([other.status, ((await other.json()) as Told).error.code]).toEqual([409, 'idempotency_conflict']);
    const gone = await post(gateway.url, streamed, { 'last-event-id': `01920000-0000-7000-8000-000000000000.3` });
    expect([gone.status, ((await gone.json()) as Told).error]).toEqual([
      409,
      expect.objectContaining({ code: 'stream_not_kept', param: 'Last-Event-ID' }),
    ]);
    expect(gone.headers.get('x-should-retry')).toBe('false');
    expect(provider.requests).toHaveLength(1);
    // Event ids of another source are ignored.
    expect((await post(gateway.url, streamed, { 'last-event-id': '17' })).status).toBe(200);
  });

  test('is read by the official client as any other', async () => {
    await using provider = await startUpstream(respondStream(words));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const client = new OpenAI({ apiKey: 'any', baseURL: `${gateway.url}/v1`, defaultHeaders: resumable });
    const stream = await client.chat.completions.create({ model: 'm-fast', messages: [{ role: 'user', content: 'x' }], stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe(words.join(''));
  });
});

test('without the header a stream has no ids, and a disconnect cancels the provider', async () => {
  await using provider = await startUpstream(respondStream(words, () => new Promise(() => {})));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const text = await readUntil(await post(gateway.url, streamed), 'one ');
  expect(text).not.toMatch(/^id: /m);
  await expect.poll(() => gateway.sink.exchanges[0]?.outcome, { timeout: 5_000 }).toBe('cancelled');
});

test('the digest of the delivered bytes equals the recorded one, streaming and non-streaming', async () => {
  await using provider = await startUpstream(respondStream(words));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  for (const body of [streamed, hi]) {
    const seen = createHash('sha256');
    for await (const bytes of (await post(gateway.url, body)).body!) seen.update(bytes);
    const recorded = createHash('sha256').update(gateway.sink.exchanges.at(-1)!.response);
    expect(seen.digest('hex')).toBe(recorded.digest('hex'));
  }
  expect(gateway.sink.exchanges).toHaveLength(2);
});

test('chunks are stored byte for byte and numbered without gaps, whatever they are', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1 }), fc.boolean(), (pieces, isNumbered) => {
      const reader = new MemoryResponseSink(Number.POSITIVE_INFINITY);
      const delivery = new Delivery(reader, isNumbered ? 'id' : undefined);
      for (const text of pieces.slice(0, -1)) delivery.write(text);
      const { response, delivered } = delivery.finish(pieces.at(-1)!);
      delivery.end({ status: 200, contentType: 'text/event-stream', headers: [] }, seal());
      expect(reader.text).toBe(pieces.map((text, n) => (isNumbered ? `id: id.${n}\n${text}` : text)).join(''));
      expect(response.equals(Buffer.concat(delivery.chunks.length > 0 ? delivery.chunks : [Buffer.from(reader.text)]))).toBe(true);
      expect(delivered).toMatchObject({ events: pieces.length, bytes: response.length });
    }),
    runs(200),
  );
});
