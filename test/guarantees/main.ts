/**
 * `npm run guarantees [-- --runs N] [--only text] [--workers N]`: every promise of the statistics on data sets whose truth is known. Prints
 * generator, claim, nominal, measured, runs and Monte Carlo standard error; exits with 1 when one is broken. Without `--runs` each
 * has its own number of data sets, 500 to 2,000.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { guarantees } from './all.ts';
import { type Measurement, measure } from './guarantee.ts';

interface Job {
  readonly indexes: readonly number[];
  readonly runs?: number;
}

/** A measurement as it crosses threads: without the function. */
type Told = Omit<Measurement, 'guarantee'> & { readonly index: number; readonly seconds: number };

if (isMainThread) await measureAll();
else measureJob(workerData as Job);

function measureJob({ indexes, runs }: Job): void {
  for (const index of indexes) {
    const begun = performance.now();
    const { guarantee, ...rest } = measure(guarantees[index]!, runs ?? guarantees[index]!.runs ?? 1_000);
    parentPort!.postMessage({ ...rest, index, seconds: (performance.now() - begun) / 1000 } satisfies Told);
  }
}

async function measureAll(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: 'string' }, only: { type: 'string' }, workers: { type: 'string', default: '2' } },
  });
  const chosen = guarantees.flatMap(({ generator, claim }, index) => (`${generator}: ${claim}`.includes(values.only ?? '') ? [index] : []));
  const count = Math.max(1, Number(values.workers));
  const reports: Told[] = [];
  const jobs = Array.from({ length: count }, (_, w) => chosen.filter((_, k) => k % count === w));
  const tty = process.stderr.isTTY;
  await Promise.all(
    jobs.map(
      indexes =>
        new Promise<void>((done, failed) => {
          const worker = new Worker(new URL(import.meta.url), {
            workerData: { indexes, ...(values.runs && { runs: Number(values.runs) }) } satisfies Job,
          });
          worker.on('message', (one: Told) => {
            reports.push(one);
            process.stderr.write(`${tty ? '\r' : ''}${reports.length} of ${chosen.length}${tty ? '' : '\n'}`);
          });
          worker.on('error', failed).on('exit', () => done());
        }),
    ),
  );
  process.stdout.write(table(reports.sort((a, b) => a.index - b.index)));
  if (reports.some(one => !one.isKept)) process.exitCode = 1;
}

function table(reports: readonly Told[]): string {
  const percent = (share: number): string => (Number.isNaN(share) ? '–' : (share * 100).toFixed(2));
  const head = ['generator', 'claim', 'what', 'nominal %', 'measured %', 'SE', 'printed', 'runs', 's', ''];
  const rows = reports.map(({ index, rate, standardError, printed, runs, seconds, isKept }) => {
    const { generator, claim, kind, nominal } = guarantees[index]!;
    const nominalText = kind === 'told' ? '–' : percent(nominal);
    return [
      generator,
      claim,
      kind,
      nominalText,
      percent(rate),
      percent(standardError),
      `${printed}`,
      `${runs}`,
      seconds.toFixed(0),
      isKept ? 'kept' : 'BROKEN',
    ];
  });
  const lines = [head, ...rows].map(cells => `| ${cells.join(' | ')} |`);
  lines.splice(1, 0, `|${head.map((_, k) => (k < 3 || k === head.length - 1 ? '---' : '--:')).join('|')}|`);
  const broken = reports.filter(one => !one.isKept).length;
  const seconds = reports.reduce((total, one) => total + one.seconds, 0);
  return `${lines.join('\n')}\n\n${reports.length} promises, ${broken} broken; ${(seconds / 60).toFixed(1)} minutes of one core.\n`;
}
