/** A trained scorer: what it learns, what it refuses to learn from, and that the router reads it as it was meant. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scoredItems, trainScorer, withScorers } from '../../eval/calibration/train-scorer.ts';
import { certify } from '../../eval/certify/certify.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf, withThresholds } from '../../eval/policies/chain.ts';
import { trialRunner } from '../../eval/policies/trials.ts';
import { applyScorer } from '../../gateway/core/signals/scorer.ts';
import { normalDraw, randomGenerator } from '../../statistics/index.ts';
import { settingsOf } from '../gateway/harness.ts';

const draw = randomGenerator(17);
const squashed = (x: number): number => 1 / (1 + Math.exp(-x));
/** Two signals, each half of the truth; a third that is noise, and one that few answers show. */
const items = Array.from({ length: 1_500 }, (_, i): Item => {
  const [a, b] = [normalDraw(draw), normalDraw(draw)];
  const signals = { mean_logprob: squashed(a), margin: squashed(b), brevity: draw(), ...(i % 3 === 0 ? { verbalised: draw() } : {}) };
  return {
    id: `i${i}`,
    cluster: `c${Math.floor(i / 2)}`,
    outcomes: new Map([
      ['small', { quality: draw() < squashed(1 + 2 * a + 2 * b) ? 1 : 0, signals, costNanoUsd: 1 }],
      ['large', { quality: 1, signals: {}, costNanoUsd: 10 }],
    ]),
  };
});
const trained = trainScorer(items, 'small', ['mean_logprob', 'margin', 'brevity', 'verbalised'], 0)!;

describe('a scorer', () => {
  test('ranks unseen answers better than any of its features alone', () => {
    const best = Math.max(...trained.alone.map(({ auroc }) => auroc));
    expect(trained.crossFitted.auroc).toBeGreaterThan(best + 0.03);
    const weight = (signal: string) => trained.scorer.features.find(f => f.signal === signal)!.weight;
    expect(Math.abs(weight('brevity'))).toBeLessThan(0.25 * weight('margin'));
  });

  test('leaves out what few answers show, and says so', () => expect(trained.leftOut).toEqual(['verbalised']));

  test('is not made of few answers, or of right ones only', () => {
    expect(trainScorer(items.slice(0, 60), 'small', ['margin'], 0)).toBeUndefined();
    expect(trainScorer(items, 'large', ['margin'], 0)).toBeUndefined();
  });

  test('is data: written and read again it says the same', () => {
    const repeated = JSON.parse(JSON.stringify(trained.scorer)) as typeof trained.scorer;
    for (const item of items.slice(0, 50))
      expect(applyScorer(repeated, item.outcomes.get('small')!.signals)).toBe(
        applyScorer(trained.scorer, item.outcomes.get('small')!.signals),
      );
  });

  test('takes the place of confidence in the router, and is certified on other requests than it was fitted to', () => {
    const plain = chainOf('small,large', new Map()) as Chain;
    const chain = withScorers(plain, [trained.scorer]);
    const scored = scoredItems(chain, items);
    const decided = (from: readonly Item[]) => trialRunner(from)(withThresholds(chain, [0.8], 'confidence')).step;
    // The router scores by itself: whether the items carry the scorer's word already is the same to it.
    expect([...decided(items)]).toEqual([...decided(scored)]);
    expect([...decided(items)]).toEqual(
      items.map(item => (applyScorer(trained.scorer, item.outcomes.get('small')!.signals)! >= 0.8 ? 0 : 1)),
    );
    const certificate = certify(chain, completeItems(scored, chain.targets), {
      signal: 'scorer',
      loss: 'harm',
      lossMax: 0.08,
      confidence: 0.95,
      seed: 0,
    });
    expect(certificate.split).toBeDefined();
    expect(certificate.certified!.answered[0]).toBeGreaterThan(0.1);
  });
});

test('what is exported is what the configuration takes, also from its file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-scorer-'));
  const file = join(folder, 'scorer.json');
  writeFileSync(file, JSON.stringify(trained.scorer, null, 2));
  const yaml = (scorer: string): string =>
    `providers: { sim: { api: simulated } }\nroutes: { smart: { steps: [{ target: sim/small, scorer: ${scorer}, accept: { scorer: 0.7 } }, { target: sim/large }] } }`;
  for (const written of [JSON.stringify(trained.scorer), `"\${file:${file}}"`])
    expect(settingsOf(yaml(written)).routes.get('smart')!.steps[0]!.scorer).toEqual(trained.scorer);
  rmSync(folder, { recursive: true });
});
