/** `hindcast replay plan`. */
import { result, table } from '../../gateway/cli.ts';
import { wallClock } from '../../gateway/clock.ts';
import { type Sink, seal } from '../../gateway/core/exchange.ts';
import { type NanoUsd, usd } from '../../gateway/core/price.ts';
import { openStore } from '../../recorder/open.ts';
import { askAgain } from '../again.ts';
import type { Arm } from '../arm.ts';
import { dialectOf } from '../dialects.ts';
import { estimate } from '../plan.ts';
import { money } from '../report.ts';
import type { RecordedRequest } from '../source.ts';
import { armsOf, type ReplayOptions, selected, settingsFor } from './prepare.ts';

export type PlanOptions = ReplayOptions;

interface ArmPlan {
  readonly arm: string;
  readonly calls: number;
  readonly expected: NanoUsd;
  readonly worst: NanoUsd;
  /** Calls to a target of unknown price; they are in neither sum. */
  readonly unpriced: number;
  /** Requests by what the arm would lose of them, and by why it would not be asked. */
  readonly losses: Readonly<Record<string, number>>;
  readonly skipped: Readonly<Record<string, number>>;
}

export async function planRun(options: PlanOptions): Promise<void> {
  const settings = settingsFor(options);
  const store = await openStore(settings);
  try {
    const requests = await selected(store, options);
    const plans = armsOf(options, settings, nothingIsRecorded).map(arm => planOf(arm, requests));
    result(options, { requests: requests.length, arms: plans.map(inDollars) }, () => planText(requests, plans));
  } finally {
    await store.close();
  }
}

function planOf(arm: Arm, requests: readonly RecordedRequest[]): ArmPlan {
  const losses: Record<string, number> = {};
  const skipped: Record<string, number> = {};
  const sums = { calls: 0, expected: 0, worst: 0, unpriced: 0 };
  for (const recorded of requests) {
    const dialect = dialectOf(recorded.dialect);
    const question = dialect ? askAgain(recorded, arm, '', 0, dialect, wallClock.now()) : `unknown wire format ${recorded.dialect}`;
    if (typeof question === 'string') {
      skipped[question] = (skipped[question] ?? 0) + 1;
      continue;
    }
    const estimated = estimate(question, recorded, arm.world, wallClock.now());
    sums.calls++;
    sums.expected += estimated.expected;
    sums.worst += estimated.worst;
    if (estimated.unpriced.length > 0) sums.unpriced++;
    const said = new Set(estimated.losses.map(({ target, warning }) => `${target}: ${warning.type} ${warning.field}. ${warning.detail}`));
    for (const loss of said) losses[loss] = (losses[loss] ?? 0) + 1;
  }
  return { arm: arm.name, ...sums, losses, skipped };
}

function planText(requests: readonly RecordedRequest[], plans: readonly ArmPlan[]): string {
  const [first, last] = [requests[0]!, requests.at(-1)!].map(({ receivedAt }) =>
    new Date(receivedAt).toISOString().slice(0, 19).replace('T', ' '),
  );
  const rows = plans.map(({ arm, calls, expected, worst, unpriced }) => [arm, `${calls}`, money(expected), money(worst), `${unpriced}`]);
  const notes = plans.flatMap(({ arm, losses, skipped }) => [
    ...Object.entries(losses).map(([loss, count]) => `${count} requests to ${loss}`),
    ...Object.entries(skipped).map(([reason, count]) => `${count} requests not asked of ${arm}: ${reason}`),
  ]);
  return [
    `${requests.length} requests from ${first} to ${last} UTC`,
    table(['arm', 'calls', 'expected', 'worst', 'without price'], rows),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n');
}

const inDollars = (plan: ArmPlan): object => ({ ...plan, expected: usd(plan.expected), worst: usd(plan.worst) });

/** Planning asks nobody, so nothing can come in. */
const nothingIsRecorded: Sink = { record: async () => seal(), refusal: () => undefined, dropped: 0, close: async () => {} };
