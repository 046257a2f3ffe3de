/** How a gateway ends: what is under way to its end, nothing new, nothing left open. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { exchangeBytes, hi, post, respondStream, startGateway, startUpstream, twoProviders } from '../harness.ts';

const streamed = { ...hi, stream: true };

test('open streams end complete, new requests are refused, and readiness is withdrawn at once', async () => {
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  await using provider = await startUpstream(respondStream(['hel', 'lo'], () => promise));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const streams = await Promise.all(Array.from({ length: 20 }, () => post(gateway.url, streamed)));
  let isClosed = false;
  const closing = gateway.gateway.close().then(() => {
    isClosed = true;
  });
  const ready = await fetch(`${gateway.url}/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'not ready', reasons: ['the gateway is shutting down'] }]);
  const late = await exchangeBytes(gateway.port, socket => socket.write('GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  expect([late.status, late.headers.connection, JSON.parse(late.body).error.code]).toEqual([503, 'close', 'shutting_down']);
  expect(isClosed).toBe(false);
  goOn();
  for (const stream of streams) expect(await stream.text()).toMatch(/"hel".*"lo".*\[DONE\]\n\n$/s);
  await closing;
  expect(gateway.sink.exchanges.map(exchange => exchange.outcome)).toEqual(Array(20).fill('ok'));
  await expect(fetch(`${gateway.url}/health`)).rejects.toThrow();
});

test('an idle connection does not hold up the end', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  const ended = once(socket, 'close');
  const started = performance.now();
  await gateway.gateway.close();
  await ended;
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('a stream beyond the grace period is cut with an error event, and recorded', async () => {
  await using provider = await startUpstream(respondStream(['hel', 'lo'], () => new Promise(() => {})));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const stream = await post(gateway.url, streamed);
  await gateway.gateway.close(50);
  await expect(stream.text()).rejects.toThrow();
  expect(gateway.sink.exchanges).toMatchObject([{ outcome: 'cancelled', attempts: [{ outcome: 'aborted' }] }]);
  await expect.poll(() => provider.openConnections()).toBe(0);
});

test('a hurried end does not wait', async () => {
  await using provider = await startUpstream(() => {});
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const requested = post(gateway.url, hi).catch(() => undefined);
  await expect.poll(() => provider.requests.length).toBe(1);
  const closing = gateway.gateway.close();
  gateway.gateway.closeNow();
  await closing;
  await requested;
  expect(gateway.sink.exchanges).toMatchObject([{ outcome: 'cancelled' }]);
});
