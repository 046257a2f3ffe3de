/** How wrong a simulation is: the deployed configuration, simulated over the traffic that it served, beside what is recorded of it. */

import { type Estimate, type PairWeights, pairedMean, pairedQuantileDifference, weightedQuantile } from '../../statistics/index.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import type { SimulatedRequest } from './simulate-arm.ts';

export interface Figures {
  readonly requests: number;
  readonly errorRate: number;
  readonly costPer1k: number;
  readonly latencyMsP50: number;
  readonly latencyMsP95: number;
  readonly latencyMsP99: number;
  readonly escalated: number;
}

export type FigureName = Exclude<keyof Figures, 'requests'>;

/** The figures of a backtest, in the order of the report. */
export const figureNames: readonly FigureName[] = ['errorRate', 'costPer1k', 'latencyMsP50', 'latencyMsP95', 'latencyMsP99', 'escalated'];
/** Errors of shares are in points; all others are relative. */
export const isShare = (name: FigureName): boolean => name === 'errorRate' || name === 'escalated';

interface MetricInput {
  readonly weight: number;
  readonly ok: boolean;
  readonly costNanoUsd: number;
  readonly latencyMs: number;
  readonly escalations: number;
}

function figuresOf(all: readonly MetricInput[]): Figures {
  const sum = all.reduce((total, { weight }) => total + weight, 0) || 1;
  const mean = (of: (one: MetricInput) => number): number => all.reduce((total, one) => total + one.weight * of(one), 0) / sum;
  const answered = all.filter(({ ok }) => ok);
  const latency = (q: number): number =>
    weightedQuantile(
      answered.map(one => one.latencyMs),
      answered.map(one => one.weight),
      q,
    );
  return {
    requests: all.length,
    errorRate: mean(({ ok }) => (ok ? 0 : 1)),
    costPer1k: mean(({ costNanoUsd }) => costNanoUsd / 1e6),
    latencyMsP50: latency(0.5),
    latencyMsP95: latency(0.95),
    latencyMsP99: latency(0.99),
    escalated: mean(({ escalations }) => (escalations > 0 ? 1 : 0)),
  };
}

/** The figures of simulated requests; requests that the simulation does not support are left out. */
export const simulatedFigures = (all: readonly SimulatedRequest[]): Figures =>
  figuresOf(
    all
      .filter(({ outcome }) => outcome !== 'unsupported')
      .map(one => ({ ...one, weight: one.request.weight ?? 1, ok: one.outcome === 'ok' })),
  );

/** Of a caller who left nothing is known. */
export const recordedFigures = (requests: readonly RecordedRequest[]): Figures =>
  figuresOf(
    requests
      .filter(({ answer }) => answer.outcome !== '' && answer.outcome !== 'cancelled')
      .map(({ answer, weight }) => ({
        weight: weight ?? 1,
        ok: answer.outcome === 'ok',
        costNanoUsd: answer.costNanoUsd ?? 0,
        latencyMs: answer.latencyMs,
        escalations: answer.escalations ?? 0,
      })),
  );

export type Errors = Readonly<Record<FigureName, number>>;

/** How far `to` is from `from`: the difference of shares, the relative error of other figures. */
export function difference(from: Figures, to: Figures): Errors {
  const of = (name: FigureName): number => {
    if (isShare(name)) return to[name] - from[name];
    if (from[name] === 0) return to[name] === 0 ? 0 : Number.POSITIVE_INFINITY;
    return to[name] / from[name] - 1;
  };
  return Object.fromEntries(figureNames.map(name => [name, of(name)])) as Errors;
}

/** The error of a figure by `difference`, with its 95 % interval over conversations. */
export type ErrorIntervals = Readonly<Record<FigureName, Estimate>>;

export interface BacktestSide {
  readonly figures: Figures;
  readonly error: ErrorIntervals;
  readonly unsupported: number;
}

export interface Backtest {
  readonly recorded: Figures;
  /** Each request by its own record; and with its own withheld, every behaviour drawn. */
  readonly own: BacktestSide;
  readonly drawn: BacktestSide;
}

/** Only what both sides know is compared. */
export function backtest(own: readonly SimulatedRequest[], drawn: readonly SimulatedRequest[]): Backtest {
  const side = (all: readonly SimulatedRequest[]): BacktestSide => {
    const known = all.filter(
      ({ outcome, request }) => outcome !== 'unsupported' && request.answer.outcome !== '' && request.answer.outcome !== 'cancelled',
    );
    return {
      figures: simulatedFigures(known),
      error: errorsOf(known),
      unsupported: all.filter(({ outcome }) => outcome === 'unsupported').length / Math.max(1, all.length),
    };
  };
  return { recorded: recordedFigures(own.map(({ request }) => request)), own: side(own), drawn: side(drawn) };
}

/** Request by request, clustered by conversation. */
function errorsOf(known: readonly SimulatedRequest[]): ErrorIntervals {
  const recorded = recordedFigures(known.map(({ request }) => request));
  const exact = difference(recorded, simulatedFigures(known));
  const weightsOf = (some: readonly SimulatedRequest[]): PairWeights => ({
    weights: some.map(({ request }) => request.weight ?? 1),
    keys: some.map(({ request }) => request.conversation || request.id),
  });
  const mean = (of: (one: SimulatedRequest) => number, scale: number): Estimate =>
    scaledInterval(pairedMean(known.map(of), weightsOf(known)), scale);
  const both = known.filter(({ outcome, request }) => outcome === 'ok' && request.answer.outcome === 'ok');
  const latency = (q: number, scale: number): Estimate =>
    both.length === 0
      ? zeroInterval
      : scaledInterval(
          pairedQuantileDifference(
            both.map(({ request }) => request.answer.latencyMs),
            both.map(({ latencyMs }) => latencyMs),
            weightsOf(both),
            q,
          ),
          scale,
        );
  const part = (of: number): number => (of === 0 ? 0 : 1 / of);
  const intervals: ErrorIntervals = {
    errorRate: mean(({ outcome, request }) => Number(outcome !== 'ok') - Number(request.answer.outcome !== 'ok'), 1),
    costPer1k: mean(({ costNanoUsd, request }) => (costNanoUsd - (request.answer.costNanoUsd ?? 0)) / 1e6, part(recorded.costPer1k)),
    latencyMsP50: latency(0.5, part(recorded.latencyMsP50)),
    latencyMsP95: latency(0.95, part(recorded.latencyMsP95)),
    latencyMsP99: latency(0.99, part(recorded.latencyMsP99)),
    escalated: mean(({ escalations, request }) => Number(escalations > 0) - Number((request.answer.escalations ?? 0) > 0), 1),
  };
  const intervalAround = (name: FigureName): Estimate => ({
    value: exact[name],
    low: Math.min(exact[name], intervals[name].low),
    high: Math.max(exact[name], intervals[name].high),
  });
  return Object.fromEntries(figureNames.map(name => [name, intervalAround(name)])) as ErrorIntervals;
}

const zeroInterval: Estimate = { value: 0, low: 0, high: 0 };
const scaledInterval = ({ value, low, high }: Estimate, by: number): Estimate => ({ value: value * by, low: low * by, high: high * by });

/** How far a simulated figure may be off: where nothing was drawn, what the own record gives; else what drawing gives, where that is worse. Of each the far end of its interval. */
export function errorOf(test: Backtest, drawnShare: number): Errors {
  const far = ({ low, high }: Estimate): number => Math.max(Math.abs(low), Math.abs(high));
  const of = (name: FigureName): number => Math.max(far(test.own.error[name]), drawnShare > 0 ? far(test.drawn.error[name]) : 0);
  return Object.fromEntries(figureNames.map(name => [name, of(name)])) as Errors;
}
