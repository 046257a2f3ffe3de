/** Executes a new or resumed run: calls, journal, spool, store and the printed result. */
import { CommandError, exit, note, printResult } from '../../gateway/cli/command.ts';
import { usd } from '../../gateway/core/money/price.ts';
import { createReplayTelemetry } from '../../gateway/observability/replay-telemetry.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { httpUpstream } from '../../gateway/transport/upstream.ts';
import { openReplaySpool } from '../../recorder/process/replay-spool.ts';
import type { Store } from '../../recorder/store/store.ts';
import { dialectOf } from '../recorded/dialects.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { parseCount } from '../recorded/selection.ts';
import { replayedText } from '../report/run-result.ts';
import { Journal } from '../run/journal.ts';
import type { Pacing } from '../run/pacing.ts';
import { parseRates, rateLimits } from '../run/rate-limits.ts';
import { type CompletesFromRecord, recordedAnswerLookup } from '../run/recorded-answers.ts';
import { type ReplayPlan, replay } from '../run/replay.ts';
import type { ReplayResult } from '../run/result.ts';
import { journalPath, type RunManifest, runFolder } from '../run/run-folder.ts';
import { type RunRecord, writeRun } from '../run/run-table.ts';
import { SpendCap } from '../run/spend-cap.ts';
import { armsOf, parseShare, type ReplayOptions, transformsOf } from './prepare.ts';
import { progressPrinter } from './progress.ts';

export interface RunControlOptions {
  readonly speed: string;
  readonly maxGap?: string;
  readonly concurrency?: string;
  readonly repeat: string;
  readonly maxCost?: string;
  readonly maxDuration?: string;
  readonly rpm?: readonly string[];
  readonly tpm?: readonly string[];
  readonly mode: string;
  readonly onlyMissing?: boolean;
  readonly retryErrors?: boolean;
  readonly maxErrorRate?: string;
  readonly stopWhenDecided?: string;
}

export interface RunLimits {
  readonly pace: Pacing;
  readonly concurrency: number;
  readonly repeats: number;
  readonly cap: number;
  readonly durationMsMax: number | undefined;
  readonly rates: ReturnType<typeof rateLimits>;
  readonly errorRateMax: number | undefined;
}

/** Parses the limits of a run. Throws a CommandError for invalid values, before anything is read. */
export function runLimitsOf(options: RunControlOptions): RunLimits {
  if (options.mode !== 'live' && options.mode !== 'cached')
    throw new CommandError(exit.usage, `--mode ${options.mode}: write live, cached or simulated.`);
  return {
    pace: paceOf(options),
    concurrency:
      options.concurrency === undefined
        ? isPaced(options)
          ? concurrencyPaced
          : concurrencyDefault
        : parseCount(options.concurrency, '--concurrency'),
    repeats: parseCount(options.repeat, '--repeat'),
    cap: parseCap(options.maxCost),
    durationMsMax: options.maxDuration === undefined ? undefined : parseSpan(options.maxDuration, '--max-duration'),
    errorRateMax: options.maxErrorRate === undefined ? undefined : parseShare(options.maxErrorRate, '--max-error-rate'),
    rates: rateLimits(parseRates(options.rpm, '--rpm'), parseRates(options.tpm, '--tpm')),
  };
}

const concurrencyDefault = 8;
/** A paced run must not wait for responses. */
const concurrencyPaced = 512;

/** Whether requests wait for their recorded arrival times. */
export const isPaced = ({ speed }: Pick<RunControlOptions, 'speed'>): boolean => speed !== 'max';

/** Eval's gates, which the composition root passes in. */
export interface GateVerdicts {
  /** Rejects for a gate file that allows only one look at the data. */
  check(file: string): Promise<void>;
  /** The verdict on the stored data; undefined when it is inconclusive. */
  verdict(file: string, options: { readonly config?: string }): Promise<'pass' | 'fail' | undefined>;
}

export interface RunExecution {
  readonly store: Store;
  readonly settings: Settings;
  readonly manifest: RunManifest;
  readonly options: ReplayOptions & RunControlOptions;
  readonly limits: RunLimits;
  readonly requests: readonly RecordedRequest[];
  readonly completesFromRecord: CompletesFromRecord;
  readonly gateVerdicts?: GateVerdicts | undefined;
  readonly turns?: ReplayPlan['turns'];
}

/** Executes the run and prints its result; resolves to the exit code. */
export async function executeRun(work: RunExecution): Promise<number> {
  const { settings, manifest, options, limits, store, requests } = work;
  const upstream = httpUpstream();
  const spool = openReplaySpool(settings, manifest.run);
  const journal = new Journal(journalPath(runFolder(settings.store.path, manifest.run)), settings.recorder.durability === 'power');
  const telemetry = createReplayTelemetry(settings, process.env, note);
  const stop = new AbortController();
  const enough = new AbortController();
  const checkGate = gateChecker(work, enough);
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const timer = limits.durationMsMax === undefined ? undefined : setTimeout(interrupt, limits.durationMsMax);
  try {
    const spendCap = new SpendCap(limits.cap, journal.progress.spent);
    const runRow = runOf(work, requests);
    await writeRun(store, runRow);
    const progress = progressPrinter(manifest.jobs, journal.progress.done, spendCap);
    const replayed = await replay({
      run: manifest.run,
      requests,
      arms: armsOf(options, settings, spool.sink, upstream),
      pace: limits.pace,
      concurrency: limits.concurrency,
      repeats: limits.repeats,
      spendCap,
      clock: wallClock,
      dialectOf,
      journal,
      ...{ turns: work.turns, retryErrors: options.retryErrors === true },
      transforms: transformsOf(options),
      limits: limits.rates,
      ...(limits.errorRateMax === undefined ? {} : { errorRateMax: limits.errorRateMax }),
      ...(options.onlyMissing || options.mode === 'cached'
        ? { record: { lookup: recordedAnswerLookup(store, manifest.run, work.completesFromRecord), only: options.mode === 'cached' } }
        : {}),
      ...{ stop: stop.signal, enough: enough.signal },
      onExchange: (exchange, context) => {
        telemetry.record(exchange, context);
        progress();
        checkGate();
      },
    });
    if (!(await spool.closeAndDrain())) note('The store is behind; the rest of the run will be written later.');
    const { done, failed, spent, lost, lostWorst } = journal.progress;
    const state = replayed.stoppedBy === undefined ? 'finished' : 'interrupted';
    await writeRun(store, { ...runRow, state, finishedAt: wallClock.now(), done, failed: failed + replayed.skipped.length, spent });
    printReplayed(options, manifest.run, replayed, { lost, lostWorst });
    return codeOf(replayed);
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    journal.close();
    await spool.sink.close();
    await Promise.all([upstream.close(), telemetry.close()]);
  }
}

function printReplayed(
  options: ReplayOptions,
  run: string,
  replayed: ReplayResult,
  lost: { readonly lost: number; readonly lostWorst: number },
): void {
  const money = { spent_usd: usd(replayed.spent), saved_usd: usd(replayed.saved) };
  printResult(options, { run, ...replayed, ...money, possibly_billed_twice: lost.lost }, () => replayedText(run, replayed, lost));
}

/** Calls between two checks of the gate. */
const gateCheckEvery = 25;

/** Checks the gate every 25 calls, never twice at once. After a failed check the next one tries again. */
function gateChecker({ gateVerdicts, options }: RunExecution, enough: AbortController): () => void {
  const file = options.stopWhenDecided;
  if (file === undefined || !gateVerdicts) return () => {};
  let [calls, isChecking, hasFailed] = [0, false, false];
  return () => {
    if (++calls % gateCheckEvery !== 0 || isChecking || enough.signal.aborted) return;
    isChecking = true;
    gateVerdicts
      .verdict(file, options.config === undefined ? {} : { config: options.config })
      .catch((problem: unknown) => {
        if (!hasFailed) note(`${file} cannot be checked yet: ${problem instanceof Error ? problem.message : String(problem)}`);
        hasFailed = true;
        return undefined;
      })
      .then(verdict => {
        isChecking = false;
        if (verdict === undefined || enough.signal.aborted) return;
        note(`${file}: ${verdict.toUpperCase()}, decided by the data so far.`);
        enough.abort();
      });
  };
}

function runOf({ manifest, settings }: RunExecution, requests: readonly RecordedRequest[]): RunRecord {
  const uneven = requests.flatMap(({ id, weight }) => (weight === undefined || weight === 1 ? [] : [[id, weight] as const]));
  return {
    id: manifest.run,
    kind: 'replay',
    arms: Object.keys(manifest.arms),
    state: 'running',
    createdAt: manifest.createdAt,
    configHash: settings.hash,
    manifest: {
      options: manifest.options,
      requests: requests.length,
      ...(uneven.length > 0 ? { weights: Object.fromEntries(uneven) } : {}),
    },
    selected: manifest.jobs,
    done: 0,
    failed: 0,
    spent: 0,
  };
}

function codeOf({ stoppedBy, asked, answered, before }: ReplayResult): number {
  if (stoppedBy === 'interrupt') return exit.interrupted;
  if (stoppedBy === 'cap' || stoppedBy === 'errors') return exit.incomplete;
  if (asked === 0 && before > 0) return exit.pass;
  if (asked === 0) return exit.nothing;
  return answered === 0 ? exit.incomplete : exit.pass;
}

function paceOf({ speed, maxGap }: RunControlOptions): Pacing {
  const factor = speed === 'max' ? Number.POSITIVE_INFINITY : Number(/^(\d+(?:\.\d+)?)x?$/.exec(speed)?.[1]);
  if (!(factor > 0)) throw new CommandError(exit.usage, `--speed ${speed}: write 1x, 4x, 0.5x or max.`);
  return maxGap === undefined ? { speed: factor } : { speed: factor, gapMsMax: parseSpan(maxGap, '--max-gap') };
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

function parseSpan(text: string, flag: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  if (amount === undefined) throw new CommandError(exit.usage, `${flag} ${text}: write a span such as 500ms, 2s or 1m.`);
  return Number(amount) * unitMs[unit as keyof typeof unitMs];
}

/** Nano-dollars of --max-cost; Infinity without it. Throws a CommandError for other text. */
export function parseCap(maxCost: string | undefined): number {
  if (maxCost === undefined) return Number.POSITIVE_INFINITY;
  const dollars = Number(maxCost.replace(/^\$/, ''));
  if (!(dollars >= 0)) throw new CommandError(exit.usage, `--max-cost ${maxCost}: write an amount in USD, such as 5 or 0.50.`);
  return Math.round(dollars * 1e9);
}
