/** What a gate file may say beyond plain assertions: parts, severities, budgets, snapshots in git, and reports for pipelines. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { parseGate } from '../../eval/gate/file.ts';
import { runGateFile } from '../../eval/gate/run.ts';
import { resolveSide } from '../../eval/gate/side.ts';
import { parseWhere } from '../../eval/gate/where.ts';
import type { Item } from '../../eval/outcomes/outcomes.ts';
import { githubText, sarifText } from '../../eval/report/gate/pipeline.ts';
import { clusteredMean, normalDraw, randomGenerator, sequentialInference, unclustered } from '../../statistics/index.ts';
import { runInProcess } from '../in-process.ts';

const long = process.env.HINDCAST_LONG !== undefined;

describe('where', () => {
  const holds = (text: string, tags: Record<string, string>): boolean => {
    const where = parseWhere(text);
    if (typeof where === 'string') throw new Error(where);
    return where(tags);
  };
  test.each([
    ["task = 'refund'", { task: 'refund' }, true],
    ["task = 'refund'", {}, false],
    ["task != 'refund'", {}, true],
    ["task in ('a', 'b') and not tenant = 'x'", { task: 'b', tenant: 'y' }, true],
    ["task not in ('a', 'b')", { task: 'b' }, false],
    ["a = '1' or b = '2' and c = '3'", { a: '1' }, true],
    ["(a = '1' or b = '2') and c = '3'", { a: '1' }, false],
    ["name = 'O''Brien'", { name: "O'Brien" }, true],
    ['task = "refund"', { task: 'refund' }, true],
  ])('%s of %j is %s', (text, tags, expected) => expect(holds(text, tags as Record<string, string>)).toBe(expected));

  test.each([
    ['task', 'expects =, != or in after task'],
    ["task = 'a' tenant = 'b'", 'does not end at "tenant"'],
    ["(task = 'a'", 'lacks a ")"'],
    ["task ; 'a'", 'cannot be read from "; \'a\'"'],
    ["'a' = task", 'expects the name of a tag'],
    [`${'('.repeat(100)}a = 'b'`, 'is nested more than 50 deep'],
    [`${'not '.repeat(100)}a = 'b'`, 'is nested more than 50 deep'],
  ])('%s is refused', (text, why) => expect(parseWhere(text)).toContain(why));

  test('never throws, whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z'"()=!, andortiq]*$/)), text => void parseWhere(text)),
      { numRuns: long ? 20_000 : 500 },
    );
  });
});

const item = (i: number, base: number, head: number, more: Partial<Item> = {}): Item => ({
  id: `i${String(i).padStart(4, '0')}`,
  cluster: `i${i}`,
  outcomes: new Map([
    ['base', { quality: base, signals: {}, costNanoUsd: 100, latencyMs: 100 + (i % 10) }],
    ['head', { quality: head, signals: {}, costNanoUsd: 50, latencyMs: 90 + (i % 10), scores: { help: head } }],
  ]),
  ...more,
});
const judged = (yaml: string, items: readonly Item[], psi?: number) => {
  const parsed = parseGate(`version: 1\nbaseline: { target: base }\ncandidate: { target: head }\n${yaml}`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const around = { routes: () => new Map(), routesOf: () => new Map(), armOf: () => '', snapshotOf: () => '' };
  const side = (key: 'baseline' | 'candidate') => resolveSide(parsed.gate[key], around) as Exclude<ReturnType<typeof resolveSide>, string>;
  const sides = { baseline: side('baseline'), candidate: side('candidate') };
  return runGateFile(parsed.gate, sides, { items, label: 'test', notes: [] }, () => psi ?? 'none').report!;
};

describe('a rule', () => {
  const half = Array.from({ length: 600 }, (_, i) =>
    item(i, 1, i % 2 === 0 || i % 20 !== 1 ? 1 : 0, { tags: { task: i % 2 === 0 ? 'chat' : 'refund' } }),
  );

  test('about a part of the requests sees no others', () => {
    const report = judged(
      `gates:
  - { metric: quality, where: "task = 'chat'", assert: "delta > -2pp" }
  - { metric: quality, where: "task = 'refund'", assert: "delta > -3pp" }`,
      half,
    );
    expect(report.findings.map(f => [f.verdict, f.items, f.worse])).toEqual([
      ['pass', 300, 0],
      ['fail', 300, 30],
    ]);
    expect(judged("data: { where: \"task = 'chat'\" }\ngates: [{ metric: quality, assert: 'delta > -2pp' }]", half)).toMatchObject({
      verdict: 'pass',
      items: 300,
    });
  });

  test('that only warns decides nothing, and one that aborts ends the list', () => {
    const warned = judged(
      'gates: [{ metric: quality, assert: "delta > -0.1pp", severity: warn }, { metric: cost_per_1k, assert: "delta < -20%" }]',
      half,
    );
    expect([warned.verdict, warned.findings[0]!.verdict]).toEqual(['pass', 'fail']);
    const aborted = judged(
      'gates: [{ metric: quality, assert: "delta > -0.1pp", abort_on_fail: true }, { metric: cost_per_1k, assert: "delta < -20%" }]',
      half,
    );
    expect(aborted.findings.map(f => f.verdict)).toEqual(['fail', 'skipped']);
    expect(aborted.findings[1]!.reason).toContain('not judged, because');
  });

  test('by the number alone says that it is', () => {
    const report = judged(
      'gates: [{ metric: quality, assert_point: "delta > -6pp" }, { metric: quality, assert_point: "delta > -4pp" }]',
      half,
    );
    expect(report.findings.map(f => f.verdict)).toEqual(['pass', 'fail']);
    expect(report.findings[0]!.reason).toBe('by the number alone, without statistics');
  });

  test('may be about a score of any name, or how far the traffic drifted', () => {
    const report = judged(
      'certificate: c.json\ngates: [{ metric: judge.help, assert: "value > 90%" }, { metric: certificate.psi, assert: "value < 0.25" }, { metric: score.tone, assert: "value > 1%" }]',
      half,
      0.3,
    );
    expect(report.findings.map(f => [f.verdict, f.reason])).toEqual([
      ['pass', ''],
      ['fail', ''],
      ['inconclusive', 'no answer has a score named tone'],
    ]);
  });

  test('weighs conversations alike when it shall, and takes tenants for clusters', () => {
    const talks = Array.from({ length: 440 }, (_, i) =>
      item(i, 1, i < 400 ? 1 : 0, { cluster: i < 400 ? 'long' : `c${i}`, tags: { tenant: `t${i % 44}` } }),
    );
    const value = (weights: string) =>
      judged(`data: { weights: ${weights} }\ngates: [{ metric: quality, assert: "value > 50%" }]`, talks).findings[0]!.estimate!.value;
    expect([value('request'), value('cluster')]).toEqual([expect.closeTo(400 / 440, 9), expect.closeTo(1 / 41, 9)]);
    expect(judged('data: { cluster: tenant_id }\ngates: [{ metric: quality, assert: "value > 50%" }]', talks).clusters).toBe(44);
  });
});

describe('at every look', () => {
  test('a confidence sequence is wrong no more often than it says, where an interval looked at again and again is', {
    timeout: 60_000,
  }, () => {
    const draw = randomGenerator(23);
    const trials = long ? 1_000 : 150;
    let [sequence, peeked] = [0, 0];
    for (let k = 0; k < trials; k++) {
      const values: number[] = [];
      let [wrong, naive] = [false, false];
      for (let n = 1; n <= 600; n++) {
        values.push(normalDraw(draw));
        if (n < 20 || n % 10 !== 0) continue;
        const { mean, standardError } = clusteredMean(values, unclustered(n));
        const reported = sequentialInference(mean, standardError, n, 300).interval(0.95);
        wrong ||= reported.low > 0 || reported.high < 0;
        naive ||= Math.abs(mean) > 1.96 * standardError;
      }
      if (wrong) sequence++;
      if (naive) peeked++;
    }
    expect(sequence / trials).toBeLessThan(0.05 + 3 * Math.sqrt(0.0475 / trials));
    expect(peeked / trials).toBeGreaterThan(0.2);
  });

  test('its test and its interval agree at the usual level', () => {
    const reported = sequentialInference(0.3, 0.05, 400, 300);
    const { low } = reported.interval(0.95);
    expect(reported.pValueAbove(low)).toBeCloseTo(0.025, 6);
    expect(sequentialInference(0.3, 0.05, 1, 300).interval(0.95).low).toBe(-Infinity);
  });

  test('a gate under it is slower to decide, and refuses what has no such interval', () => {
    const items = Array.from({ length: 300 }, (_, i) => item(i, 1, i % 100 === 0 ? 0 : 1));
    const reported = (sequential: boolean) =>
      judged(
        `statistics: { sequential: ${sequential} }\ngates: [{ metric: quality, assert: "delta > -4pp" }, { metric: latency_p50, assert: "delta < 10ms" }]`,
        items,
      ).findings;
    expect(reported(false).map(f => f.verdict)).toEqual(['pass', 'pass']);
    expect(reported(true)[1]!.reason).toContain('no interval that holds at every look');
    const width = (f: ReturnType<typeof reported>) => f[0]!.estimate!.high - f[0]!.estimate!.low;
    expect(width(reported(true))).toBeGreaterThan(width(reported(false)));
  });
});

test('of 200 runs of the same thing at most one in fifty fails', { timeout: 60_000 }, () => {
  const draw = randomGenerator(41);
  let failed = 0;
  for (let k = 0; k < 200; k++) {
    const n = 150;
    const noise = (): number => (draw() < 0.85 ? 1 : 0);
    const items = Array.from({ length: n }, (_, i) => item(i, noise(), noise()));
    const report = judged(
      'gates: [{ metric: quality, assert: "delta > -1pp" }, { metric: error_rate, assert: "value < 2%" }, { metric: judge.help, assert: "value > 80%" }, { metric: harm, assert: "value < 15%" }]',
      items,
    );
    if (report.verdict === 'fail') failed++;
  }
  expect(failed).toBeLessThanOrEqual(4);
});

describe('for pipelines', () => {
  const report = judged(
    'name: bots\ngates:\n  - { name: "a, b: 100%", metric: quality, assert: "delta > -0.1pp" }\n  - { metric: latency_p50, assert: "delta < 0ms", severity: warn }',
    Array.from({ length: 300 }, (_, i) => item(i, 1, i % 9 === 0 ? 0 : 1)),
  );

  test("GitHub's annotations stand on the gates' own lines, escaped", () => {
    const lines = githubText(report, 'ci/gate.yaml').split('\n');
    expect(lines[0]).toMatch(/^::error file=ci\/gate.yaml,line=6,title=fail%3A a%2C b%3A 100%25::delta > -0.1pp: /);
    expect(lines.at(-1)).toMatch(/^::notice file=ci\/gate.yaml,line=1,title=hindcast eval gate::FAIL: /);
  });

  test('SARIF has a rule for each metric and a place for each result', () => {
    const { version, runs } = JSON.parse(sarifText(report, 'gate.yaml'));
    expect(version).toBe('2.1.0');
    expect(runs[0].tool.driver.rules.map((r: { id: string }) => r.id)).toEqual(['quality', 'latency_p50']);
    expect(runs[0].results[0]).toMatchObject({
      ruleId: 'quality',
      ruleIndex: 0,
      kind: 'fail',
      level: 'error',
      locations: [{ physicalLocation: { region: { startLine: 6 } } }],
    });
  });
});

describe('eval gate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-gates-'));
  const cwd = process.cwd();
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder, stdio: 'ignore' });
  const outcomes = (wrongEvery: number): string =>
    Array.from({ length: 800 }, (_, i) =>
      JSON.stringify({
        id: `q${i}`,
        tags: { task: i % 2 === 0 ? 'a' : 'b' },
        targets: { bot: { quality: i % wrongEvery === 0 ? 0 : 1, cost: 0.001 + (i % 5) * 1e-5 } },
      }),
    ).join('\n');
  beforeAll(() => {
    process.chdir(folder);
    git('init', '-q');
    mkdirSync('datasets');
    writeFileSync('outcomes.jsonl', outcomes(20));
    git('add', '.');
    git('commit', '-qm', 'before');
    writeFileSync('outcomes.jsonl', outcomes(5));
    writeFileSync('datasets/golden@1.jsonl', outcomes(20));
    const upgrade = (assert: string, more = '') =>
      `version: 1\nname: prompt\nbaseline: { snapshot: outcomes.jsonl, ref: HEAD }\ncandidate: { snapshot: outcomes.jsonl, target: bot }\ngates: [{ metric: quality, assert: "${assert}" }]\nreport: [github, html: out/gate.html, sarif: out/gate.sarif, md: out/gate.md]\n${more}`;
    writeFileSync('prompt.yaml', upgrade('delta > -2pp'));
    writeFileSync('mild.yaml', upgrade('delta > -30pp'));
    writeFileSync(
      'dataset.yaml',
      'version: 1\nbaseline: { target: bot }\ncandidate: { target: bot }\ndata: { dataset: golden@1 }\nbudget: { max_error_rate: 1% }\ngates: [{ metric: quality, assert: "value > 90%" }]\n',
    );
    writeFileSync(
      'costly.yaml',
      'version: 1\nbaseline: { target: bot }\ncandidate: { target: bot }\ndata: { dataset: golden@1 }\nbudget: { max_cost: 5 }\ngates: [{ metric: quality, assert: "value > 90%" }]\n',
    );
  });
  afterAll(() => {
    process.chdir(cwd);
    rmSync(folder, { recursive: true, force: true });
  });

  test('holds a prompt or a model to how it was on another commit', async () => {
    const failed = await runInProcess('eval', 'gate', 'prompt.yaml');
    expect(failed.stdout).toContain('FAIL: "quality delta > -2pp" does not hold.');
    expect(failed.stdout).toContain('::error file=prompt.yaml,line=5');
    expect(failed.code).toBe(1);
    expect(await runInProcess('eval', 'gate', 'prompt.yaml', '--fail-exit-code', '100')).toMatchObject({ code: 100 });
    expect(await runInProcess('eval', 'gate', 'mild.yaml')).toMatchObject({ code: 0 });
    expect(readFileSync('out/gate.html', 'utf8')).toContain('PASS: 1 assertion holds');
    expect(readFileSync('out/gate.md', 'utf8')).toContain('<!-- hindcast-gate:prompt -->');
  });

  test('finds a dataset beside it, and a budget that was broken or cannot be known makes it incomplete', async () => {
    expect(await runInProcess('eval', 'gate', 'dataset.yaml')).toMatchObject({ code: 0 });
    const costly = await runInProcess('eval', 'gate', 'costly.yaml');
    expect(costly).toMatchObject({ code: 4, stderr: expect.stringContaining('budget.max_cost and max_duration are of runs') });
  });

  test('says what is wrong with a snapshot', async () => {
    writeFileSync('none.yaml', readFileSync('prompt.yaml', 'utf8').replace('ref: HEAD', 'ref: nowhere'));
    expect(await runInProcess('eval', 'gate', 'none.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('at nowhere: git has no such file'),
    });
    writeFileSync('flag.yaml', readFileSync('prompt.yaml', 'utf8').replace('ref: HEAD', 'ref: --output=x'));
    expect(await runInProcess('eval', 'gate', 'flag.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('write a branch, a tag or a commit'),
    });
  });
});

describe('the examples', () => {
  const root = join(import.meta.dirname, '../..');
  test.each(['examples/gate.yaml', 'examples/prompt-gate.yaml'])('%s is a gate file', file => {
    expect(parseGate(readFileSync(join(root, file), 'utf8'))).toMatchObject({ ok: true });
  });
  test('and the action are YAML, and call what there is', () => {
    for (const file of ['action.yml', 'examples/github-workflow.yml', 'examples/gitlab-ci.yml'])
      expect(parseDocument(readFileSync(join(root, file), 'utf8')).errors).toEqual([]);
    const action = readFileSync(join(root, 'action.yml'), 'utf8');
    for (const flag of ['--markdown', '--github', '--base', '--head', '--config']) expect(action).toContain(flag);
  });
});
