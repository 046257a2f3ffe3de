import { describe, expect, test } from 'vitest';
import type { ChatResponse } from '../../../gateway/core/chat/chat.ts';
import { planRoute, type RoutePlan, type TargetEstimate } from '../../../gateway/core/routing/plan.ts';
import { chooseVariant, shadowCallsOf, type Variant } from '../../../gateway/core/routing/variants.ts';
import { agreementOf } from '../../../gateway/core/signals/agreement.ts';
import { applyScorer } from '../../../gateway/core/signals/scorer.ts';

const step = (target: string) => ({ target, timeoutMs: 1000, retries: 0, backoffMs: 100 });
const plan = (more: Partial<RoutePlan> = {}): RoutePlan => ({
  name: 'r',
  deadlineMs: 9000,
  steps: ['a/x', 'b/y', 'c/z'].map(step),
  ...more,
});
const need = { inputTokens: 1000, outputTokens: 1000, tools: false, vision: false, jsonSchema: false };
const price = (usd: number) => ({ id: 'p', input: usd * 1e9, output: usd * 1e9 });
const blank: TargetEstimate = { facts: {}, price: undefined, load: 0, predictedMs: undefined, quantileMs: () => undefined };
const known: Readonly<Record<string, Partial<TargetEstimate>>> = {
  'a/x': { facts: { contextWindow: 1500, tools: false, region: 'us' }, price: price(5), load: 90, predictedMs: 4000 },
  'b/y': { facts: { contextWindow: 200_000, tools: true, region: 'eu' }, price: price(1), load: 50, predictedMs: 300 },
  'c/z': { facts: { tools: true }, load: 10 },
};
const planOf = (more: Partial<RoutePlan>, seed = 'seed', required: Partial<typeof need> = {}, stickyKey = 'conversation') =>
  planRoute(plan(more), { requirements: { ...need, ...required }, seed, stickyKey }, target => ({ ...blank, ...known[target] }));
const order = (policy: { steps: readonly { target: string }[] }): string => policy.steps.map(({ target }) => target[0]).join('');
const seeds = Array.from({ length: 3000 }, (_, i) => `seed ${i}`);

describe('a strategy', () => {
  test('order keeps the configured order, cost puts cheap targets first and unknown prices last', () => {
    expect(order(planOf({}))).toBe('abc');
    expect(order(planOf({ strategy: 'cost' }))).toBe('bac');
  });

  test('cheapest-capable refuses incapable targets and gives the reason', () => {
    const policy = planOf({ strategy: 'cheapest-capable' }, 'seed', { tools: true });
    expect(order(policy)).toBe('bc');
    expect(policy.considered?.find(({ target }) => target === 'a/x')).toMatchObject({
      taken: false,
      why: expect.stringContaining('context window has 1500'),
    });
  });

  test('weighted divides first places by weight, and is deterministic for a request', () => {
    const steps = [
      { ...step('a/x'), weight: 3 },
      { ...step('b/y'), weight: 1 },
      { ...step('c/z'), weight: 0 },
    ];
    const firsts = seeds.map(seed => order(planOf({ strategy: 'weighted', steps }, seed))[0]);
    expect(firsts.filter(first => first === 'a').length / seeds.length).toBeCloseTo(0.75, 1);
    expect(firsts).not.toContain('c');
    expect(planOf({ strategy: 'weighted', steps }, 'one')).toEqual(planOf({ strategy: 'weighted', steps }, 'one'));
  });

  test('latency takes the lower load of two random targets: mostly the lowest, never the highest', () => {
    const firsts = seeds.map(seed => order(planOf({ strategy: 'latency' }, seed))[0]);
    expect(firsts.filter(first => first === 'c').length / seeds.length).toBeCloseTo(2 / 3, 1);
    expect(firsts).not.toContain('a');
  });

  test('sticky keeps a conversation at its target, and moves only the conversations of a removed target', () => {
    const at = (key: string, steps = plan().steps): string => order(planOf({ strategy: 'sticky', steps }, `any ${key}`, {}, key))[0]!;
    for (const key of seeds.slice(0, 300)) {
      const before = at(key);
      expect(at(key)).toBe(before);
      const after = at(key, ['a/x', 'b/y'].map(step));
      if (before !== 'c') expect(after).toBe(before);
    }
  });
});

describe('a route', () => {
  test('refuses targets that do not meet its requirements, or whose facts are unknown', () => {
    expect(order(planOf({ require: { regions: ['eu'] } }))).toBe('b');
    expect(order(planOf({ require: { tools: true } }))).toBe('bc');
    expect(order(planOf({ require: { outputPriceMax: 2e9 } }))).toBe('b');
    expect(planOf({ require: { regions: ['mars'] } })).toMatchObject({ steps: [], considered: [{}, {}, {}] });
  });

  test('refuses targets above the maximum price', () => {
    const policy = planOf({ maxPriceNanoUsd: 3e6 });
    expect(order(policy)).toBe('b');
    expect(policy.considered?.[0]).toMatchObject({ target: 'b/y', taken: true, costNanoUsd: 2e6 });
  });

  test('puts targets with a slow prediction last', () => {
    expect(order(planOf({ slowAfterMs: 1000 }))).toBe('bca');
    expect(order(planOf({ slowAfterMs: 5000 }))).toBe('abc');
  });

  test('hedges at a quantile once it is known, and not when half of all calls take longer', () => {
    const hedge = (hedgeAfter: number | 'p95', p50: number | undefined) =>
      planRoute(plan({ steps: [{ ...step('a/x'), hedgeAfter }] }), { requirements: need, seed: '', stickyKey: '' }, () => ({
        ...blank,
        quantileMs: q => (q === 'p95' ? p50 && 4 * p50 : p50),
      })).steps[0]!.hedgeAfterMs;
    expect(hedge('p95', undefined)).toBeUndefined();
    expect(hedge('p95', 200)).toBe(800);
    expect(hedge(400, 200)).toBe(400);
    expect(hedge(400, 500)).toBeUndefined();
  });
});

describe('a variant', () => {
  const who = (stickyKey: string, tenant = 't', key = 'k') => ({ stickyKey, tenant, key });
  const share = (variants: readonly Variant[]): number =>
    seeds.filter(seed => chooseVariant('r', variants, who(seed))?.variant.route === 'v').length / seeds.length;

  test('takes its share, and keeps its conversations when the share grows', () => {
    const [small, large] = [[{ route: 'v', share: 0.1 }], [{ route: 'v', share: 0.5 }]];
    expect(share(small)).toBeCloseTo(0.1, 1);
    expect(share(large)).toBeCloseTo(0.5, 1);
    for (const seed of seeds.slice(0, 500)) {
      if (chooseVariant('r', small, who(seed))) expect(chooseVariant('r', large, who(seed))).toBeDefined();
    }
  });

  test('applies to the tenants and keys it names', () => {
    const variants = [{ route: 'v', share: 1, tenants: ['acme'], keys: ['web'] }];
    expect(chooseVariant('r', variants, who('x', 'acme', 'web'))).toMatchObject({
      why: '100 % of the requests of tenant acme and key web',
    });
    expect(chooseVariant('r', variants, who('x', 'acme', 'cli'))).toBeUndefined();
    expect(chooseVariant('r', variants, who('x', 'other', 'web'))).toBeUndefined();
  });
});

test('audits sample responses accepted early, shadow calls sample all', () => {
  const policy = planOf({ steps: [{ ...step('a/x'), accept: { signal: 'confidence', atLeast: 0.5 } }, step('b/y')] });
  const attempt = (at: number) => [{ step: at, kind: 'primary', status: 'accepted', opened: true } as const];
  const copies = (at: number, seed: string) =>
    shadowCallsOf(
      { shadow: [{ route: 's', share: 0.5 }], auditProbability: 0.2 },
      policy,
      attempt(at),
      { type: 'answered', attempt: 0 },
      seed,
    );
  const count = (at: number, kind: string): number =>
    seeds.filter(seed => copies(at, seed).some(copy => copy.kind === kind)).length / seeds.length;
  expect(count(0, 'audit')).toBeCloseTo(0.2, 1);
  expect(count(1, 'audit')).toBe(0);
  expect(count(1, 'shadow')).toBeCloseTo(0.5, 1);
  expect(seeds.flatMap(seed => copies(0, seed)).find(copy => copy.kind === 'audit')?.route).toBe('b/y');
});

test('a scorer weighs measured signals, uses the mean for missing ones, and has no value without any', () => {
  const scorer = {
    type: 'logistic',
    features: [
      { signal: 'mean_logprob', weight: 2, mean: 0.5, scale: 0.1 },
      { signal: 'judge', weight: 9, mean: 0.5 },
    ],
    intercept: 0,
  } as const;
  expect(applyScorer(scorer, { mean_logprob: 0.5 })).toBe(0.5);
  expect(applyScorer(scorer, { mean_logprob: 0.6 })).toBeCloseTo(1 / (1 + Math.exp(-2)));
  expect(applyScorer(scorer, { margin: 1 })).toBeUndefined();
});

test('responses agree fully despite white space and key order, and partly by shared words', () => {
  const answer = (text: string): ChatResponse =>
    ({ model: '', choices: [{ index: 0, content: [{ type: 'text', text }], finish: { reason: 'stop' } }] }) as unknown as ChatResponse;
  const agree = (a: string, b: string): number => agreementOf(answer(a), answer(b));
  expect(agree('It’s  so.', "It's so.")).toBe(1);
  expect(agree('{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }')).toBe(1);
  expect(agree('{"a":1}', '{"a":2}')).toBe(0);
  expect(agree('yes', 'no')).toBe(0);
  expect(agree('Paris in France', 'Paris in Texas')).toBeCloseTo(2 / 3);
});
