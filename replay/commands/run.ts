/** `hindcast replay run`. */
import { randomBytes } from 'node:crypto';
import { CommandError, exit, note, result } from '../../gateway/cli.ts';
import { wallClock } from '../../gateway/clock.ts';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { usd } from '../../gateway/core/price.ts';
import type { Settings } from '../../gateway/settings.ts';
import { httpUpstream } from '../../gateway/upstream.ts';
import { openStore } from '../../recorder/open.ts';
import { openReplaySpool } from '../../recorder/replay-spool.ts';
import type { Store } from '../../recorder/store.ts';
import { dialectOf } from '../dialects.ts';
import type { Pace } from '../pace.ts';
import { Purse } from '../purse.ts';
import { type Replayed, replay } from '../replay.ts';
import { money, replayedText } from '../report.ts';
import { newRunId, type Run, writeRun } from '../runs.ts';
import { parseCount } from '../selection.ts';
import { armsOf, type ReplayOptions, selected, settingsFor } from './prepare.ts';

export interface RunOptions extends ReplayOptions {
  readonly speed: string;
  readonly maxGap?: string;
  readonly concurrency: string;
  readonly repeat: string;
  readonly maxCost?: string;
}

export async function runReplay(options: RunOptions): Promise<number> {
  const settings = settingsFor(options);
  const limits = {
    pace: paceOf(options),
    concurrency: parseCount(options.concurrency, '--concurrency'),
    repeats: parseCount(options.repeat, '--repeat'),
  };
  const purse = new Purse(capOf(options.maxCost));
  const store = await openStore(settings);
  try {
    return await runWith(store, settings, options, limits, purse);
  } finally {
    await store.close();
  }
}

type Limits = { readonly pace: Pace; readonly concurrency: number; readonly repeats: number };

async function runWith(store: Store, settings: Settings, options: RunOptions, limits: Limits, purse: Purse): Promise<number> {
  const requests = await selected(store, options);
  const id = newRunId(wallClock.now(), randomBytes(2).toString('hex'));
  const upstream = httpUpstream();
  const spool = openReplaySpool(settings, id);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const arms = armsOf(options, settings, spool.sink, upstream);
    const total = requests.length * arms.length * limits.repeats;
    const begun: Run = {
      id,
      arms: arms.map(arm => arm.name),
      state: 'running',
      createdAt: wallClock.now(),
      configHash: settings.hash,
      manifest: { options, requests: requests.length },
      selected: total,
      done: 0,
      failed: 0,
      spent: 0,
    };
    await writeRun(store, begun);
    const progress = progressOf(total, purse);
    const replayed = await replay({
      run: id,
      requests,
      arms,
      ...limits,
      purse,
      clock: wallClock,
      dialectOf,
      stop: stop.signal,
      onExchange: progress,
    });
    if (!(await spool.settled())) note('The store is behind; what is missing of the run will be there later.');
    const state = replayed.stoppedBy === undefined ? 'finished' : 'interrupted';
    const failed = replayed.asked - replayed.answered + replayed.skipped.length;
    await writeRun(store, { ...begun, state, finishedAt: wallClock.now(), done: replayed.asked, failed, spent: replayed.spent });
    result(options, { run: id, ...replayed, spent_usd: usd(replayed.spent) }, () => replayedText(id, replayed));
    return codeOf(replayed);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await spool.sink.close();
    await upstream.close();
  }
}

function codeOf({ stoppedBy, asked, answered }: Replayed): number {
  if (stoppedBy === 'interrupt') return exit.interrupted;
  if (stoppedBy === 'cap') return exit.incomplete;
  if (asked === 0) return exit.nothing;
  return answered === 0 ? exit.incomplete : exit.pass;
}

/** One line a second on a terminal, and silence elsewhere. */
function progressOf(total: number, purse: Purse): (exchange: Exchange) => void {
  let done = 0;
  let toldAt = 0;
  return () => {
    done++;
    if (!process.stderr.isTTY || (wallClock.now() - toldAt < 1_000 && done < total)) return;
    toldAt = wallClock.now();
    note(`${done} of ${total}, ${money(purse.spent)}`);
  };
}

function paceOf({ speed, maxGap }: RunOptions): Pace {
  const factor = speed === 'max' ? Number.POSITIVE_INFINITY : Number(/^(\d+(?:\.\d+)?)x?$/.exec(speed)?.[1]);
  if (!(factor > 0)) throw new CommandError(exit.usage, `--speed ${speed}: write 1x, 4x, 0.5x or max.`);
  if (maxGap === undefined) return { speed: factor };
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(maxGap) ?? [];
  if (amount === undefined) throw new CommandError(exit.usage, `--max-gap ${maxGap}: write a span such as 500ms, 2s or 1m.`);
  return { speed: factor, gapMsMax: Number(amount) * { ms: 1, s: 1_000, m: 60_000 }[unit as 'ms' | 's' | 'm'] };
}

function capOf(maxCost: string | undefined): number {
  if (maxCost === undefined) return Number.POSITIVE_INFINITY;
  const dollars = Number(maxCost.replace(/^\$/, ''));
  if (!(dollars >= 0)) throw new CommandError(exit.usage, `--max-cost ${maxCost}: write an amount in USD, such as 5 or 0.50.`);
  return Math.round(dollars * 1e9);
}
