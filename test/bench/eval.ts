/**
 * `npm run bench:eval`: a sweep, a certificate and a simulation over requests of three targets, in seconds, requests per second of one core, and
 * the most memory so far. `npm run bench:eval -- 1000000` is a million requests.
 */
import { certify } from '../../eval/certify/certify.ts';
import { completeItems, type Item, type Outcome } from '../../eval/outcomes/outcomes.ts';
import { OutcomeTable } from '../../eval/outcomes/table.ts';
import { type Chain, chainOf, withThresholds } from '../../eval/policies/chain.ts';
import { simulatePair } from '../../eval/simulation/backtest.ts';
import { sweep } from '../../eval/sweep/sweep.ts';
import { randomGenerator } from '../../statistics/index.ts';

const sizes = (process.argv[2] ?? '25000,50000,100000').split(',').map(Number);
const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

/** Four requests a conversation; each target is right with a chance that its confidence tells. */
function population(n: number): Item[] {
  const draw = randomGenerator(1);
  const outcome = (cost: number, worth: number): Outcome => {
    const sure = draw();
    const quality = draw() < Math.min(1, 0.5 + sure / 2 + worth) ? 1 : 0;
    return { quality, signals: { mean_logprob: sure }, costNanoUsd: cost, latencyMs: 200 + draw() * cost, firstTokenMs: 100 };
  };
  const table = new OutcomeTable();
  const item = (i: number): Item => ({
    id: `q${String(i).padStart(7, '0')}`,
    cluster: `c${i >> 2}`,
    outcomes: new Map([
      ['small', outcome(1_000, 0)],
      ['middle', outcome(4_000, 0.1)],
      ['large', outcome(20_000, 0.4)],
    ]),
  });
  return Array.from({ length: n }, (_, i) => table.add(item(i)));
}

const timed = <Result>(name: string, n: number, work: () => Result): Result => {
  const [started, spent] = [performance.now(), process.cpuUsage()];
  const result = work();
  const seconds = (performance.now() - started) / 1000;
  // On a busy machine the wall's time says little; the garbage collector's threads count here as well.
  const { user, system } = process.cpuUsage(spent);
  console.log(
    `${String(n).padStart(7)} requests   ${name.padEnd(22)} ${seconds.toFixed(2).padStart(6)} s   cpu ${((user + system) / 1e6).toFixed(2).padStart(6)} s   ${Math.round(
      (n / (user + system)) * 1e6,
    )
      .toLocaleString('en')
      .padStart(9)} requests/s and core   most memory ${mebibytes(process.resourceUsage().maxRSS * 1024)}`,
  );
  return result;
};

for (const n of sizes) {
  const items = timed('made', n, () => population(n));
  for (const text of ['small,large', 'small,middle,large']) {
    const chain = chainOf(text, new Map()) as Chain;
    timed(`sweep ${chain.targets.length}`, n, () =>
      sweep(chain, { items, label: '', notes: [] }, { signal: 'confidence', confidence: 0.95 }),
    );
    const kept = completeItems(items, chain.targets);
    const { certified } = timed(`certify ${chain.targets.length}`, n, () =>
      certify(chain, kept, { signal: 'confidence', loss: 'harm', lossMax: 0.05, confidence: 0.95, seed: 0 }),
    );
    const at = (thresholds: readonly number[]): Chain => ({ ...chain, policy: withThresholds(chain, thresholds, 'confidence') });
    const strict = chain.targets.slice(1).map(() => 0.9);
    timed(`simulate ${chain.targets.length}`, n, () =>
      simulatePair(at(strict), at(strict.map(() => 0.5)), { items, label: '', notes: [] }, { confidence: 0.95, error: undefined }),
    );
    if (!certified) throw new Error('nothing was certified: the benchmark measured too little');
  }
}
