/** Watches a certificate: adds a route's audited conversations, in the order of their start, to an alarm. Pure. */
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import { type AlarmOptions, type AlarmState, alarmNext, alarmStart, conversationAlarm, isAlarmed } from '../../statistics/index.ts';

export interface WatchPlan {
  /** What the certificate promises: harm per request, a share. */
  readonly bound: number;
  /** The chance of ever raising a false alarm: 1 - confidence. */
  readonly alpha: number;
  /** With which the route usually draws an audit, in (0, 1]; it only sizes the stakes. */
  readonly chance: number;
  /** The maximum number of requests of a conversation that the certificate covers. */
  readonly conversationCap: number;
  /** A conversation has ended when nothing came for so long; what comes later is not counted. */
  readonly idleMs: Milliseconds;
}

/** A live request of the route. Without an audit it counts as unharmed, as does an audit without a label. */
export interface WatchedRequest {
  /** '' for a request that stands alone. */
  readonly conversation: string;
  readonly at: Instant;
  /** `harm` in [0, 1]; absent while unlabelled. */
  readonly audit?: { readonly chance: number; readonly harm?: number };
}

/** A conversation, or a request that stands alone. */
export interface WatchedUnit {
  readonly startedAt: Instant;
  readonly requests: number;
  readonly audited: number;
  readonly labelled: number;
  readonly harmed: number;
  /** Harm of the labelled audits, each for one over its chance. */
  readonly weightedHarm: number;
  /** No further request will count. */
  readonly isSettled: boolean;
}

export interface WatchState {
  readonly alarm: AlarmState;
  readonly requests: number;
  readonly audited: number;
  readonly labelled: number;
  readonly harmed: number;
  readonly weightedHarm: number;
}

/** The alarm of a certificate: conversation sums, or single requests with a start for every 50 audits. */
export function alarmOf({ bound, alpha, chance, conversationCap }: WatchPlan): AlarmOptions {
  const alarm = conversationAlarm(bound, alpha, chance, conversationCap);
  return conversationCap === 1 ? { ...alarm, startsEvery: Math.ceil(alarm.startsEvery / chance) } : alarm;
}

/** The state before the first conversation. */
export const watchStart = (plan: WatchPlan): WatchState => ({
  alarm: alarmStart(alarmOf(plan)),
  ...{ requests: 0, audited: 0, labelled: 0, harmed: 0, weightedHarm: 0 },
});

/** The units of requests that are in the order of their time. */
export function unitsOf(requests: readonly WatchedRequest[], plan: WatchPlan, now: Instant): readonly WatchedUnit[] {
  const open = new Map<string, number>();
  const units: { startedAt: Instant; members: WatchedRequest[]; isAlone: boolean }[] = [];
  for (const request of requests) {
    const { conversation, at } = request;
    const known = conversation === '' ? undefined : open.get(conversation);
    if (known === undefined) {
      if (conversation !== '') open.set(conversation, units.length);
      units.push({ startedAt: at, members: [request], isAlone: conversation === '' });
      continue;
    }
    const { members } = units[known]!;
    if (members.length < plan.conversationCap && at - members.at(-1)!.at <= plan.idleMs) members.push(request);
  }
  return units.map(({ startedAt, members, isAlone }) => {
    const isSettled = isAlone || members.length >= plan.conversationCap || now - members.at(-1)!.at > plan.idleMs;
    return { startedAt, isSettled, ...totalsOf(members) };
  });
}

function totalsOf(members: readonly WatchedRequest[]): Omit<WatchedUnit, 'startedAt' | 'isSettled'> {
  let [audited, labelled, harmed, weightedHarm] = [0, 0, 0, 0];
  for (const { audit } of members) {
    if (!audit) continue;
    audited++;
    if (audit.harm === undefined) continue;
    labelled++;
    harmed += audit.harm;
    weightedHarm += audit.harm / audit.chance;
  }
  return { requests: members.length, audited, labelled, harmed, weightedHarm };
}

/**
 * The state after one more unit: its payoff is Σ harm / chance - bound · requests. A conversation that may continue counts as if it had all the requests
 * that the certificate covers, so further requests can only raise the payoff: no look sees more evidence than the settled units give.
 */
export function watchNext(plan: WatchPlan, state: WatchState, unit: WatchedUnit): WatchState {
  const requests = unit.isSettled ? unit.requests : plan.conversationCap;
  return {
    alarm: alarmNext(alarmOf(plan), state.alarm, unit.weightedHarm - plan.bound * requests),
    requests: state.requests + unit.requests,
    audited: state.audited + unit.audited,
    labelled: state.labelled + unit.labelled,
    harmed: state.harmed + unit.harmed,
    weightedHarm: state.weightedHarm + unit.weightedHarm,
  };
}

export interface Look {
  /** All that is known now. */
  readonly now: WatchState;
  /** What no later look changes: the units that started before `settledUntil`. The next look continues from there. */
  readonly settled: WatchState;
  readonly settledUntil: Instant;
}

/** Folds the units that started at `settledUntil` or later. `waitUntil`: those that started then or later may still get their labels. */
export function lookAt(
  plan: WatchPlan,
  before: { readonly settled: WatchState; readonly settledUntil: Instant },
  requests: readonly WatchedRequest[],
  { now, waitUntil }: { readonly now: Instant; readonly waitUntil: Instant },
): Look {
  const units = unitsOf(requests, plan, now);
  const firstOpen = units.find(unit => !unit.isSettled)?.startedAt ?? now;
  const settledUntil = Math.max(before.settledUntil, Math.min(firstOpen, waitUntil));
  const isEarly = ({ startedAt }: WatchedUnit): boolean => startedAt < settledUntil;
  const fold = (state: WatchState, some: readonly WatchedUnit[]): WatchState =>
    some.reduce((folded, unit) => watchNext(plan, folded, unit), state);
  const settled = fold(before.settled, units.filter(isEarly));
  const rest = units.filter(unit => !isEarly(unit));
  return { now: fold(settled, rest), settled, settledUntil };
}

export type WatchVerdict = 'watching' | 'too_few' | 'breach';

/** With fewer labelled audits, none of them harmed would be no sign that the bound holds (the rule of three). */
export const auditsMin = ({ bound }: WatchPlan): number => Math.ceil(3 / bound);

/** `breach` from the alarm on, `too_few` before enough labels, else `watching`. */
export function verdictOf(plan: WatchPlan, state: WatchState): WatchVerdict {
  if (isAlarmed(alarmOf(plan), state.alarm)) return 'breach';
  return state.labelled < auditsMin(plan) ? 'too_few' : 'watching';
}

/** Requests until an alarm, about, were every audited request harmed with this chance from now on; undefined when it may never come. */
export function expectedDelay(plan: WatchPlan, state: WatchState, harm: number): number | undefined {
  const { stakes, startsEvery, alpha } = alarmOf(plan);
  const hit = plan.chance * harm;
  const growthAt = (stake: number): number =>
    hit * Math.log1p(stake * (1 / plan.chance - plan.bound)) + (1 - hit) * Math.log1p(-stake * plan.bound);
  const growth = Math.max(...stakes.map(growthAt));
  if (!(growth > 0)) return undefined;
  // What the starts of the first e-fold put in.
  const first = Math.max(1, state.alarm.starts);
  const weight = (start: number): number => 1 / (1 + Math.log(start));
  const stake = weight(first) - weight(first + 1 + 1 / (growth * startsEvery));
  return Math.ceil(Math.log(stakes.length / (alpha * stake)) / growth);
}
