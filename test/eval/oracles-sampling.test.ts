/** Several samples of a cheap model and their majority, from the samples as they were recorded: what the paper averages over, by the sweep itself. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Item } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { sweep } from '../../eval/sweep/sweep.ts';
import { recording, unlessRecorded } from '../recordings.ts';

const path = 'routing/mot_bbh_date.jsonl.gz';

interface Run {
  /** The class of each sample's answer; 0 is right, -1 could not be read. */
  readonly samples: readonly number[];
  readonly correct: boolean;
  readonly prompt_tokens_est: number;
  readonly output_tokens_est_all_samples: number;
  readonly cost_est: number;
}

/** So many samples of each run are drawn; the recorded tokens are those of all its samples. */
const drawn = 7;
const nanoUsd = ({ samples, prompt_tokens_est, output_tokens_est_all_samples }: Run): number =>
  prompt_tokens_est * 1_500 + (output_tokens_est_all_samples * drawn * 2_000) / samples.length;

/** The answer that most samples agree on, the first seen among equals, and the share that does. */
function majority(runs: readonly Run[]): { readonly quality: number; readonly confidence: number } {
  const samples = runs.flatMap(run => run.samples.slice(0, drawn));
  const votes = new Map<number, number>();
  for (const sample of samples) votes.set(sample, (votes.get(sample) ?? 0) + 1);
  const [answer, most] = [...votes].filter(([sample]) => sample !== -1).reduce((a, b) => (b[1] > a[1] ? b : a), [-1, 0]);
  return { quality: answer === 0 ? 1 : 0, confidence: most / samples.length };
}

describe.skipIf(!recording(path))(`${path}${unlessRecorded(path)}`, () => {
  const file = recording(path);
  const rows = file
    ? gunzipSync(readFileSync(file))
        .toString()
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as { readonly item_id: string; readonly models: Readonly<Record<string, Run>> })
    : [];
  const chain = chainOf('cheap,dear', new Map()) as Chain;

  /** Mean accuracy, and mean cost of the strong model's, over the pairs of runs. */
  function averaged(pairs: readonly (readonly string[])[], threshold: number): readonly [string, number] {
    const figures = pairs.map(names => {
      const items = rows.map(({ item_id, models }): Item => {
        const runs = names.map(name => models[`gpt-3.5-turbo/${name}`]!);
        const strong = models['gpt-4/cot1/sc3']!;
        const { quality, confidence } = majority(runs);
        const costNanoUsd = Math.round(runs.reduce((cost, run) => cost + nanoUsd(run), 0));
        return {
          id: item_id,
          cluster: item_id,
          outcomes: new Map([
            ['cheap', { quality, signals: { scorer: confidence }, costNanoUsd }],
            ['dear', { quality: strong.correct ? 1 : 0, signals: {}, costNanoUsd: Math.round(strong.cost_est * 1e9) }],
          ]),
        };
      });
      const swept = sweep(chain, { items, label: '', notes: [] }, { signal: 'confidence', confidence: 0.95, thresholds: [[threshold]] })!;
      const row = swept.rows.find(({ thresholds }) => thresholds?.[0] === threshold)!;
      return [row.quality.value, row.relativeCost!.value] as const;
    });
    const mean = (at: 0 | 1): number => figures.reduce((sum, figure) => sum + figure[at], 0) / figures.length;
    return [mean(0).toFixed(4), mean(1)];
  }

  const temperatures = ['default', 't0.4'];
  const pairsOf = (first: string, second: string) => temperatures.flatMap(a => temperatures.map(b => [`${first}/${a}`, `${second}/${b}`]));

  test.each([
    [0.6, '0.8811', 0.4096],
    [0.7, '0.8886', 0.4602],
    [0.8, '0.8943', 0.559],
    [1, '0.8919', 0.7255],
  ])('eight pairs of a chain of thought and a program, threshold %d', (threshold, accuracy, cost) => {
    const [quality, relativeCost] = averaged([...pairsOf('cot1', 'pot1'), ...pairsOf('cot2', 'pot2')], threshold);
    expect(quality).toBe(accuracy);
    // Printed from the tokens of the samples drawn; the recording has those of all twenty, of which this is the share.
    expect(Math.abs(relativeCost - cost)).toBeLessThan(0.0001);
  });

  test('two chains of thought are worth less', () => {
    const [quality, relativeCost] = averaged(pairsOf('cot1', 'cot2'), 0.6);
    expect(quality).toBe('0.8489');
    expect(Math.abs(relativeCost - 0.4231)).toBeLessThan(0.0001);
  });
});
