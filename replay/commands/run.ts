/** `hindcast replay run`. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { CommandError, exit, note } from '../../gateway/cli/command.ts';
import { type ExchangeSink, seal } from '../../gateway/core/exchange.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { openStore } from '../../recorder/process/open-store.ts';
import { turnsOf } from '../recorded/turns.ts';
import { money } from '../report/format.ts';
import { armPlanOf } from '../run/cost-plan.ts';
import type { CompletesFromRecord } from '../run/recorded-answers.ts';
import { createRun, lockRun, type RunManifest, runFolder } from '../run/run-folder.ts';
import { newRunId } from '../run/run-table.ts';
import { executeRun, type GateVerdicts, isPaced, type RunControlOptions, runLimitsOf } from './execute-run.ts';
import { armsOf, itemsOf, type ReplayOptions, selectRequests, settingsFor, toolMatchingOf, transformsOf } from './prepare.ts';

export interface RunOptions extends ReplayOptions, RunControlOptions {
  readonly allowUnpriced?: boolean;
  readonly yes?: boolean;
}

/** Plans, confirms and executes a new run; resolves to the exit code. */
export async function runReplay(
  options: RunOptions,
  completesFromRecord: CompletesFromRecord,
  gateVerdicts?: GateVerdicts,
): Promise<number> {
  if (options.stopWhenDecided !== undefined) await gateVerdicts?.check(options.stopWhenDecided);
  const settings = settingsFor(options);
  const limits = runLimitsOf(options);
  const store = await openStore(settings);
  try {
    const matching = toolMatchingOf(options);
    if (matching && (options.mode !== 'live' || options.onlyMissing))
      throw new CommandError(
        exit.usage,
        '--conversation free sends every request: it cannot be combined with --mode cached or --only-missing.',
      );
    const found = await selectRequests(store, settings, options, isPaced(options));
    const turns = matching && (await turnsOf(store, found.requests));
    const chosen = turns ? { ...found, requests: turns.first } : found;
    if (turns && turns.first.length < found.requests.length)
      note(`${found.requests.length - turns.first.length} requests continue a turn and are replayed with it.`);
    if (chosen.requests.length === 0) throw new CommandError(exit.nothing, 'No selected request begins a turn.');
    const arms = armsOf(options, settings, discardingSink);
    const priced = turns ? turns.first.flatMap(({ id }) => turns.of.get(id)!.calls) : chosen.requests;
    const plans = arms.map(arm => armPlanOf(arm, priced, transformsOf(options), wallClock.now()));
    if (!options.allowUnpriced) requirePrices(plans);
    if (options.mode === 'live') await confirmCost(plans, limits.repeats, options);
    const id = newRunId(wallClock.now(), randomBytes(2).toString('hex'));
    const jobs = arms.reduce((sum, arm) => sum + limits.repeats * chosen.requests.filter(one => arm.includes?.(one) ?? true).length, 0);
    const manifest: RunManifest = {
      version: 1,
      run: id,
      createdAt: wallClock.now(),
      configHash: settings.hash,
      arms: Object.fromEntries(arms.map(arm => [arm.name, arm.configHash])),
      options,
      jobs,
    };
    createRun(settings.store.path, manifest, itemsOf(chosen));
    const lock = lockRun(runFolder(settings.store.path, id), id);
    process.send?.({ run: id }); // Who started this process over a channel waits for it.
    try {
      return await executeRun({
        store,
        settings,
        manifest,
        options,
        limits,
        requests: chosen.requests,
        completesFromRecord,
        gateVerdicts,
        ...(turns && matching ? { turns: { of: turns.of, matching } } : {}),
      });
    } finally {
      lock.release();
    }
  } finally {
    await store.close();
  }
}

function requirePrices(plans: readonly ReturnType<typeof armPlanOf>[]): void {
  const unknown = [...new Set(plans.flatMap(plan => plan.unpricedTargets))];
  if (unknown.length === 0) return;
  throw new CommandError(
    exit.usage,
    `The price of ${unknown.join(', ')} is unknown, so a cap cannot hold. Add it to \`prices\` in the configuration, or pass --allow-unpriced.`,
  );
}

/** Runs with a higher expected cost need a confirmation. */
const confirmAboveNanoUsd = 1e9;

/** Asks for confirmation on a terminal. --yes and --max-cost confirm as well; without a terminal one of them is required. */
async function confirmCost(plans: readonly ReturnType<typeof armPlanOf>[], repeats: number, { yes, maxCost }: RunOptions): Promise<void> {
  const sum = (of: 'expected' | 'worst'): number => repeats * plans.reduce((total, plan) => total + plan[of], 0);
  if (yes || maxCost !== undefined || sum('expected') <= confirmAboveNanoUsd) return;
  const price = `about ${money(sum('expected'))}, at most ${money(sum('worst'))}`;
  if (!process.stdin.isTTY) {
    throw new CommandError(exit.usage, `This run would cost ${price}. Pass --yes to confirm, or --max-cost to limit it.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const reply = await terminal.question(`This run would cost ${price}. Continue? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(reply.trim())) throw new CommandError(exit.usage, 'No request was sent.');
}

/** A sink for planning, which sends no requests and so has no records. */
export const discardingSink: ExchangeSink = {
  ...({} as ExchangeSink),
  record: async () => seal(),
  refusal: () => undefined,
  dropped: 0,
  close: async () => {},
};
