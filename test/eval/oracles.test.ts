/** Published data, read where it lies: every number that the method's page prints is reproduced to its digits. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { certify } from '../../eval/certify/certify.ts';
import { parseOutcomes } from '../../eval/outcomes/file.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { chainOf } from '../../eval/policies/chain.ts';
import { sweep } from '../../eval/sweep/sweep.ts';
import {
  auroc,
  binomialPValueBelow,
  brier,
  calibrationError,
  clusteredMean,
  clustersOf,
  differences,
  equalWidthBins,
  type Numbers,
  sum,
  unclustered,
  unpairedStandardError,
  upperBound,
} from '../../statistics/index.ts';
import { recording, unlessRecorded } from '../recordings.ts';

const lines = (path: string): string[] => {
  const file = recording(path);
  return file ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
};

/** Rows by column name; no cell of these files holds a comma. */
const csv = (path: string): Record<string, string>[] => {
  const [head = '', ...rows] = lines(path);
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

const suite = (path: string, tests: () => void): void => {
  describe.skipIf(!recording(path))(`${path}${unlessRecorded(path)}`, tests);
};

const chain = (text: string) => {
  const parsed = chainOf(text, new Map());
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};

suite('eval/mot_date_outcomes.jsonl', () => {
  const parsed = parseOutcomes(lines('eval/mot_date_outcomes.jsonl').join('\n'));
  const items = parsed.ok ? parsed.items : [];
  const mot = chain('gpt-3.5/cot1+pot1,gpt-4/cot-sc');
  const outcomes = { items, label: 'given', notes: [] };

  test('the sweep prints the worked example', () => {
    const thresholds = [1, 0.9, 0.8, 0.7, 0.6, 0.5].map(t => [t]);
    const swept = sweep(mot, outcomes, { signal: 'confidence', confidence: 0.95, thresholds })!;
    expect(swept.items).toBe(369);
    const rows = swept.rows.map(row => [
      row.thresholds![0],
      row.answered[0]!.toFixed(4),
      row.quality.value.toFixed(4),
      row.relativeCost!.value.toFixed(3),
      `${row.worse}/${row.better}`,
      binomialPValueBelow(row.worse, 369, 0.02).toFixed(4),
      (upperBound(row.worse, 369, 0.95) * 100).toFixed(row.worse > 9 ? 1 : 2),
    ]);
    expect(rows).toEqual([
      [1, '0.4201', '0.8943', '0.726', '0/3', '0.0006', '0.81'],
      [0.9, '0.5257', '0.8970', '0.619', '1/5', '0.0049', '1.28'],
      [0.8, '0.5827', '0.8970', '0.563', '1/5', '0.0049', '1.28'],
      [0.7, '0.6694', '0.8970', '0.473', '2/6', '0.0213', '1.70'],
      [0.6, '0.7046', '0.8916', '0.437', '5/7', '0.2521', '2.83'],
      [0.5, '0.9133', '0.8130', '0.236', '35/8', '1.0000', '12.4'],
    ]);
    const reference = swept.singles.find(({ target }) => target === 'gpt-4/cot-sc')!;
    expect(reference.quality.value.toFixed(4)).toBe('0.8862');
    expect((reference.costPer1k!.value * 0.369).toFixed(4)).toBe('11.0806');
  });

  test('left to itself it looks at the same thresholds', () => {
    const swept = sweep(mot, outcomes, { signal: 'confidence', confidence: 0.95 })!;
    expect(swept.rows.map(row => row.thresholds![0])).toEqual(expect.arrayContaining([1, 0.9, 0.8, 0.7, 0.6, 0.5]));
  });

  test('harm ≤ 2 pp is certified at 0.7, after which 0.6 is not', () => {
    const kept = completeItems(items, mot.targets);
    const certificate = certify(mot, kept, { signal: 'confidence', loss: 'harm', lossMax: 0.02, confidence: 0.95, seed: 1 });
    expect(certificate.method).toBe('exact binomial');
    expect(certificate.certified).toMatchObject({ threshold: 0.7, worse: 2, better: 6 });
    expect(certificate.certified!.relativeCost!.value.toFixed(4)).toBe('0.4732');
    expect(certificate.tested.at(-1)).toMatchObject({ threshold: 0.6 });
  });
});

suite('eval/mot_date_369.csv', () => {
  test('averaged over the eight pairings the thresholds give the accuracies of the paper', () => {
    const rows = csv('eval/mot_date_369.csv');
    const pairs = ['c11+p11', 'c11+p12', 'c12+p11', 'c12+p12', 'c21+p21', 'c21+p22', 'c22+p21', 'c22+p22'];
    const accuracy = (t: number): string => {
      const means = pairs.map(
        pair =>
          rows.reduce(
            (s, row) =>
              s + Number(Number(row[`${pair}.votes`]) / Number(row[`${pair}.n`]) >= t ? row[`${pair}.correct`] : row.gpt4_correct),
            0,
          ) / rows.length,
      );
      return (means.reduce((s, m) => s + m, 0) / pairs.length).toFixed(4);
    };
    expect([0.6, 0.7, 0.8, 1].map(accuracy)).toEqual(['0.8811', '0.8886', '0.8943', '0.8919']);
  });
});

/** weak and strong columns of a file, without the contaminated rows. */
const pairsOf = (path: string): { readonly weak: Numbers; readonly strong: Numbers; readonly subjects: string[] } => {
  const rows = csv(path).filter(row => row.contaminated === '0');
  return {
    weak: rows.map(row => Number(row.weak)),
    strong: rows.map(row => Number(row.strong)),
    subjects: rows.map(row => row.subject ?? ''),
  };
};
const counts = (weak: Numbers, strong: Numbers): number[] => {
  const of = (w: number, s: number): number => Array.from(weak).filter((x, i) => x === w && strong[i] === s).length;
  return [of(1, 1), of(0, 1), of(1, 0), of(0, 0)];
};
const correlation = (a: Numbers, b: Numbers): number => {
  const [ma, mb] = [sum(a) / a.length, sum(b) / b.length];
  const dot = (x: Numbers, mx: number, y: Numbers, my: number): number => Array.from(x).reduce((s, v, i) => s + (v - mx) * (y[i]! - my), 0);
  return dot(a, ma, b, mb) / Math.sqrt(dot(a, ma, a, ma) * dot(b, mb, b, mb));
};

suite('eval/routellm_gsm8k_1319.csv', () => {
  test('pairs narrow the error of the difference', () => {
    const { weak, strong } = pairsOf('eval/routellm_gsm8k_1319.csv');
    const iid = unclustered(weak.length);
    const difference = clusteredMean(differences(weak, strong), iid);
    expect(weak.length).toBe(1307);
    expect(((sum(strong) / 1307) * 100).toFixed(4)).toBe('85.7689');
    expect(((sum(weak) / 1307) * 100).toFixed(4)).toBe('63.7337');
    expect(counts(weak, strong)).toEqual([739, 382, 94, 92]);
    expect((((1307 - 92) / 1307) * 100).toFixed(4)).toBe('92.9610');
    expect((difference.mean * 100).toFixed(4)).toBe('-22.0352');
    expect((unpairedStandardError(clusteredMean(weak, iid), clusteredMean(strong, iid)) * 100).toFixed(4)).toBe('1.6445');
    expect((difference.standardError * 100).toFixed(4)).toBe('1.5546');
    expect(correlation(weak, strong).toFixed(5)).toBe('0.11181');
  });
});

suite('eval/routellm_mmlu_14042.csv', () => {
  test('clusters widen it five times over', () => {
    const { weak, strong, subjects } = pairsOf('eval/routellm_mmlu_14042.csv');
    const iid = unclustered(weak.length);
    const d = differences(weak, strong);
    const clusters = clustersOf(subjects);
    expect(weak.length).toBe(14_037);
    expect(clusters.count).toBe(57);
    expect([strong, weak].map(x => ((sum(x) / 14_037) * 100).toFixed(4))).toEqual(['80.5870', '68.0915']);
    expect(counts(weak, strong)).toEqual([8816, 2496, 742, 1983]);
    expect((clusteredMean(d, iid).mean * 100).toFixed(4)).toBe('-12.4955');
    expect((unpairedStandardError(clusteredMean(weak, iid), clusteredMean(strong, iid)) * 100).toFixed(3)).toBe('0.516');
    expect((clusteredMean(d, iid).standardError * 100).toFixed(4)).toBe('0.3914');
    // The page gives it without the factor G/(G-1).
    expect((clusteredMean(d, clusters).standardError * Math.sqrt(56 / 57) * 100).toFixed(5)).toBe('2.07961');
  });
});

suite('eval/cse_judges_500.csv', () => {
  const rows = csv('eval/cse_judges_500.csv');
  const column = (name: string): number[] => rows.map(row => Number(row[name]));

  test.each([
    ['mistral-7b-instruct', '0.750', '0.168931', '0.096918', '0.732309'],
    ['gpt-3.5-turbo', '0.756', '0.163751', '0.049342', '0.742953'],
    ['gpt-4-turbo', '0.784', '0.163056', '0.130153', '0.763747'],
  ])('%s is as well calibrated as printed', (judge, accuracy, score, error, area) => {
    const [confidences, correct] = [column(`${judge}.conf`), column(`${judge}.correct`)];
    expect((sum(correct) / 500).toFixed(3)).toBe(accuracy);
    expect(brier(confidences, correct).toFixed(6)).toBe(score);
    expect(calibrationError(equalWidthBins(confidences, correct)).toFixed(6)).toBe(error);
    expect(auroc(confidences, correct).toFixed(6)).toBe(area);
  });

  /**
   * The published cascade of judges: each is calibrated on what the ones before left, down a grid of 5,000 that begins where 30 answers lie
   * above. It takes the first step whatever its bound, and looks ahead by one part in the grid's length: a certificate would take neither.
   */
  function publishedThresholds(riskMax: number, chance: number): number[] {
    const judges = ['mistral-7b-instruct', 'gpt-3.5-turbo', 'gpt-4-turbo'].map(judge => ({
      sure: column(`${judge}.conf`),
      right: column(`${judge}.correct`),
    }));
    let left = rows.map((_, i) => i);
    return judges.map(({ sure, right }) => {
      const above = (t: number): number[] => left.filter(i => sure[i]! >= t);
      const isRisky = (t: number): boolean => {
        const taken = above(t);
        return binomialPValueBelow(taken.filter(i => right[i] === 0).length, taken.length, riskMax) > chance;
      };
      const grid = Array.from({ length: 5_000 }, (_, i) => Math.fround(i / 4_999)).filter(t => above(t).length >= 30);
      const top = grid.at(-1)!;
      const threshold = isRisky(top) ? top : (grid.findLast(t => isRisky(t - 1 / grid.length)) ?? grid[0]!);
      left = left.filter(i => sure[i]! < threshold);
      return threshold;
    });
  }

  test.each([
    [0.15, ['0.9998', '0.7928', '0.9996'], [57, 232, 31], '0.640', '0.878125'],
    [0.2, undefined, undefined, '0.796', '0.836683'],
  ] as const)('a risk of at most %d in the published cascade of judges', (riskMax, printed, composition, coverage, accuracy) => {
    const thresholds = publishedThresholds(riskMax, 0.1);
    const names = ['mistral-7b-instruct', 'gpt-3.5-turbo', 'gpt-4-turbo'];
    const judges = rows.map(row => names.findIndex((judge, k) => Number(row[`${judge}.conf`]) >= thresholds[k]!));
    const taken = judges.filter(judge => judge >= 0).length;
    const right = judges.filter((judge, i) => judge >= 0 && rows[i]![`${names[judge]}.correct`] === '1').length;
    if (printed) expect(thresholds.map(t => t.toFixed(4))).toEqual(printed);
    if (composition) expect(names.map((_, k) => judges.filter(judge => judge === k).length)).toEqual(composition);
    expect((taken / 500).toFixed(3)).toBe(coverage);
    expect((right / taken).toFixed(6)).toBe(accuracy);
  });

  const items = rows.map((row, i): Item => {
    const outcome = (judge: string) => ({
      quality: Number(row[`${judge}.correct`]),
      signals: { scorer: Number(row[`${judge}.conf`]) },
      costNanoUsd: 1,
    });
    return {
      id: String(i).padStart(3, '0'),
      cluster: String(i),
      outcomes: new Map([
        ['gpt-3.5-turbo', outcome('gpt-3.5-turbo')],
        ['gpt-4-turbo', outcome('gpt-4-turbo')],
      ]),
    };
  });
  const two = chain('gpt-3.5-turbo,gpt-4-turbo');
  const grid = [1.01, ...Array.from({ length: 99 }, (_, i) => (99 - i) / 100)];

  test.each([
    [0.02, 0.83, '0.508', 4, 5, '0.0281'],
    [0.03, 0.76, '0.578', 8, 8, '0.0354'],
    [0.05, 0.65, '0.734', 16, 10, '0.0343'],
    [0.08, 0.55, '0.876', 29, 19, '0.0372'],
  ])('a harm of at most %d is certified down to %d', (lossMax, threshold, accept, worse, better, p) => {
    const certificate = certify(two, completeItems(items, two.targets), {
      signal: 'confidence',
      loss: 'harm',
      lossMax,
      confidence: 0.95,
      seed: 1,
      thresholds: grid,
    });
    expect(certificate.certified).toMatchObject({ threshold, worse, better });
    const last = certificate.tested.at(-2)!;
    expect([last.accept.toFixed(3), last.p.toFixed(4)]).toEqual([accept, p]);
  });

  test('with one chance in ten of being wrong it goes lower', () => {
    const at = (lossMax: number) =>
      certify(two, completeItems(items, two.targets), {
        signal: 'confidence',
        loss: 'harm',
        lossMax,
        confidence: 0.9,
        seed: 1,
        thresholds: grid,
      }).certified!.threshold;
    expect([0.02, 0.03, 0.05, 0.08].map(at)).toEqual([0.82, 0.75, 0.62, 0.54]);
  });
});

suite('eval/routerarena_sub10_809.csv', () => {
  test('says that the second target is dominated', () => {
    const [cheap, dear] = ['gemini-2.0-flash-001', 'claude-3-haiku-20240307'];
    const items = csv('eval/routerarena_sub10_809.csv').map((row, i): Item => {
      const outcome = (model: string) => ({
        quality: Number(row[`${model}.score`]),
        signals: { scorer: 0.5 },
        costNanoUsd: Math.round(Number(row[`${model}.cost`]) * 1e9),
      });
      return {
        id: `${i}`,
        cluster: `${i}`,
        outcomes: new Map([
          [cheap, outcome(cheap)],
          [dear, outcome(dear)],
        ]),
      };
    });
    const swept = sweep(chain(`${cheap},${dear}`), { items, label: 'score', notes: [] }, { signal: 'confidence', confidence: 0.95 })!;
    expect(swept.dominated).toEqual([{ target: dear, by: cheap }]);
    const single = (target: string) => swept.singles.find(s => s.target === target)!;
    expect(single(cheap).quality.value.toFixed(6)).toBe('0.690119');
    expect(single(dear).quality.value.toFixed(6)).toBe('0.523356');
    expect((single(cheap).costPer1k!.value * 0.809).toFixed(5)).toBe('0.03842');
    expect((single(dear).costPer1k!.value * 0.809).toFixed(6)).toBe('0.142377');
  });
});
