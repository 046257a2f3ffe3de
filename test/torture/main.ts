/** `npm run torture`: kills and troubles as long as one likes, and what came of them. Ends with 1 when anything was lost or doubled. */
import { parseArgs } from 'node:util';
import { diskFull, smallDisk, storeDown } from './outages.ts';
import { killRounds } from './rounds.ts';

const usage = `npm run torture -- [options]
  --rounds N     rounds of load with a kill in each, half with the embedded store, half with one apart (default: 24)
  --seed TEXT    decides the moments (default: the time)
  --outage N     seconds without a store (default: 60; 0 leaves it out)
  --no-disk      without the full disk, which needs the right to mount a tmpfs
  --verbose      what the processes say
`;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '24' },
    seed: { type: 'string', default: new Date().toISOString() },
    outage: { type: 'string', default: '60' },
    'no-disk': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const log = (line: string): void => {
  if (options.verbose) process.stderr.write(`${line}\n`);
};

const failures: string[] = [];
const check = (what: string, holds: boolean): void => {
  if (!holds) failures.push(what);
};

async function rounds(): Promise<void> {
  const each = Math.max(1, Math.round(Number(options.rounds) / 2));
  for (const store of ['embedded', 'apart'] as const) {
    const {
      kills,
      acknowledged,
      broken,
      drained,
      stored,
      lost,
      duplicates,
      whole: complete,
    } = await killRounds({
      rounds: each,
      seed: options.seed,
      store,
      log,
    });
    print(
      `store ${store}: rounds ${each}, kills ${Object.values(kills).reduce((sum, n) => sum + n)} (gateway ${kills.gateway}, recorder ${kills.recorder}, ` +
        `engine ${store === 'embedded' ? 'with it' : kills.engine}), acknowledged ${acknowledged}, broken off ${broken}, stored ${stored}, ` +
        `duplicates ${duplicates}, lost = ${lost.length}`,
    );
    check(`${store}: lost ${lost.join(' ')}`, lost.length === 0);
    check(`${store}: duplicates`, duplicates === 0);
    check(`${store}: not everything was delivered, or rows and sums disagree`, drained && complete);
  }
}

async function outage(): Promise<void> {
  const { seconds, acknowledged, refused, others, grownBytes, deliveredSeconds, lost, duplicates } = await storeDown(
    Number(options.outage),
    log,
  );
  print(
    `store down for ${seconds} s: acknowledged ${acknowledged}, refused ${refused + others.length}, memory +${(grownBytes / 2 ** 20).toFixed(1)} MiB, ` +
      `delivered ${deliveredSeconds.toFixed(1)} s after, duplicates ${duplicates}, lost = ${lost.length}`,
  );
  check('store down: somebody was refused', refused + others.length === 0);
  check('store down: memory grew by 64 MiB or more', grownBytes < 64 * 2 ** 20);
  check('store down: delivery took a minute or more', deliveredSeconds < 60);
  check('store down: lost or doubled', lost.length + duplicates === 0);
}

async function full(): Promise<void> {
  for (const whenFull of ['refuse', 'drop'] as const) {
    const disk = smallDisk(8);
    if (typeof disk === 'string') return print(`disk full: skipped, ${disk}`);
    try {
      const { acknowledged, refused, others, dropped, recovered, lost, duplicates } = await diskFull(disk.path, whenFull, log);
      print(
        `disk full, when_full ${whenFull}: acknowledged ${acknowledged}, refused ${refused}, dropped and counted ${dropped}, ` +
          `${recovered ? 'recovered unaided' : 'NOT RECOVERED'}, duplicates ${duplicates}, lost without being counted = ${lost.length - (whenFull === 'drop' ? dropped : 0)}`,
      );
      check(`disk full (${whenFull}): other answers ${others.join(' ')}`, others.length === 0);
      check(`disk full (${whenFull}): did not recover`, recovered);
      check(`disk full (${whenFull}): lost or doubled`, duplicates === 0 && lost.length === (whenFull === 'drop' ? dropped : 0));
    } finally {
      disk.unmount();
    }
  }
}

if (options.help) print(usage);
else {
  print(`seed ${options.seed}`);
  await rounds();
  if (Number(options.outage) > 0) await outage();
  if (!options['no-disk']) await full();
  for (const failure of failures) print(`FAILED: ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
