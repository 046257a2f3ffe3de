import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { wallClock } from '../../gateway/settings/clock.ts';

const standStillMs = 60;

test('a timer that is late because the loop stood still fires after what came meanwhile was read', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const reader = connect(port, '127.0.0.1');
  await once(reader, 'connect');
  const [writer] = await accepted;
  const order: string[] = [];
  reader.on('data', () => order.push('read'));
  const fired = Promise.withResolvers<void>();
  wallClock.at(wallClock.now() + 5, () => {
    order.push('fired');
    fired.resolve();
  });
  writer.write('x');
  const until = performance.now() + standStillMs;
  while (performance.now() < until);
  await fired.promise;
  expect(order).toEqual(['read', 'fired']);
  reader.destroy();
  writer.destroy();
  server.close();
});

test('a late timer can still be cancelled before it fires', async () => {
  let hasFired = false;
  const cancel = wallClock.at(wallClock.now() + 5, () => {
    hasFired = true;
  });
  // Of the same turn, but behind it: it runs when the timer above is due and waits for the sockets.
  setTimeout(cancel, 6);
  const until = performance.now() + standStillMs;
  while (performance.now() < until);
  await new Promise(resolve => setTimeout(resolve, 5));
  expect(hasFired).toBe(false);
});
