/** How wrong a simulation is: the deployed configuration, simulated over the traffic that it served, beside what is recorded of it. */
import type { Simulated } from './simulated.ts';
import type { RecordedRequest } from './source.ts';
import { weightedQuantile } from './totals.ts';

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
export const figureNames: readonly FigureName[] = ['errorRate', 'costPer1k', 'latencyMsP50', 'latencyMsP95', 'latencyMsP99', 'escalated'];
/** Shares differ by points; everything else by parts of itself. */
export const isShare = (name: FigureName): boolean => name === 'errorRate' || name === 'escalated';

interface One {
  readonly weight: number;
  readonly ok: boolean;
  readonly costNanoUsd: number;
  readonly latencyMs: number;
  readonly escalations: number;
}

function figures(all: readonly One[]): Figures {
  const sum = all.reduce((total, { weight }) => total + weight, 0) || 1;
  const mean = (of: (one: One) => number): number => all.reduce((total, one) => total + one.weight * of(one), 0) / sum;
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

export const simulatedFigures = (all: readonly Simulated[]): Figures =>
  figures(
    all
      .filter(({ outcome }) => outcome !== 'unsupported')
      .map(one => ({ ...one, weight: one.request.weight ?? 1, ok: one.outcome === 'ok' })),
  );

/** Of a caller who left nothing is known. */
export const recordedFigures = (requests: readonly RecordedRequest[]): Figures =>
  figures(
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

export function difference(from: Figures, to: Figures): Errors {
  const of = (name: FigureName): number => {
    if (isShare(name)) return to[name] - from[name];
    if (from[name] === 0) return to[name] === 0 ? 0 : Number.POSITIVE_INFINITY;
    return to[name] / from[name] - 1;
  };
  return Object.fromEntries(figureNames.map(name => [name, of(name)])) as Errors;
}

export interface Backtest {
  readonly recorded: Figures;
  /** Each request by its own record; and with its own withheld, every behaviour drawn. */
  readonly own: { readonly figures: Figures; readonly error: Errors; readonly unsupported: number };
  readonly drawn: { readonly figures: Figures; readonly error: Errors; readonly unsupported: number };
}

/** Only what both sides know is compared. */
export function backtest(own: readonly Simulated[], drawn: readonly Simulated[]): Backtest {
  const side = (all: readonly Simulated[]) => {
    const known = all.filter(
      ({ outcome, request }) => outcome !== 'unsupported' && request.answer.outcome !== '' && request.answer.outcome !== 'cancelled',
    );
    const told = simulatedFigures(known);
    return {
      figures: told,
      error: difference(recordedFigures(known.map(({ request }) => request)), told),
      unsupported: all.filter(({ outcome }) => outcome === 'unsupported').length / Math.max(1, all.length),
    };
  };
  return { recorded: recordedFigures(own.map(({ request }) => request)), own: side(own), drawn: side(drawn) };
}

/** How far a simulated figure may be off: where nothing was drawn, what the own record gives; else what drawing gives, where that is worse. */
export function errorOf(test: Backtest, drawnShare: number): Errors {
  const of = (name: FigureName): number => Math.max(Math.abs(test.own.error[name]), drawnShare > 0 ? Math.abs(test.drawn.error[name]) : 0);
  return Object.fromEntries(figureNames.map(name => [name, of(name)])) as Errors;
}
