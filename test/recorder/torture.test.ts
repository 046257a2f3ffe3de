/** A little of `npm run torture` with every push; all of it is run by hand or with HINDCAST_LONG. */
import { describe, expect, test } from 'vitest';
import { diskFull, smallDisk, storeDown } from '../torture/outages.ts';
import { killRounds } from '../torture/rounds.ts';
import { engineMissing } from './running-engine.ts';

const long = Boolean(process.env.HINDCAST_LONG);
const seed = process.env.HINDCAST_SEED ?? 'torture';
const disk = engineMissing ? 'no engine' : smallDisk(8);
const noDisk = typeof disk === 'string' ? ` (skipped: ${disk})` : '';
if (typeof disk !== 'string') disk.unmount();

// They mostly wait, each for processes of its own.
describe.skipIf(engineMissing).concurrent(`torture${engineMissing}`, () => {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);

  test('gateway and store killed under load: every answer that was seen to its end is in the store exactly once', {
    timeout: 180_000 + (long ? 600_000 : 0),
  }, async ({ onTestFailed, expect }) => {
    onTestFailed(() => console.error(`HINDCAST_SEED=${seed}\n${lines.join('\n')}`));
    const {
      lost,
      duplicates,
      whole: complete,
      drained,
      acknowledged,
      kills,
    } = await killRounds({
      rounds: long ? 25 : 2,
      seed,
      store: 'apart',
      log,
    });
    expect({ lost, duplicates, whole: complete, drained }).toEqual({ lost: [], duplicates: 0, whole: true, drained: true });
    expect([acknowledged > 15, kills.gateway > 0, kills.engine > 0]).toEqual([true, true, true]);
  });

  // With every push, test/recorder/process has a store that is away at the start, and the rounds above one that is killed.
  test.skipIf(!long)(
    'a store that is away for a while: nobody is refused, memory stays, all is delivered afterwards',
    { timeout: 240_000 },
    async ({ expect }) => {
      const { refused, others, grownBytes, lost, duplicates, deliveredSeconds, acknowledged } = await storeDown(60, log);
      expect({ refused, others, lost, duplicates }).toEqual({ refused: 0, others: [], lost: [], duplicates: 0 });
      expect(acknowledged).toBeGreaterThan(0);
      expect(grownBytes).toBeLessThan(64 * 2 ** 20);
      expect(deliveredSeconds).toBeLessThan(60);
    },
  );

  test.skipIf(noDisk).each(long ? (['refuse', 'drop'] as const) : (['refuse'] as const))(
    `a full disk with when_full %s loses nothing that is not counted, and it goes on by itself${noDisk}`,
    { timeout: 240_000 },
    async whenFull => {
      const small = smallDisk(8);
      if (typeof small === 'string') throw new Error(small);
      try {
        const { lost, duplicates, others, dropped, refused, recovered } = await diskFull(small.path, whenFull, log);
        expect({ duplicates, others, recovered, lost: lost.length }).toEqual({
          duplicates: 0,
          others: [],
          recovered: true,
          lost: whenFull === 'drop' ? dropped : 0,
        });
        expect(whenFull === 'drop' ? dropped : refused).toBeGreaterThan(0);
      } finally {
        small.unmount();
      }
    },
  );
});
