/** Gates: what is asserted, what the file may say, and when the data say pass, fail or neither. */
import { describe, expect, test } from 'vitest';
import { metricNames, parseAssertion } from '../../eval/gate/assertion.ts';
import { evaluateGate, type GateReport, type GateRule } from '../../eval/gate/evaluate.ts';
import { parseGate } from '../../eval/gate/file.ts';
import type { Compared } from '../../eval/gate/metric.ts';
import { sideNamed } from '../../eval/gate/side.ts';
import type { Trials } from '../../eval/policies/trials.ts';
import { junitText } from '../../eval/report/gate/pipeline.ts';
import { gateSentence, gateText, markdownText } from '../../eval/report/gate/text.ts';
import { type Clusters, clustersOf, randomGenerator, unclustered } from '../../statistics/index.ts';

const options = { confidence: 0.95, seed: 7, clustersMin: 1 };

function rule(metric: GateRule['metric'], assert: string): GateRule {
  const assertion = parseAssertion(assert, metric);
  if (typeof assertion === 'string') throw new Error(assertion);
  return { name: `${metric} ${assert}`, metric, assertion, line: 1 };
}

/** Columns of n items; what is not given is the same for all. */
function trials(n: number, columns: Partial<Record<keyof Trials, (i: number) => number>>): Trials {
  const column = (of: ((i: number) => number) | undefined, otherwise: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => of?.(i) ?? otherwise);
  return {
    cost: column(columns.cost, 1e6),
    quality: column(columns.quality, 1),
    latencyMs: column(columns.latencyMs, 100),
    firstTokenMs: column(columns.firstTokenMs, 50),
    step: Int8Array.from(column(columns.step, 0)),
  };
}

const compared = (baseline: Trials, candidate: Trials, clusters: Clusters = unclustered(baseline.step.length)): Compared => ({
  baseline,
  candidate,
  clusters,
  hull: undefined,
});
const verdictOf = (data: Compared, metric: GateRule['metric'], assert: string): string =>
  evaluateGate([rule(metric, assert)], data, options).verdict;

describe('an assertion', () => {
  test.each([
    ['quality', 'delta > -1pp', { subject: 'delta', side: 'above', bound: -0.01 }],
    ['quality', 'value >= 90%', { subject: 'value', side: 'above', bound: 0.9 }],
    ['harm', 'value < 2%', { subject: 'value', side: 'below', bound: 0.02 }],
    ['harm', 'value<0.02', { subject: 'value', side: 'below', bound: 0.02 }],
    ['cost_per_1k', 'delta < -20%', { subject: 'change', side: 'below', bound: -0.2 }],
    ['cost_per_1k', 'delta < -$1.50', { subject: 'delta', side: 'below', bound: -1.5 }],
    ['cost_per_1k', 'value < $7.10', { subject: 'value', side: 'below', bound: 7.1 }],
    ['ttft_p95', 'delta < +300ms', { subject: 'delta', side: 'below', bound: 300 }],
    ['latency_p95', 'value < 2.5s', { subject: 'value', side: 'below', bound: 2500 }],
    ['latency_p95', 'delta < 10%', { subject: 'change', side: 'below', bound: 0.1 }],
    ['beats_random_mix', 'value > 0pp', { subject: 'value', side: 'above', bound: 0 }],
  ] as const)('%s: %s', (metric, text, expected) => {
    expect(parseAssertion(text, metric)).toMatchObject(expected);
  });

  test.each([
    ['quality', 'delta > -1%', 'a change of a share is written in pp'],
    ['quality', 'quality > 1', 'is no assertion'],
    ['quality', 'delta > -1ms', 'has no unit that fits quality'],
    ['quality', 'value > 90', 'a share is written in %'],
    ['harm', 'delta < 1pp', 'harm is measured against the baseline already'],
    ['latency_p95', 'value < 300', 'a time is written in ms or s'],
    ['cost_per_1k', 'delta < 3', 'a change of cost is written in % or with a $'],
  ] as const)('%s: %s is refused', (metric, text, expected) => {
    expect(parseAssertion(text, metric)).toContain(expected);
  });

  test('every refusal shows an example that is accepted', () => {
    for (const metric of metricNames) {
      const refusal = parseAssertion('nonsense', metric) as string;
      const example = /"([^"]+)"$/.exec(refusal)![1]!;
      expect(parseAssertion(example, metric)).toBeTypeOf('object');
    }
  });
});

describe('a gate file', () => {
  const minimal =
    'version: 1\nbaseline: recorded\ncandidate: { chain: smart, thresholds: 0.74 }\ngates:\n  - { metric: quality, assert: "delta > -1pp" }\n';

  test('needs little', () => {
    const parsed = parseGate(minimal);
    expect(parsed).toMatchObject({
      ok: true,
      gate: {
        baseline: { type: 'recorded' },
        candidate: { type: 'chain', chain: 'smart', thresholds: [0.74] },
        confidence: 0.95,
        onInconclusive: undefined,
        rules: [{ name: 'quality delta > -1pp', metric: 'quality', line: 5 }],
      },
    });
  });

  test('says all it can', () => {
    const parsed = parseGate(
      `version: 1
baseline: { run: latest, arm: sim/large }
candidate: { config: next.yaml, route: smart }
data: { since: 7d, run: [a, b], cluster: conversation_id, min_clusters: 200 }
statistics: { confidence: 90%, method: auto, multiplicity: holm, seed: 7 }
on_inconclusive: fail
gates:
  - name: cheaper
    metric: cost_per_1k
    assert: "delta < -20%"
report: [pretty, junit: out/gate.xml, md: out/gate.md, json: out/gate.json]
`,
    );
    expect(parsed).toMatchObject({
      ok: true,
      gate: {
        baseline: { type: 'run', run: 'latest', arm: 'sim/large' },
        candidate: { type: 'config', file: 'next.yaml', route: 'smart' },
        data: { since: '7d', runs: ['a', 'b'], clustersMin: 200 },
        confidence: 0.9,
        seed: 7,
        onInconclusive: 'fail',
        reports: [
          { type: 'junit', file: 'out/gate.xml' },
          { type: 'md', file: 'out/gate.md' },
          { type: 'json', file: 'out/gate.json' },
        ],
      },
    });
  });

  test('takes a chain as a list, and an arm as one of the run that the data are of', () => {
    const source = minimal.replace('recorded', '{ arm: sim/large }').replace('chain: smart', 'chain: [sim/small, sim/large]');
    expect(parseGate(`${source}data: { run: r1 }\n`)).toMatchObject({
      gate: { baseline: { type: 'run', run: 'r1', arm: 'sim/large' }, candidate: { type: 'chain', chain: 'sim/small,sim/large' } },
    });
  });

  test.each([
    ['a key of the method that is not built', `${minimal}data: { until: 1d }\n`, 6, 'data.until', 'is not available yet'],
    ['a budget of nothing', `${minimal}budget: { max_cost: much }\n`, 6, 'budget.max_cost', 'must be USD'],
    [
      'a slice that cannot be read',
      minimal.replace('metric: quality', 'metric: quality, where: "task = refund"'),
      5,
      'gates.0.where',
      "expects a text in quotes after task =: 'refund'",
    ],
    ['a misspelt key', minimal.replace('candidate', 'candidat'), 3, 'candidat', 'did you mean "candidate"'],
    ['a missing side', minimal.replace(/candidate.*\n/, ''), 1, 'candidate', 'is missing; it must be recorded'],
    ['an unknown metric', minimal.replace('metric: quality', 'metric: qualty'), 5, 'gates.0.metric', 'must be one of quality, harm'],
    ['an assertion without a unit', minimal.replace('-1pp', '-1'), 5, 'gates.0.assert', 'written in pp'],
    ['two sides in one', minimal.replace('chain: smart', 'chain: smart, run: x'), 3, 'candidate', 'must be one of recorded'],
    ['thresholds out of range', minimal.replace('0.74', '74'), 3, 'candidate.thresholds', 'numbers from 0 to 1'],
    ['another report', `${minimal}report: [pdf: x]\n`, 6, 'report.0', 'must be pretty, github'],
    ['two kinds of assertion', minimal.replace('assert:', 'assert_point: "delta > 0pp", assert:'), 5, 'gates.0.assert', 'give one of them'],
    ['a file and the store at once', `${minimal}data: { outcomes: a, since: 7d }\n`, 6, 'data.outcomes', 'give either a file or the store'],
    ['a confidence of nothing', `${minimal}statistics: { confidence: 10% }\n`, 6, 'statistics.confidence', 'such as 95%'],
    ['broken YAML', 'version: [1', 1, '', ''],
    ['nothing', '', 1, '', 'must be a mapping'],
  ])('refuses %s, and says where', (_, source, line, path, message) => {
    const parsed = parseGate(source);
    expect(parsed.ok).toBe(false);
    const problem = !parsed.ok && parsed.problems.find(p => p.path === path && p.message.includes(message));
    expect(problem).toMatchObject({ line });
  });
});

describe('a side on the command line', () => {
  const known = { routes: new Set(['smart']), runs: new Set(['r1']) };
  test.each([
    ['recorded', { type: 'recorded' }],
    ['smart', { type: 'chain', chain: 'smart', thresholds: undefined }],
    ['smart@0.5', { type: 'chain', chain: 'smart', thresholds: [0.5] }],
    ['a/b,c/d@0.7', { type: 'chain', chain: 'a/b,c/d', thresholds: [0.7] }],
    ['a,b,c@0.7,0.9', { type: 'chain', chain: 'a,b,c', thresholds: [0.7, 0.9] }],
    ['config:next.yaml', { type: 'config', file: 'next.yaml', route: undefined }],
    ['latest', { type: 'run', run: 'latest', arm: undefined }],
    ['r1:sim/large', { type: 'run', run: 'r1', arm: 'sim/large' }],
    ['sim/small:tps=5', { type: 'target', target: 'sim/small:tps=5' }],
    ['vertex/claude@1', { type: 'target', target: 'vertex/claude@1' }],
  ])('%s', (text, side) => {
    expect(sideNamed(text, known)).toEqual(side);
  });
});

describe('a verdict', () => {
  const draw = randomGenerator(1);
  const noisy = (n: number, mean: number) => {
    const values = Float64Array.from({ length: n }, () => (draw() < mean ? 1 : 0));
    return (i: number): number => values[i]!;
  };

  test('is pass, fail or inconclusive by where the whole interval lies', () => {
    const n = 1000;
    const base = trials(n, {});
    const worse = (share: number): Trials => trials(n, { quality: i => (i < share * n ? 0 : 1) });
    expect(verdictOf(compared(base, worse(0)), 'quality', 'delta > -1pp')).toBe('pass');
    expect(verdictOf(compared(base, worse(0.05)), 'quality', 'delta > -1pp')).toBe('fail');
    expect(verdictOf(compared(base, worse(0.01)), 'quality', 'delta > -1pp')).toBe('inconclusive');
    expect(verdictOf(compared(base, worse(0.01)), 'harm', 'value < 3%')).toBe('pass');
    expect(verdictOf(compared(base, worse(0.01)), 'harm', 'value < 0.5%')).toBe('inconclusive');
    // The reference's own run-to-run noise is in it: harm can pass, and never fails.
    expect(verdictOf(compared(base, worse(0.05)), 'harm', 'value < 0.5%')).toBe('inconclusive');
    expect(verdictOf(compared(base, worse(0.05)), 'quality', 'delta > -0.5pp')).toBe('fail');
  });

  test('does not pass because a few requests happened not to differ', () => {
    expect(verdictOf(compared(trials(20, {}), trials(20, {})), 'quality', 'delta > -1pp')).toBe('inconclusive');
    expect(verdictOf(compared(trials(20, {}), trials(20, {})), 'harm', 'value < 2%')).toBe('inconclusive');
  });

  test('of cost and times comes from the paired bootstrap, percent and absolute alike', () => {
    const n = 200;
    const base = trials(n, { cost: i => 1e7 + 1e4 * i, latencyMs: i => 100 + i, firstTokenMs: i => 50 + i });
    const head = trials(n, { cost: i => 0.7e7 + 1e4 * i, latencyMs: i => 150 + i, firstTokenMs: i => 150 + i });
    const data = compared(base, head);
    const { findings } = evaluateGate(
      [
        rule('cost_per_1k', 'delta < -20%'),
        rule('cost_per_1k', 'delta < -$2'),
        rule('latency_p95', 'delta < +60ms'),
        rule('latency_p95', 'delta < +40ms'),
        rule('ttft_p50', 'delta < 10%'),
        rule('latency_p50', 'value < 1s'),
        rule('latency_p99', 'value < 1s'),
      ],
      data,
      options,
    );
    expect(findings.map(finding => finding.verdict)).toEqual(['pass', 'pass', 'pass', 'fail', 'fail', 'pass', 'inconclusive']);
    expect(findings[0]!.estimate!.value).toBeCloseTo(-0.2727, 3);
    expect(findings[1]!.estimate!.value).toBeCloseTo(-3, 6);
    expect(findings[2]!.estimate).toMatchObject({ value: 50 });
    expect(findings[2]).toMatchObject({ baseline: 289, candidate: 339 });
    expect(findings[6]!.reason).toBe('a p99 needs at least 500 timed requests; there are 200');
  });

  test('counts clusters, not rows', () => {
    const n = 400;
    const clusters = clustersOf(Array.from({ length: n }, (_, i) => String(Math.floor(i / 40))));
    // Two conversations of ten are all worse, one is all better.
    const base = trials(n, { quality: i => (i >= 80 && i < 120 ? 0 : 1) });
    const head = trials(n, { quality: i => (i < 80 ? 0 : 1) });
    expect(verdictOf(compared(base, head), 'quality', 'delta > -1pp')).toBe('fail');
    expect(verdictOf(compared(base, head, clusters), 'quality', 'delta > -1pp')).toBe('inconclusive');
  });

  test('says how much more data would decide it, and what they cost', () => {
    const base = trials(100, { cost: () => 2e7 });
    const head = trials(100, { cost: () => 1e7 });
    const [finding] = evaluateGate([rule('quality', 'delta > -1pp')], compared(base, head), options).findings;
    expect(finding!.verdict).toBe('inconclusive');
    expect(finding!.needed!.requests).toBeGreaterThan(50);
    expect(finding!.needed!.usd).toBeCloseTo(finding!.needed!.requests * 0.03, 6);
  });

  test('is withheld below the least number of clusters', () => {
    const data = compared(trials(1000, {}), trials(1000, { quality: () => 0 }));
    const judged = evaluateGate([rule('quality', 'delta > -1pp')], data, { ...options, clustersMin: 2000 });
    expect(judged.verdict).toBe('inconclusive');
    expect(judged.findings[0]!.reason).toContain('fewer than the 2000 clusters');
  });

  test('is inconclusive where a number cannot be had, and says why', () => {
    const data = compared(trials(50, { cost: () => Number.NaN }), trials(50, { latencyMs: () => Number.NaN }));
    const { findings } = evaluateGate(
      [rule('cost_per_1k', 'delta < -20%'), rule('latency_p95', 'value < 1s'), rule('beats_random_mix', 'value > 0pp')],
      data,
      options,
    );
    expect(findings.map(({ verdict }) => verdict)).toEqual(['inconclusive', 'inconclusive', 'inconclusive']);
    expect(findings.map(({ reason }) => reason)).toEqual([
      'some target has no known price; give it one under `prices` in the config',
      'no request has a known time for every target involved',
      'the candidate is no chain whose targets are all known here, so there is no mix of its targets',
    ]);
  });

  test('does not fail one of ten assertions by chance: failures are corrected for their number', () => {
    // Surely enough below zero for one test (p about 0.01), not for ten.
    const n = 400;
    const base = trials(n, { quality: i => (i < 5 ? 0 : 1) });
    const head = trials(n, { quality: i => (i >= 5 && i < 22 ? 0 : 1) });
    const one = [rule('quality', 'delta > 0pp')];
    const ten = [...one, ...Array.from({ length: 9 }, () => rule('error_rate', 'value < 50%'))];
    expect(evaluateGate(one, compared(base, head), options).verdict).toBe('fail');
    expect(evaluateGate(ten, compared(base, head), options).findings[0]!.verdict).toBe('inconclusive');
  });

  test('of two runs of the same thing is almost never fail', () => {
    const rules = [
      rule('quality', 'delta > -1pp'),
      rule('error_rate', 'delta < 1pp'),
      rule('escalation', 'delta < 2pp'),
      rule('cost_per_1k', 'delta < $0.1'),
    ];
    let failed = 0;
    const pairs = 200;
    for (let k = 0; k < pairs; k++) {
      const side = (): Trials => trials(300, { quality: noisy(300, 0.9), step: noisy(300, 0.4), cost: () => 1e6 * (1 + draw()) });
      if (evaluateGate(rules, compared(side(), side()), options).verdict === 'fail') failed++;
    }
    expect(failed / pairs).toBeLessThanOrEqual(0.02);
  });

  test('does not depend on the order of the rows', () => {
    const quality = noisy(200, 0.9);
    const cost = noisy(200, 0.5);
    const order = Array.from({ length: 200 }, (_, i) => (i * 7) % 200);
    const keys = (i: number): string => String(i % 30);
    const at = (pick: (i: number) => number) => {
      const data = compared(
        trials(200, {}),
        trials(200, { quality: i => quality(pick(i)), cost: i => 1e6 * (1 + cost(pick(i))) }),
        clustersOf(Array.from({ length: 200 }, (_, i) => keys(pick(i)))),
      );
      return evaluateGate([rule('quality', 'delta > -5pp')], data, options).findings[0]!.estimate!;
    };
    const [straight, turned] = [at(i => i), at(i => order[i]!)];
    expect(turned.low).toBeCloseTo(straight.low, 12);
    expect(turned.high).toBeCloseTo(straight.high, 12);
  });
});

describe('a report', () => {
  const report: GateReport = {
    ...evaluateGate(
      [rule('quality', 'delta > -1pp'), rule('error_rate', 'value < 1%')],
      compared(trials(100, {}), trials(100, { quality: i => (i < 30 ? 0 : 1), step: i => (i < 3 ? -1 : 0) })),
      options,
    ),
    baseline: 'a<b',
    candidate: 'smart | at 0.7',
    label: 'given',
    dropped: [{ count: 3, why: 'no outcome of b' }],
    notes: [],
    name: 'router',
    changes: [{ id: 'q|1', baseline: 1, candidate: 0 }],
  };

  test('says the verdict in one sentence', () => {
    expect(gateSentence(report)).toBe('FAIL: "quality delta > -1pp" does not hold.');
    expect(gateText(report, (head, rows) => [head, ...rows].map(row => row.join(' ')).join('\n'))).toContain(
      '3 requests left out: no outcome of b',
    );
  });

  test('as JUnit is XML with one case for each assertion', () => {
    const xml = junitText(report, 'gate.yaml');
    expect(xml).toContain('tests="2" failures="1" skipped="1"');
    expect(xml).toContain('name="quality delta &gt; -1pp"');
    expect(xml).toContain('<skipped message="INCONCLUSIVE value &lt; 1%');
    expect(xml).not.toMatch(/&(?!lt;|gt;|amp;|quot;)/);
  });

  test('as Markdown keeps its table whole whatever the names hold', () => {
    const lines = markdownText(report).split('\n');
    expect(lines[0]).toBe('<!-- hindcast-gate:router -->');
    const rows = lines.filter(line => line.startsWith('|'));
    expect(rows).toHaveLength(7);
    for (const row of rows.slice(0, 4)) expect(row.replace(/\\\|/g, '').match(/\|/g)).toHaveLength(8);
    expect(lines.join('\n')).toContain('a&lt;b');
  });
});
