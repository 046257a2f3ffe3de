/** `npm run money`: prints how budgets hold under bursts and faults, and how prices agree with bills; fails when a budget is overspent or stays locked. */
import Table from 'cli-table3';
import { hasRedis } from '../budgets/redis.ts';
import { runTrial, type Trial, type TrialResult } from './concurrency.ts';
import { scorePrices, type VendorScore } from './price-oracle.ts';

const trials: readonly Trial[] = [
  { backend: 'sqlite', burst: 200, fault: 'none' },
  { backend: 'sqlite', burst: 1000, fault: 'none' },
  { backend: 'sqlite, 2 workers', burst: 1000, fault: 'none' },
  ...(hasRedis
    ? ([
        { backend: 'redis, 2 gateways', burst: 200, fault: 'none' },
        { backend: 'redis, 2 gateways', burst: 1000, fault: 'none' },
        { backend: 'redis, 2 gateways', burst: 1000, fault: 'redis paused 2.5 s' },
        { backend: 'redis, 2 gateways', burst: 1000, fault: 'redis killed, restarted' },
        { backend: 'redis, 2 gateways', burst: 1000, fault: 'redis restarted empty' },
        { backend: 'redis, 2 gateways', burst: 1000, fault: 'gateway killed' },
      ] as const)
    : []),
];

const only = process.argv[2];
const plain = { style: { head: [], border: [] } };
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const table = new Table({
  head: ['backend', 'burst', 'fault', 'affordable', 'let in', 'over', 'falsely refused', '503', 'locked after 60 s'],
  ...plain,
});
let failed = 0;
for (const trial of only === 'prices' ? [] : trials) {
  process.stderr.write(`${trial.backend}, ${trial.burst} at once, ${trial.fault} ...\n`);
  const result: TrialResult = await runTrial(trial);
  table.push([
    ...[
      result.backend,
      result.burst,
      result.fault,
      result.affordable,
      result.letIn,
      result.over,
      result.falselyRefused,
      result.unavailable,
    ],
    percent(result.lockedShare),
  ]);
  if (result.over > 0 || result.falselyRefused > result.affordable / 100 || result.lockedShare > 0) failed += 1;
}
if (only !== 'prices') process.stdout.write(`${table.toString()}\n\n`);

const scores = only === 'budgets' ? undefined : await scorePrices(process.env.HINDCAST_RECORDINGS);
if (scores) {
  const prices = new Table({ head: ['vendor', 'bills', 'as stated', 'by our table, within 1 %', 'no price'], ...plain });
  for (const { vendor, bills, stated, counted, unknown } of scores) prices.push([vendor, bills, stated, counted, unknown]);
  const sum = (of: (score: VendorScore) => number): number => scores.reduce((total, score) => total + of(score), 0);
  prices.push(['all', sum(s => s.bills), sum(s => s.stated), sum(s => s.counted), sum(s => s.unknown)]);
  process.stdout.write(`${prices.toString()}\n`);
}
process.exitCode = failed > 0 ? 1 : 0;
