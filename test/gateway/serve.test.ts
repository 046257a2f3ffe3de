/** `hindcast serve` as a process: what it prints, how it refuses to start, and how it ends. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Workspace } from '../hindcast.ts';
import { respondStream, startUpstream } from './harness.ts';

const config = `
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
routes: { smart: [sim/small, sim/large] }
`;

/** Resolves when nothing listens there any more. */
const isClosed = (url: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });

test('it says where it listens, whom it asks, where the records lie and what to try; Ctrl-C ends it with nothing left running', {
  timeout: 60_000,
}, async () => {
  await using place = new Workspace(config);
  const gateway = await place.serve();
  await expect.poll(gateway.output).toContain('Try:');
  const output = gateway.output();
  expect(output).toContain(`listens on ${gateway.url}`);
  expect(output).toContain('sim (simulated)');
  expect(output).toContain(`hindcast-data, query them at ${gateway.storeUrl}`);
  expect(output).toMatch(/hindcast\.yaml, hash [0-9a-f]{16}/);
  expect(output).toContain(`curl ${gateway.url}/v1/chat/completions`);
  expect(output).toContain('"model":"smart"');
  // A second one on the same port says so.
  const port = new URL(gateway.url).port;
  place.write('other.yaml', config.replace('port: 0 }\nstore: { port: 0 }', `port: ${port} }\nstore: { port: 0, path: other }`));
  const second = await place.run('serve', '--config', 'other.yaml');
  expect([second.code, second.stderr]).toEqual([2, expect.stringContaining(`Port ${port} of 127.0.0.1 is in use`)]);
  expect(await gateway.end('SIGINT')).toBe(0);
  expect([await isClosed(gateway.url), await isClosed(gateway.storeUrl)]).toEqual([true, true]);
});

test('SIGTERM lets an open stream end, and a changed file is taken without a restart', { timeout: 60_000 }, async () => {
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  await using provider = await startUpstream(respondStream(['hel', 'lo'], () => promise));
  const local = `${config.replace('routes:', `  local: { api: openai, base_url: "${provider.url}", allow_private: true }\nroutes:`).replace('providers: { sim: { api: simulated } }', 'providers:\n  sim: { api: simulated }')}`;
  await using place = new Workspace(local);
  const gateway = await place.serve();
  place.write('hindcast.yaml', local.replace('smart: [', 'added: local/slow, smart: ['));
  const ask = (model: string) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    });
  let stream = await ask('added');
  while (stream.status === 404) {
    await new Promise(wait => setTimeout(wait, 50));
    stream = await ask('added');
  }
  place.write('hindcast.yaml', 'routes: [');
  await expect.poll(gateway.output, { timeout: 5_000 }).toContain('the last valid one stays in force');
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(200);
  const ended = gateway.end('SIGTERM');
  await expect.poll(async () => (await fetch(`${gateway.url}/ready`)).status).toBe(503);
  goOn();
  expect(await stream.text()).toMatch(/"lo".*\[DONE\]\n\n$/s);
  expect(await ended).toBe(0);
});

test('a second signal does not wait for anybody', { timeout: 60_000 }, async () => {
  await using provider = await startUpstream(() => {});
  await using place = new Workspace(
    config.replace(
      '{ sim: { api: simulated } }',
      `\n  sim: { api: simulated }\n  local: { api: openai, base_url: "${provider.url}", allow_private: true }`,
    ),
  );
  const gateway = await place.serve();
  const requested = fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'local/x', messages: [{ role: 'user', content: 'hi' }] }),
  }).catch(() => undefined);
  await expect.poll(() => provider.requests.length).toBe(1);
  process.kill(gateway.pid, 'SIGTERM');
  await expect.poll(gateway.output).toContain('SIGTERM');
  const started = performance.now();
  expect([0, 130]).toContain(await gateway.end('SIGTERM'));
  expect(performance.now() - started).toBeLessThan(5_000);
  await requested;
});

test('what cannot be served is refused before anything is opened', { timeout: 60_000 }, async () => {
  await using place = new Workspace(config);
  for (const [args, reported] of [
    [['--port', '99999'], '--port must be'],
    [['--host', '0.0.0.0'], 'configure keys first'],
    [['--config', 'none.yaml'], 'none.yaml'],
    [['--nonsense'], 'unknown option'],
  ] as const) {
    const { code, stderr } = await place.run('serve', ...args);
    expect([code, stderr], args.join(' ')).toEqual([2, expect.stringContaining(reported)]);
  }
});
