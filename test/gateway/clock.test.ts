import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wallClock } from '../../gateway/settings/clock.ts';
import { CoarseTimers } from '../../gateway/settings/coarse-timers.ts';
import { VirtualClock } from '../virtual-clock.ts';

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

test('distant calls that share a timer fire in the order of their instants, without those that were cancelled', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(300), fc.option(fc.nat(20)))), calls => {
      const clock = new VirtualClock();
      const timers = new CoarseTimers((instant, fire) => clock.at(instant, fire));
      const cancelled = new Set<number>();
      const fired: number[] = [];
      const cancels = calls.map(([at], i) => timers.at(at, () => fired.push(i)));
      for (const [i, [, other]] of calls.entries()) {
        if (other === null || other >= calls.length) continue;
        cancels[other]!();
        cancels[other]!();
        cancelled.add(other);
        if (i % 3 === 0) timers.at(calls[other]![0], () => fired.push(-1))();
      }
      clock.run();
      const expected = calls
        .map(([at], i) => ({ at, i }))
        .filter(({ i }) => !cancelled.has(i))
        .sort((a, b) => a.at - b.at);
      expect(fired).toEqual(expected.map(({ i }) => i));
      expect(clock.waiting).toBe(0);
    }),
  ));
