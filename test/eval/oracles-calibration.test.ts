/** More published numbers, read where they lie: calibration curves, what tuning promises too much, and arrival gaps. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { brier, calibrated, fitCalibrator, randomGenerator, shuffled } from '../../statistics/index.ts';
import { recording, unlessRecorded } from '../recordings.ts';

const csv = (path: string): Record<string, string>[] => {
  const file = recording(path);
  if (!file) return [];
  const [head = '', ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const names = head.trim().split(',');
  return rows.map(row =>
    Object.fromEntries(
      row
        .trim()
        .split(',')
        .map((cell, i) => [names[i]!, cell]),
    ),
  );
};

const judges = 'eval/cse_judges_500.csv';
describe.skipIf(!recording(judges))(`${judges}${unlessRecorded(judges)}`, () => {
  const rows = csv(judges);
  const column = (name: string): number[] => rows.map(row => Number(row[name]));

  test('isotonic looks great on what it was fitted to', () => {
    const [s, y] = [column('gpt-3.5-turbo.conf'), column('gpt-3.5-turbo.correct')];
    const fitted = fitCalibrator('isotonic', s, y);
    expect(
      brier(
        s.map(x => calibrated(fitted, x)),
        y,
      ).toFixed(4),
    ).toBe('0.1557');
  });

  /** Two folds, each predicted by the other: read as steps from below, and as lines between the points. */
  const twoFold = (judge: string, repeats: number) => {
    const [s, y] = [column(`${judge}.conf`), column(`${judge}.correct`)];
    let [steps, lines] = [0, 0];
    for (let k = 0; k < repeats; k++) {
      const half = new Set(shuffled([...s.keys()], randomGenerator(k)).slice(0, 250));
      const [stepped, lined] = [new Float64Array(500), new Float64Array(500)];
      for (const inside of [true, false]) {
        const out = [...s.keys()].filter(i => half.has(i) !== inside);
        const fitted = fitCalibrator(
          'isotonic',
          out.map(i => s[i]!),
          out.map(i => y[i]!),
        );
        if (fitted.kind !== 'isotonic') throw new Error('not isotonic');
        for (const i of s.keys()) {
          if (half.has(i) !== inside) continue;
          lined[i] = calibrated(fitted, s[i]!);
          stepped[i] =
            fitted.to[
              Math.max(
                0,
                fitted.from.findLastIndex(x => x <= s[i]!),
              )
            ]!;
        }
      }
      steps += brier(stepped, y) / repeats;
      lines += brier(lined, y) / repeats;
    }
    return { steps, lines };
  };

  // The page reads the curve as steps; ours draws lines between the points, as is usual, and is a little better. One in 200 repeats of
  // 500 items has a standard error of .00025.
  test('isotonic helps one judge and hurts another on what it was not fitted to', { timeout: 60_000 }, () => {
    const [strong, weak] = [twoFold('gpt-4-turbo', 200), twoFold('gpt-3.5-turbo', 200)];
    expect(Math.abs(strong.steps - 0.1477)).toBeLessThan(3 * 0.00036);
    expect(Math.abs(weak.steps - 0.1681)).toBeLessThan(3 * 0.00036);
    expect(strong.lines).toBeLessThan(strong.steps);
    expect(strong.lines).toBeLessThan(0.1631);
    expect(weak.lines).toBeGreaterThan(0.1638);
  });
});

const tunedFile = 'eval/frugalgpt_HEADLINES_e8.csv';
describe.skipIf(!recording(tunedFile))(`tuned cascades${unlessRecorded(tunedFile)}`, () => {
  // The method's page says 1.08 of SCIQ; this file gives 1.073.
  test.each([
    ['HEADLINES_e8', 1.28],
    ['SCIQ_e8', 1.07],
    ['AGNEWS_e8', 1.06],
    ['OVERRULING_e5', 0.9],
    ['COQA_e2', 0.35],
  ])('of %s look better in training by %d points more than single models do', (name, expected) => {
    const rows = csv(`eval/frugalgpt_${name}.csv`);
    const gap = (of: Record<string, string>[]): number => of.reduce((s, r) => s + Number(r.Train_acc) - Number(r.Test_acc), 0) / of.length;
    const tuned = rows.filter(r => r.Method === 'FrugalGPT');
    const optimism = 100 * (gap(tuned) - gap(rows.filter(r => r.Method !== 'FrugalGPT')));
    expect(Math.abs(optimism - expected)).toBeLessThan(0.0052);
  });

  test.each([
    ['HEADLINES_e8', '0.869800', '0.000192', 'gpt-4-turbo', '0.855800', '0.003331'],
    ['SCIQ_e8', '0.786950', '0.001885', 'gpt-4-turbo', '0.778558', '0.016268'],
    ['AGNEWS_e8', '0.900263', '0.000565', 'claude-3-5-sonnet-20240620', '0.900263', '0.002037'],
  ])('of %s reach %s at $%s, the best single model %s %s at $%s', (name, accuracy, cost, single, its, at) => {
    const rows = csv(`eval/frugalgpt_${name}.csv`).map(r => [
      r.Method === 'FrugalGPT' ? 'tuned' : (r.Provider ?? ''),
      r.Test_acc,
      r.Test_cost,
    ]);
    const named = (of: (string | undefined)[][]): string[] => of.map(([, acc, c]) => `${Number(acc).toFixed(6)} ${Number(c).toFixed(6)}`);
    expect(named(rows.filter(([who]) => who === 'tuned'))).toContain(`${accuracy} ${cost}`);
    const all = csv(`eval/frugalgpt_${name}.csv`).filter(r => Object.values(r).includes(single));
    expect(all.map(r => `${Number(r.Test_acc).toFixed(6)} ${Number(r.Test_cost).toFixed(6)}`)).toContain(`${its} ${at}`);
  });
});

const trace = 'traces/azure_llm_2023_conv.csv.gz';
test.skipIf(!recording(trace))(`the arrivals of a public trace have the printed gaps${unlessRecorded(trace)}`, () => {
  const [, ...lines] = gunzipSync(readFileSync(recording(trace)!))
    .toString()
    .trimEnd()
    .split('\n');
  const at = lines.map(line => Date.parse(`${line.split(',')[0]!.replace(' ', 'T').slice(0, 23)}Z`) / 1000);
  const gaps = at.slice(1).map((t, i) => t - at[i]!);
  const mean = gaps.reduce((s, g) => s + g, 0) / gaps.length;
  const spread = Math.sqrt(gaps.reduce((s, g) => s + (g - mean) ** 2, 0) / gaps.length);
  expect(lines).toHaveLength(19_366);
  expect((at.at(-1)! - at[0]!).toFixed(1)).toBe('3501.7');
  expect([mean.toFixed(4), (spread / mean).toFixed(2), Math.max(...gaps).toFixed(2)]).toEqual(['0.1808', '1.09', '4.31']);
});
