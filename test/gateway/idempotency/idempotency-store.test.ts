/** Requests with an Idempotency-Key are executed and paid once, however often they are sent. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { seal } from '../../../gateway/core/exchange.ts';
import { isRefusal } from '../../../gateway/exchange/response/refusal.ts';
import { type IdempotencyLimits, IdempotencyStore, type SharedResponse } from '../../../gateway/idempotency/idempotency-store.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { routedRequestOf } from '../exchange/harness.ts';
import { hi, post, type Responder, respondJson, respondStream, startGateway, startUpstream, twoProviders } from '../harness.ts';

const streamed = { ...hi, stream: true };
const key = (name: string): Record<string, string> => ({ 'idempotency-key': name });

/** An upstream that responds when it is released. */
function held(answer: Responder): { readonly answer: Responder; readonly go: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    go: resolve,
    answer: async (response, requested, request) => {
      await promise;
      return answer(response, requested, request);
    },
  };
}

describe('a repeat with the same Idempotency-Key', () => {
  test('joins the response in flight, and gets the same bytes', async () => {
    const { answer, go } = held(respondJson);
    await using provider = await startUpstream(answer);
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const pending = [1, 2, 3].map(() => post(gateway.url, hi, key('k1')));
    while (provider.requests.length === 0) await new Promise(wait => setTimeout(wait, 2));
    go();
    const responses = await Promise.all(pending);
    const texts = await Promise.all(responses.map(one => one.text()));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('hello');
    expect(responses.map(one => one.status)).toEqual([200, 200, 200]);
    expect(new Set(responses.map(one => one.headers.get('x-hindcast-id'))).size).toBe(1);
    expect(responses.filter(one => one.headers.get('x-hindcast-repeat') === 'true')).toHaveLength(2);
    expect(provider.requests).toHaveLength(1);
    expect(gateway.sink.exchanges).toHaveLength(1);
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('hindcast_joined_total 2');
  });

  test('gets a stream from its beginning, though it joins in the middle', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using provider = await startUpstream(respondStream(['hel', 'lo'], () => promise));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const first = await post(gateway.url, streamed, key('k1'));
    const second = await post(gateway.url, streamed, key('k1'));
    resolve();
    const [one, two] = await Promise.all([first.text(), second.text()]);
    expect(two).toBe(one);
    expect(one.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(provider.requests).toHaveLength(1);
  });

  test('gets the complete response again for a while after its end', async () => {
    await using provider = await startUpstream(respondStream(['hel', 'lo']));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const first = await (await post(gateway.url, streamed, key('k1'))).text();
    const repeat = await post(gateway.url, streamed, key('k1'));
    expect(await repeat.text()).toBe(first);
    expect(repeat.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(provider.requests).toHaveLength(1);
  });

  test('is executed repeat when the first response failed', async () => {
    let calls = 0;
    await using provider = await startUpstream((response, requested, request) =>
      ++calls <= 4
        ? response.writeHead(400).end('{"error":{"message":"no","type":"invalid_request_error"}}')
        : respondJson(response, requested, request),
    );
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    expect((await post(gateway.url, hi, key('k1'))).status).toBe(400);
    calls = 4;
    expect((await post(gateway.url, hi, key('k1'))).status).toBe(200);
  });

  test('with another body is rejected, in a way that SDKs do not retry', async () => {
    await using provider = await startUpstream(respondJson);
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    await (await post(gateway.url, hi, key('k1'))).text();
    const other = await post(gateway.url, { ...hi, temperature: 0 }, key('k1'));
    expect(other.status).toBe(409);
    expect(other.headers.get('x-should-retry')).toBe('false');
    expect(await other.json()).toMatchObject({
      error: { code: 'idempotency_conflict', param: 'Idempotency-Key', type: 'invalid_request_error' },
    });
    expect((await post(gateway.url, hi, key('k2'))).status).toBe(200);
    expect(provider.requests).toHaveLength(2);
  });

  test('keeps the execution alive when the first caller disconnects; it is cancelled when both have', async () => {
    await using provider = await startUpstream(respondStream(['hel', 'lo'], () => new Promise(() => {})));
    await using gateway = await startGateway(twoProviders(provider.url, provider.url));
    const leaving = [new AbortController(), new AbortController()];
    const ask = (signal: AbortSignal) =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...key('k1') },
        body: JSON.stringify(streamed),
        signal,
      });
    await ask(leaving[0]!.signal);
    await ask(leaving[1]!.signal);
    leaving[0]!.abort();
    const underWay = async (): Promise<string | undefined> =>
      /^hindcast_inflight_requests (\d+)$/m.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1];
    // The remaining caller, and the execution itself.
    await expect.poll(underWay, { timeout: 5_000 }).toBe('2');
    expect(provider.openConnections()).toBe(1);
    expect(gateway.sink.exchanges).toHaveLength(0);
    leaving[1]!.abort();
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'cancelled' });
  });

  test('is a new request for another tenant or another key', async () => {
    await using provider = await startUpstream(respondJson);
    const hashOf = (secret: string): string => `sha256:${createHash('sha256').update(secret).digest('hex')}`;
    await using gateway = await startGateway(`${twoProviders(provider.url, provider.url)}
tenants: { acme: {}, umbrella: {} }
keys:
  - { name: one, tenant: acme, hash: "${hashOf('hk-one')}" }
  - { name: two, tenant: acme, hash: "${hashOf('hk-two')}" }
  - { name: three, tenant: umbrella, hash: "${hashOf('hk-three')}" }
`);
    const ask = async (secret: string): Promise<string | null> => {
      const response = await post(gateway.url, hi, { ...key('k1'), authorization: `Bearer ${secret}` });
      expect(response.status).toBe(200);
      await response.text();
      return response.headers.get('x-hindcast-repeat');
    };
    for (const secret of ['hk-one', 'hk-two', 'hk-three']) expect(await ask(secret), secret).toBeNull();
    expect(await ask('hk-three')).toBe('true');
    expect(provider.requests).toHaveLength(3);
  });

  test('needs a valid key', async () => {
    await using gateway = await startGateway(twoProviders('http://127.0.0.1:1', 'http://127.0.0.1:1'));
    const response = await post(gateway.url, hi, key('x'.repeat(256)));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'Idempotency-Key' } });
  });
});

describe('stored responses', () => {
  const ended = { status: 200, contentType: 'application/json; charset=utf-8', headers: [] } as const;
  const wordsOf = (limits: Partial<IdempotencyLimits>) => {
    const repeats = new IdempotencyStore(wallClock, limits);
    const join = (name: string) => repeats.join(key(name), routedRequestOf({}, 0));
    const tell = (name: string, text: string): void => {
      const shared = join(name) as SharedResponse;
      shared.buffer.end(Buffer.from(text), ended, seal());
      repeats.complete(shared);
    };
    const knows = (name: string): string => {
      const found = join(name)!;
      if (isRefusal(found)) return found.refusal.code;
      if (found.buffer.isSuccessful) return 'kept';
      repeats.complete(found);
      return 'new';
    };
    return { tell, knows };
  };

  test('have a limit over all: the oldest is evicted first', () => {
    const { tell, knows } = wordsOf({ totalLengthMax: 25 });
    for (const name of ['a', 'b', 'c']) tell(name, '0123456789');
    expect(['a', 'b', 'c'].map(knows)).toEqual(['new', 'kept', 'kept']);
  });

  test('have a limit each: the repeat of a longer response is rejected, and nothing is executed twice', () => {
    const { tell, knows } = wordsOf({ responseLengthMax: 5, totalLengthMax: 25 });
    tell('a', '0123456789');
    for (const name of ['b', 'c', 'd', 'e', 'f']) tell(name, '01234');
    expect(['a', 'b', 'f'].map(knows)).toEqual(['idempotency_answer_not_kept', 'kept', 'kept']);
  });

  test('have a maximum number and age', async () => {
    const few = wordsOf({ responsesMax: 2 });
    for (const name of ['a', 'b', 'c']) few.tell(name, 'x');
    expect(['a', 'c'].map(few.knows)).toEqual(['new', 'kept']);
    const short = wordsOf({ ttlMs: 20 });
    short.tell('a', 'x');
    await new Promise(wait => setTimeout(wait, 30));
    expect(short.knows('a')).toBe('new');
  });
});

test('without the header every request is executed', async () => {
  await using provider = await startUpstream(respondJson);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  await Promise.all([post(gateway.url, hi), post(gateway.url, hi)]);
  expect(provider.requests).toHaveLength(2);
});
