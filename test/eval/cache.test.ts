/** An exact cache over recorded requests: which requests are equal, what it would have answered, and what it must never do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CachedRequest, replayCache } from '../../eval/cache/replay-cache.ts';
import { type CacheScope, exactKeyText, scopeParts } from '../../gateway/core/cache/exact-key.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { Workspace } from '../hindcast.ts';
import { engineMissing } from '../recorder/running-engine.ts';

const ann = { tenant: 'a', project: 'p', user: 'ann' };
const body: JsonObject = { model: 'smart', messages: [{ role: 'user', content: 'Hi' }], temperature: 0 };
const text = (more: JsonObject, scope: readonly string[] = ['a']): string =>
  exactKeyText({ route: 'smart', format: 'openai', body: { ...body, ...more } }, scope);

describe('requests', () => {
  test('are equal whatever the order of keys, and whether they stream, are tagged or billed by another tier', () => {
    const turned = Object.fromEntries(Object.entries(body).toReversed());
    expect(exactKeyText({ route: 'smart', format: 'openai', body: turned }, ['a'])).toBe(text({}));
    expect(text({ stream: true, stream_options: { include_usage: true }, user: 'u', metadata: { a: 'b' }, service_tier: 'flex' })).toBe(
      text({}),
    );
  });

  test('differ by anything that may change the answer', () => {
    const others = [
      { temperature: 1 },
      { seed: 1 },
      { n: 2 },
      { tools: [] },
      { messages: [{ role: 'user', content: 'Hi ' }] },
      { model: 'x' },
    ];
    for (const other of others) expect(text(other)).not.toBe(text({}));
    expect(exactKeyText({ route: 'other', format: 'openai', body }, ['a'])).not.toBe(text({}));
  });

  test('of different callers never share a key within a scope that tells them apart', () => {
    const name = fc.string({ maxLength: 4 });
    const caller = fc.record({ tenant: name, project: name, user: name });
    const fields: Readonly<Record<CacheScope, readonly (keyof typeof ann)[]>> = {
      ...{ global: [], tenant: ['tenant'], project: ['tenant', 'project'], user: ['tenant', 'project', 'user'] },
    };
    fc.assert(
      fc.property(caller, caller, fc.constantFrom<CacheScope>('global', 'tenant', 'project', 'user'), (one, other, scope) => {
        const areApart = fields[scope].some(field => one[field] !== other[field]);
        expect(text({}, scopeParts(scope, one)) !== text({}, scopeParts(scope, other))).toBe(areApart);
      }),
    );
  });
});

const request = (at: number, key: string, more: Partial<CachedRequest> = {}): CachedRequest => ({
  ...{ at, endedAt: at + 10, key, answer: 'same', isCacheable: true, costNanoUsd: 100 },
  ...more,
});

describe('the replayed cache', () => {
  test('answers equal requests until the entry expires, joins those under way, and keeps no failed answer', () => {
    const requests = [
      request(0, 'a', { isCacheable: false, answer: undefined }),
      request(100, 'a'),
      request(105, 'a', { answer: 'other' }),
      request(1100, 'a'),
      request(1110, 'a'),
      request(1115, 'b', { costNanoUsd: undefined }),
      request(1130, 'b', { costNanoUsd: undefined }),
    ];
    expect(replayCache(requests, 1000, 0.95)).toMatchObject({
      ...{ requests: 7, keys: 2, hits: 3, joined: 1, savedNanoUsd: 200, unpricedHits: 1, comparedHits: 3, differentHits: 1 },
      savedSeconds: 0.03,
    });
  });

  test('never has more hits with a shorter life, and never a hit for the first of its kind', () => {
    const arrivals = fc.array(fc.record({ gap: fc.nat(50), key: fc.constantFrom('a', 'b', 'c'), ok: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(arrivals, fc.nat(200), (steps, short) => {
        let at = 0;
        const requests = steps.map(({ gap, key, ok }) => {
          at += gap;
          return request(at, key, { isCacheable: ok, endedAt: at });
        });
        const [less, longer] = [replayCache(requests, short, 0.95), replayCache(requests, Number.MAX_SAFE_INTEGER / 4, 0.95)];
        expect(less.hits).toBeLessThanOrEqual(longer.hits);
        expect(longer.hits).toBeLessThanOrEqual(requests.length - longer.keys);
        expect(less.hitRate.low).toBeLessThanOrEqual(less.hits / requests.length);
      }),
    );
  });

  test('counts a prompt that everybody sends as one observation: its interval stays wide', () => {
    const popular = Array.from({ length: 200 }, (_, i) => request(i * 20, 'one'));
    const spread = Array.from({ length: 200 }, (_, i) => request(i * 20, `key ${i >> 1}`));
    const [one, many] = [replayCache(popular, 1e9, 0.95), replayCache(spread, 1e9, 0.95)];
    expect(one.hitRate.value).toBeCloseTo(199 / 200, 12);
    expect(many.hitRate.value).toBeCloseTo(0.5, 12);
    expect(one.hitRate.high - one.hitRate.low).toBeGreaterThan(many.hitRate.high - many.hitRate.low);
  });
});

describe.skipIf(engineMissing)(`hindcast eval cache${engineMissing}`, () => {
  test('reads recorded traffic: hits of a tenant, and nothing across tenants', { timeout: 60_000 }, async () => {
    await using place = new Workspace(
      'server: { port: 0 }\nstore: { port: 0 }\nproviders: { sim: { api: simulated } }\nroutes: { smart: sim/small }',
    );
    const gateway = await place.serve();
    const send = (content: string, stream = false): Promise<string> =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'smart', stream, messages: [{ role: 'user', content }] }),
      }).then(response => response.text());
    for (const content of ['a', 'b', 'a', 'c', 'a']) await send(content);
    await send('a', true);
    await gateway.flush();
    const { code, stdout, stderr } = await place.run('eval', 'cache', '--since', '1h', '--ttl', '1h', '--json');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ requests: 6, routes: ['smart'], unreadable: 0, scope: 'tenant' },
      lifetimes: [{ hits: 3, keys: 3, comparedHits: 3, differentHits: 0 }],
    });
  });
});
