/** `hindcast replay plan`. */
import { printResult, table } from '../../gateway/cli/command.ts';
import { type NanoUsd, usd } from '../../gateway/core/money/price.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { openStore } from '../../recorder/process/open-store.ts';
import type { Store } from '../../recorder/store/store.ts';
import type { Arm } from '../arms/arm.ts';
import { prepareReplayRequest } from '../arms/replay-request.ts';
import type { Transforms } from '../arms/transform.ts';
import { dialectOf } from '../recorded/dialects.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { turnsOf } from '../recorded/turns.ts';
import { money } from '../report/format.ts';
import { type ArmPlan, armPlanOf } from '../run/cost-plan.ts';
import { type CompletesFromRecord, recordedAnswerLookup } from '../run/recorded-answers.ts';
import { armsOf, type ReplayOptions, type SelectedRequests, selectRequests, settingsFor, toolMatchingOf, transformsOf } from './prepare.ts';
import { discardingSink } from './run.ts';

export interface PlanOptions extends ReplayOptions {
  readonly onlyMissing?: boolean;
}

/** Prints calls, cost, changes and losses of each arm. */
export async function planRun(options: PlanOptions, completesFromRecord: CompletesFromRecord): Promise<void> {
  const settings = settingsFor(options);
  const store = await openStore(settings);
  try {
    const found = await selectRequests(store, settings, options, false);
    const turns = toolMatchingOf(options) && (await turnsOf(store, found.requests));
    // A turn is expected to take as many calls as recorded.
    const chosen = turns ? { ...found, requests: turns.first.flatMap(({ id }) => turns.of.get(id)!.calls) } : found;
    const transforms = transformsOf(options);
    const plans: ArmPlan[] = [];
    for (const arm of armsOf(options, settings, discardingSink)) {
      const known = chosen.fromFile
        ? new Map<string, NanoUsd>()
        : await savedByRecord(store, arm, chosen.requests, transforms, completesFromRecord);
      plans.push(armPlanOf(arm, chosen.requests, transforms, wallClock.now(), ({ id }) => known.get(id), options.onlyMissing));
    }
    printResult(options, { requests: chosen.requests.length, candidates: chosen.candidates, arms: plans.map(armPlanJson) }, () =>
      planText(chosen, plans),
    );
  } finally {
    await store.close();
  }
}

/** The saved cost by id of the requests that the record answers for this arm: with --only-missing they cost nothing. */
async function savedByRecord(
  store: Store,
  arm: Arm,
  requests: readonly RecordedRequest[],
  transforms: Transforms,
  completesFromRecord: CompletesFromRecord,
): Promise<ReadonlyMap<string, NanoUsd>> {
  const lookup = recordedAnswerLookup(store, '', completesFromRecord);
  const known = new Map<string, NanoUsd>();
  for (const recorded of requests) {
    const dialect = dialectOf(recorded.dialect);
    const prepared = dialect ? prepareReplayRequest(recorded, arm, '', 0, dialect, wallClock.now(), transforms) : '';
    if (typeof prepared === 'string') continue;
    const { isComplete, saved } = await lookup.answersOf(recorded, prepared.request, arm.runtime);
    if (isComplete) known.set(recorded.id, saved);
  }
  return known;
}

function planText({ requests, candidates }: SelectedRequests, plans: readonly ArmPlan[]): string {
  const [first, last] = [requests[0]!, requests.at(-1)!].map(({ receivedAt }) =>
    new Date(receivedAt).toISOString().slice(0, 19).replace('T', ' '),
  );
  const weight = requests.reduce((sum, request) => sum + (request.weight ?? 1), 0);
  const conversations = new Set(requests.map(({ conversation, id }) => conversation || id)).size;
  const drawn = requests.length < candidates ? `, which represent ${Math.round(weight)} of ${candidates} selected` : '';
  const rows = plans.map(plan => [
    plan.arm,
    `${plan.calls}`,
    `${plan.fromRecord}`,
    money(plan.saved),
    ...[plan.p50, plan.p95, plan.worst].map(cost => (isUnknown(plan) ? 'unknown' : money(cost))),
    `${plan.unpriced}`,
  ]);
  const total = (of: (plan: ArmPlan) => number): string => money(plans.reduce((sum, plan) => sum + of(plan), 0));
  const notes = plans.flatMap(({ arm, losses, skipped, changes, unpricedTargets }) => [
    ...Object.entries(changes).map(([change, count]) => `${count} requests to ${arm} changed: ${change}`),
    ...Object.entries(losses).map(([loss, count]) => `${count} requests to ${loss}`),
    ...Object.entries(skipped).map(([reason, count]) => `${count} requests not sent to ${arm}: ${reason}`),
    ...(unpricedTargets.length > 0 ? [`The price of ${unpricedTargets.join(', ')} is unknown: a run needs --allow-unpriced.`] : []),
  ]);
  const uncounted = requests.filter(({ answer }) => answer.inputTokens + answer.outputTokens === 0).length;
  if (uncounted > 0) notes.unshift(`${uncounted} requests have no recorded token counts: only the worst case includes their cost.`);
  return [
    `${requests.length} requests of ${conversations} conversations${drawn}, from ${first} to ${last} UTC`,
    table(['arm', 'calls', 'in the record', 'saved by --only-missing', 'p50', 'p95', 'worst', 'without price'], rows),
    `Total ${total(plan => plan.p50)}, p95 ${total(plan => plan.p95)}, worst ${total(plan => plan.worst)}${plans.some(plan => plan.unpriced > 0) ? ', without calls of unknown price' : ''}. Tools are never executed.`,
    'Worst: every response has the maximum length that its request or model allows. --max-cost stops a run earlier.',
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n');
}

/** No call has a known price, which does not mean that they are free. */
const isUnknown = ({ calls, unpriced }: ArmPlan): boolean => calls > 0 && unpriced === calls;

const armPlanJson = (plan: ArmPlan): object => ({
  ...plan,
  ...Object.fromEntries((['p50', 'p95', 'expected', 'worst'] as const).map(name => [name, isUnknown(plan) ? null : usd(plan[name])])),
  saved: usd(plan.saved),
});
