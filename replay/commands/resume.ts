/** `hindcast replay resume` and `hindcast replay status`. */

import { join } from 'node:path';
import { CommandError, exit, note, printResult, table } from '../../gateway/cli/command.ts';
import { usd } from '../../gateway/core/money/price.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { isLocked } from '../../recorder/files/lock.ts';
import { openStore } from '../../recorder/process/open-store.ts';
import { openReplaySpool } from '../../recorder/process/replay-spool.ts';
import type { Store } from '../../recorder/store/store.ts';
import { turnsOf } from '../recorded/turns.ts';
import { money } from '../report/format.ts';
import { type Job, Journal, progressOf } from '../run/journal.ts';
import type { CompletesFromRecord } from '../run/recorded-answers.ts';
import { journalPath, latestRun, lockRun, type OpenRun, type RunManifest, readRun, runFolder } from '../run/run-folder.ts';
import { executeRun, type GateVerdicts, runLimitsOf } from './execute-run.ts';
import { armsOf, loadRunRequests, settingsFor, toolMatchingOf } from './prepare.ts';
import { discardingSink, type RunOptions } from './run.ts';

export interface ResumeOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly concurrency?: string;
  readonly maxCost?: string;
  readonly maxDuration?: string;
  readonly retryErrors?: boolean;
}

/** Sends the remaining calls of a run; resolves to the exit code. */
export async function resumeRun(
  name: string,
  options: ResumeOptions,
  completesFromRecord: CompletesFromRecord,
  gateVerdicts?: GateVerdicts,
): Promise<number> {
  const settings = settingsFor(options);
  const open = readRun(settings.store.path, runIdOf(settings, name));
  const lock = lockRun(open.folder, open.manifest.run);
  process.send?.({ run: open.manifest.run });
  try {
    const all = { ...(open.manifest.options as RunOptions), ...options };
    requireSameConfiguration(open.manifest, all, settings);
    const store = await openStore(settings);
    try {
      const matching = toolMatchingOf(all);
      await reconcileJournal(store, settings, open, matching !== undefined);
      const requests = await loadRunRequests(store, open.items);
      if (requests.length < open.items.length)
        note(`${open.items.length - requests.length} requests of the run are no longer in the store.`);
      const turns = matching && { of: (await turnsOf(store, requests)).of, matching };
      return await executeRun({
        ...{
          store,
          settings,
          manifest: open.manifest,
          options: all,
          limits: runLimitsOf(all),
          requests,
          completesFromRecord,
          gateVerdicts,
        },
        ...(turns ? { turns } : {}),
      });
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

/** A run under two configurations would compare nothing, so each arm must have its original config hash. */
function requireSameConfiguration(manifest: RunManifest, options: RunOptions, settings: Settings): void {
  for (const { name, configHash } of armsOf(options, settings, discardingSink)) {
    const original = manifest.arms[name];
    if (original === configHash) continue;
    throw new CommandError(
      exit.usage,
      `The configuration of ${name} has changed since the run began (${original}, now ${configHash}). Restore it, or start a new run.`,
    );
  }
}

/** Completes the journal of a process that died: calls with a sealed record are done, its other open calls are lost. */
async function reconcileJournal(store: Store, settings: Settings, { folder, manifest }: OpenRun, isTurns: boolean): Promise<void> {
  const journal = new Journal(journalPath(folder), settings.recorder.durability === 'power');
  try {
    const open = journal.open;
    if (open.length === 0) return;
    // A sealed record may be only the beginning of a turn, so the turn is sent again.
    if (isTurns) return journal.giveUp();
    // Opening the spool closes its open segments. Once it is drained, the store has every sealed record.
    await openReplaySpool(settings, manifest.run).closeAndDrain();
    const keyOf = ({ request, arm, repeat }: Job): string => JSON.stringify([request, arm, repeat]);
    const rows = await store.select<{ request: string; arm: string; repeat: number; outcome: string; cost_nano: number }>(
      `SELECT request_id AS request, arm, repeat_no AS repeat, outcome, toFloat64(cost_usd) * 1000000000 AS cost_nano FROM replay_results FINAL WHERE run_id = {run: String}`,
      { run: manifest.run },
    );
    const stored = new Map(rows.map(row => [keyOf(row), row]));
    for (const job of open) {
      const row = stored.get(keyOf(job));
      if (row) journal.settle(job, row.outcome, Math.round(row.cost_nano));
    }
    journal.giveUp();
  } finally {
    journal.close();
  }
}

/** Prints the progress of a run from its journal. */
export function statusOf(name: string, options: { readonly config?: string; readonly json?: boolean }): void {
  const settings = settingsFor(options);
  const run = runIdOf(settings, name);
  const { folder, manifest, items } = readRun(settings.store.path, run);
  const progress = progressOf(journalPath(folder));
  const isRunning = isLocked(join(folder, 'lock'));
  const left = Math.max(0, manifest.jobs - progress.done);
  const state = isRunning ? 'running' : left === 0 ? 'finished' : 'interrupted';
  const cap = (manifest.options as RunOptions).maxCost;
  const status = {
    run,
    state,
    arms: Object.keys(manifest.arms),
    requests: items.length,
    jobs: manifest.jobs,
    done: progress.done,
    failed: progress.failed,
    left,
    under_way: isRunning ? progress.open : 0,
    possibly_billed_twice: progress.lost + (isRunning ? 0 : progress.open),
    spent_usd: usd(progress.spent),
    ...(cap === undefined ? {} : { max_cost_usd: Number(cap.replace(/^\$/, '')) }),
  };
  printResult(options, status, () =>
    [
      `Run ${run}: ${state}, ${progress.done} of ${manifest.jobs} done, ${left} left.`,
      table(
        ['failed', 'in flight', 'possibly billed twice', 'spent'],
        [[`${status.failed}`, `${status.under_way}`, `${status.possibly_billed_twice}`, money(progress.spent)]],
      ),
      ...(state === 'interrupted' ? [`To resume: hindcast replay resume ${run}`] : []),
    ].join('\n\n'),
  );
}

function runIdOf(settings: Settings, name: string): string {
  if (name !== 'latest') return name;
  const latest = latestRun(settings.store.path);
  if (latest) return latest;
  throw new CommandError(
    exit.nothing,
    `There is no run in ${runFolder(settings.store.path, '')}: create one with hindcast replay run --since 1h --against provider/model.`,
  );
}
