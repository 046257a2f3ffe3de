/** One look at a watched certificate, as text and as JSON. */
import { alarmOf, auditsMin, expectedDelay, verdictOf, type WatchPlan, type WatchState, type WatchVerdict } from '../../certify/watch.ts';
import { count, percent } from '../shared/format.ts';

export interface WatchReport {
  readonly route: string;
  /** The file. */
  readonly certificate: string;
  readonly issued_at: string;
  readonly at: string;
  readonly state: WatchVerdict;
  readonly requests: number;
  readonly audited: number;
  /** Audits whose harm is known. */
  readonly labelled: number;
  /** The minimum number of labelled audits for a verdict. */
  readonly labelled_min: number;
  /** Per request; null without a request. */
  readonly harm: number | null;
  readonly bound: number;
  readonly alpha: number;
  readonly evidence: number;
  readonly evidence_max: number;
  /** The alarm stands once the evidence was ever so much. */
  readonly alarm_at: number;
  /** Requests until an alarm, about, were harm so much from now on; null where it may never come. */
  readonly expected_delay: readonly { readonly harm: number; readonly requests: number | null }[];
}

/** One look at the certificate as plain data: what `eval watch --json` prints. */
export function watchReport(
  watched: { readonly route: string; readonly certificate: string; readonly issuedAt: string; readonly at: number },
  plan: WatchPlan,
  state: WatchState,
): WatchReport {
  const { requests, audited, labelled, weightedHarm, alarm } = state;
  const levels = [2, 4].map(factor => Math.min(1, plan.bound * factor));
  return {
    ...{ route: watched.route, certificate: watched.certificate, issued_at: watched.issuedAt, at: new Date(watched.at).toISOString() },
    state: verdictOf(plan, state),
    ...{ requests, audited, labelled, labelled_min: auditsMin(plan), harm: requests === 0 ? null : weightedHarm / requests },
    ...{ bound: plan.bound, alpha: plan.alpha, evidence: alarm.evidence, evidence_max: alarm.evidenceMax },
    alarm_at: 1 / alarmOf(plan).alpha,
    expected_delay: levels.map(harm => ({ harm, requests: expectedDelay(plan, state, harm) ?? null })),
  };
}

const words: Readonly<Record<WatchVerdict, string>> = {
  watching: 'NO ALARM: the audits do not contradict the certificate. That is no proof that it holds.',
  too_few: 'TOO FEW: there are too few labelled audits to tell.',
  breach: 'BREACH: the audits show more harm than the certificate allows. Certify anew.',
};

/** The look for the terminal. */
export function watchText(report: WatchReport): string {
  const { route, certificate, issued_at: issuedAt, requests, audited, labelled, harm, bound, alpha } = report;
  const delays = report.expected_delay.map(
    delay =>
      `${delay.requests === null ? 'perhaps never' : `about ${count(Number(delay.requests.toPrecision(2)), 'request')}`} at ${percent(delay.harm)}`,
  );
  return [
    words[report.state],
    '',
    `route ${route}   ${certificate}   issued ${issuedAt.slice(0, 10)}   ${count(requests, 'request')} since`,
    `  audits: ${audited.toLocaleString('en')}, labelled ${labelled.toLocaleString('en')} (at least ${report.labelled_min} are needed)`,
    `  harm so far: ${harm === null ? 'unknown' : `${percent(harm)} of requests`}, certified at most ${percent(bound)}`,
    `  evidence: ${report.evidence.toPrecision(3)} now, ${report.evidence_max.toPrecision(3)} at most; alarm at ${Number(report.alarm_at.toPrecision(3))} (false alarms: ${percent(alpha)} for ever)`,
    `  an alarm would take ${delays.join(', ')}, were harm so much from now on`,
  ].join('\n');
}
