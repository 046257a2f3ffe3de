/** An explanation for the terminal. */
import { usd } from '../../gateway/core/money/price.ts';
import { type Explanation, roundedDown } from '../sweep/explain.ts';
import { dollars, milliseconds, none, percent } from './shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The report for the terminal. */
export function explanationText(explanation: Explanation, table: Table): string {
  const { item, cluster, chain, label } = explanation;
  const { targets, thresholds } = explanationTables(explanation);
  return [
    explanationSentence(explanation),
    '',
    `chain ${chain}   quality: ${label}${cluster === item ? '' : `   cluster ${cluster}`}`,
    ...['', table(targets.head, targets.rows), '', table(thresholds.head, thresholds.rows)],
  ].join('\n');
}

/** What each target made of the request, and who would answer it at which threshold. */
export const explanationTables = ({ signal, targets, alternatives }: Explanation) => ({
  targets: {
    head: ['target', 'outcome', 'quality', 'cost', 'latency', 'first token', 'signals'],
    rows: targets.map(t => [
      t.target,
      t.known ? (t.failure?.kind ?? 'ok') : 'not known',
      number(t.quality, percent),
      number(t.costNanoUsd, nano => dollars(usd(nano))),
      number(t.latencyMs, milliseconds),
      number(t.firstTokenMs, milliseconds),
      signalsText(t.signals ?? {}),
    ]),
  },
  thresholds: {
    head: [`threshold on ${signal}`, 'answered by', 'quality', 'cost', 'latency', 'first token'],
    rows: alternatives.map(({ when, target, trial }) => [
      when,
      target,
      trial ? number(trial.quality, percent) : 'not known',
      number(trial?.cost, nano => dollars(usd(nano))),
      number(trial?.latencyMs, milliseconds),
      number(trial?.firstTokenMs, milliseconds),
    ]),
  },
});

const number = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined || !Number.isFinite(value) ? none : format(value);

const signalsText = (signals: Readonly<Record<string, number>>): string =>
  Object.entries(signals)
    .map(([name, value]) => `${name} ${roundedDown(value)}`)
    .join(', ') || none;

const verdictVerbs = { answers: 'is taken', escalates: 'is not taken', fails: 'fails', unknown: 'is not known' } as const;

/** One sentence: which steps answered or were skipped, and why. */
export function explanationSentence({ item, steps, alternatives, signal }: Explanation): string {
  if (steps.length > 0)
    return `Request ${item}: ${steps.map(({ target, verdict, why }) => `${target} ${verdictVerbs[verdict]} (${why})`).join('; ')}.`;
  const ways = alternatives.map(({ when, target }) => `${target} answers at a threshold ${when}`);
  return `Request ${item}, by ${signal}: ${ways.join('; ')}.`.replaceAll('a threshold any', 'any threshold');
}

/** What `eval explain --json` prints. */
export const explanationJson = (explanation: Explanation): object => ({
  ...{ item: explanation.item, cluster: explanation.cluster, chain: explanation.chain, signal: explanation.signal },
  quality_from: explanation.label,
  targets: explanation.targets.map(t => ({
    ...{ target: t.target, known: t.known, failure: t.failure?.kind ?? null, quality: t.quality ?? null },
    ...{
      cost_usd: t.costNanoUsd === undefined ? null : usd(t.costNanoUsd),
      latency_ms: t.latencyMs ?? null,
      ttft_ms: t.firstTokenMs ?? null,
    },
    signals: t.signals ?? {},
  })),
  steps: explanation.steps,
  thresholds: explanation.alternatives.map(({ when, target, trial }) => ({
    ...{ when, target },
    ...(trial
      ? {
          quality: trial.quality,
          cost_usd: finite(usd(trial.cost)),
          latency_ms: finite(trial.latencyMs),
          ttft_ms: finite(trial.firstTokenMs),
        }
      : { quality: null, cost_usd: null, latency_ms: null, ttft_ms: null }),
  })),
});

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
