/** The live view: what a tail is shown, within which bounds, and who is let in where there are no keys. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExchangeSummary, TailEvent, TailFilter } from '../../gateway/admin/api/exchanges.ts';
import { routeEntries } from '../../gateway/admin/api/table.ts';
import { matches } from '../../gateway/admin/live/filter.ts';
import { summaryOf } from '../../gateway/admin/live/summary.ts';
import { eventsPerSecond, Tails } from '../../gateway/admin/live/tails.ts';
import type { SiblingWorkers } from '../../gateway/admin/live/workers.ts';
import { type ReadScope, type Records, RecordsFailure } from '../../gateway/admin/records.ts';
import { maskSecrets, unmaskSecrets } from '../../gateway/config/edit/mask-secrets.ts';
import { accessOf } from '../../gateway/http/guard.ts';
import { hi, post, respondJson, startGateway, startUpstream, twoProviders } from '../gateway/harness.ts';
import { plainExchange } from '../recorder/plain-exchange.ts';
import { runs } from '../runs.ts';
import { VirtualClock } from '../virtual-clock.ts';

const exchange = plainExchange();

test('a tail under load shows so many a second, and counts the rest', () => {
  const clock = new VirtualClock();
  const tails = new Tails(clock);
  const events: TailEvent[] = [];
  const close = tails.open({}, undefined, event => events.push(event));
  for (let i = 0; i < 5_000; i++) tails.publish(exchange);
  expect(events.length).toBe(eventsPerSecond);
  clock.step();
  expect(events.at(-1)).toEqual({ type: 'dropped', count: 5_000 - eventsPerSecond });
  tails.publish(exchange);
  expect(events.at(-1)).toMatchObject({ type: 'exchange' });
  close();
  tails.publish(exchange);
  expect(events.length).toBe(eventsPerSecond + 2);
});

test('a tail of one tenant sees no other, and replayed traffic is in none', () => {
  const tails = new Tails(new VirtualClock());
  const events: TailEvent[] = [];
  tails.open({}, ['acme'], event => events.push(event));
  tails.publish({ ...exchange, caller: { ...exchange.caller, tenant: 'beta' } });
  tails.publish({ ...exchange, caller: { ...exchange.caller, tenant: 'acme' }, run: 'r' });
  tails.publish({ ...exchange, caller: { ...exchange.caller, tenant: 'acme' } });
  expect(events.map(event => event.type === 'exchange' && event.exchange.tenant)).toEqual(['acme']);
});

test('a filter takes what has its value, and nothing else', () => {
  const row: ExchangeSummary = {
    ...summaryOf(exchange),
    tags: { tier: 'paid' },
    cost_usd: 0.5,
    latency_ms: 100,
    model: 'm',
    requested_model: 'r',
  };
  const taken: readonly TailFilter[] = [
    {},
    { route: row.route },
    { model: 'm' },
    { model: 'r' },
    { tag: 'tier=paid' },
    { min_cost_usd: 0.5 },
    { min_latency_ms: 100 },
  ];
  for (const filter of taken) expect(matches(filter, row), JSON.stringify(filter)).toBe(true);
  const left: readonly TailFilter[] = [
    { route: `${row.route}x` },
    { model: 'x' },
    { tag: 'tier=free' },
    { tag: '__proto__=x' },
    { min_cost_usd: 0.6 },
    { min_latency_ms: 101 },
    { outcome: 'timeout' },
    { tenant: 'x', route: row.route },
  ];
  for (const filter of left) expect(matches(filter, row), JSON.stringify(filter)).toBe(false);
});

test('requests that are being answered are listed until they are', async () => {
  const gate = Promise.withResolvers<void>();
  await using upstream = await startUpstream(async (response, received, request) => {
    await gate.promise;
    return respondJson(response, received, request);
  });
  await using gateway = await startGateway(twoProviders(upstream.url, upstream.url));
  const answer = post(gateway.url, hi);
  const list = async () => ((await (await fetch(`${gateway.url}/admin/api/v1/in-flight`)).json()) as { data: readonly object[] }).data;
  while (upstream.requests.length === 0) await new Promise(wait => setTimeout(wait, 5));
  expect(await list()).toMatchObject([{ route: 'm-fast', requested_model: 'm-fast', tenant: 'default', stream: false, worker: 0 }]);
  gate.resolve();
  await (await answer).text();
  await gateway.sink.next();
  expect(await list()).toEqual([]);
});

test('what an asker who leaves had asked for ends: a query of the store by its signal, a tail by its closer', async () => {
  const [requested, aborted, watched, closed] = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const records = {
    exchanges: (_: unknown, { signal }: ReadScope) => {
      signal.addEventListener('abort', () => aborted!.resolve());
      requested!.resolve();
      return aborted!.promise.then(() => Promise.reject(new RecordsFailure('unavailable', 'aborted')));
    },
    close: async () => {},
  } as unknown as Records;
  const siblings: SiblingWorkers = {
    worker: 0,
    listInFlight: async () => [],
    watch: () => {
      watched!.resolve();
      return () => closed!.resolve();
    },
  };
  await using gateway = await startGateway('providers: { sim: { api: simulated } }', { records, siblings });
  for (const [path, begun, ended] of [
    ['exchanges', requested, aborted],
    ['tail', watched, closed],
  ] as const) {
    const leaving = new AbortController();
    const answer = fetch(`${gateway.url}/admin/api/v1/${path}`, { signal: leaving.signal }).catch(() => {});
    await begun!.promise;
    leaving.abort();
    await Promise.all([ended!.promise, answer]);
  }
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
});

test('a gateway ends with tails open', async () => {
  const gateway = await startGateway('providers: { sim: { api: simulated } }');
  const tail = await fetch(`${gateway.url}/admin/api/v1/tail`);
  const ended = tail.text();
  await gateway.gateway.close();
  expect(await ended).toBe(': open\n\n');
});

test('without keys a foreign Host or Origin is refused on every route, and without a store every question to it', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  const status = (path: string, method: string, host: string, origin?: string) =>
    new Promise<string>(resolve => {
      const socket = connect(gateway.port, '127.0.0.1');
      let text = '';
      const lines = [
        `${method} ${path} HTTP/1.1`,
        `host: ${host}`,
        'connection: close',
        'content-length: 0',
        ...(origin ? [`origin: ${origin}`] : []),
      ];
      socket.on('data', data => {
        text += data;
      });
      socket.on('close', () => resolve(text.slice(9, 12)));
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
  for (const [name, { method, path }] of routeEntries) {
    const full = `/admin/api/v1${path}`;
    expect(await status(full, method, 'evil.example'), name).toBe('403');
    expect(await status(full, method, `127.0.0.1:${gateway.port}`, 'https://evil.example'), name).toBe('403');
  }
  expect((await fetch(`${gateway.url}/admin/api/v1/exchanges`)).status).toBe(503);
});

test('no detour leads past the key', () => {
  const parts = fc.constantFrom('..', '.', '%2e%2e', '%2E.', '\\..', 'v1', 'chat', 'completions', 'x', '', 'exchanges');
  fc.assert(
    fc.property(fc.constantFrom('/docs/', '/console/', '/admin/api/v1/'), fc.array(parts, { maxLength: 6 }), (start, rest) => {
      const url = `${start}${rest.join('/')}`;
      const isInside = new URL(url, 'http://gateway').pathname.startsWith(start.slice(0, -1));
      if (accessOf(url) === 'open' || accessOf(url) === 'admin') expect(isInside, url).toBe(true);
    }),
    runs(1_000),
  );
});

test('a configuration is shown without its secrets, and comes back with them', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{8,40}$/);
  fc.assert(
    fc.property(secret, secret, fc.constantFrom('plain', 'single', 'double'), (first, second, style) => {
      const [a, b] = [`sk-${first}`, `pw-${second}`];
      const quote = (text: string): string => ({ plain: text, single: `'${text}'`, double: `"${text}"` })[style];
      const text = `# kept\nproviders:\n  a: { api: openai, key: ${quote(a)} }\n  b: { api: openai, keys: [${quote(b)}, "\${KEY}"] }\nstore: { url: embedded, password: ${quote(b)} }\n`;
      const masked = maskSecrets(text)!.text;
      expect(masked).not.toContain(a);
      expect(masked).not.toContain(b);
      expect(masked).toContain(`"\${KEY}"`);
      expect(masked).toContain('url: embedded');
      expect(unmaskSecrets(masked, text)).toBe(text);
    }),
    runs(200),
  );
});
