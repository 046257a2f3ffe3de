/** The commands as a pipeline calls them: their exit codes, what they print, what they write. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../in-process.ts';

/** `cheap` is sure of seven requests in ten, and right in 99 of 100 of those; `dear` is always right. */
const outcomes = Array.from({ length: 1000 }, (_, i) => {
  const sure = i % 10 < 7;
  const right = sure ? i % 100 !== 3 : i % 3 === 0;
  return JSON.stringify({
    id: `q${i}`,
    targets: {
      cheap: {
        quality: right ? 1 : 0,
        confidence: sure ? 0.9 : 0.4,
        cost: 0.001 + (i % 7) * 1e-5,
        latency_ms: 100 + (i % 50),
        ttft_ms: 20,
      },
      dear: { quality: 1, cost: 0.01 + (i % 11) * 1e-5, latency_ms: 900 + (i % 90), ttft_ms: 300 },
    },
  });
}).join('\n');

const gate = (assert: string, more = ''): string => `
version: 1
baseline: { target: dear }
candidate: { chain: [cheap, dear], thresholds: [0.8] }
data: { outcomes: outcomes.jsonl }
gates:
  - { name: no worse, metric: quality, assert: "${assert}" }
  - { name: cheaper, metric: cost_per_1k, assert: "delta < -20%" }
${more}`;

const folder = mkdtempSync(join(tmpdir(), 'hindcast-eval-'));
const cwd = process.cwd();
const place = {
  write: (name: string, text: string): void => writeFileSync(join(folder, name), text),
  read: (name: string): string => readFileSync(join(folder, name), 'utf8'),
  run: runInProcess,
};

beforeAll(() => {
  process.chdir(folder);
  place.write('outcomes.jsonl', outcomes);
  place.write('pass.yaml', gate('delta > -2pp', 'report: [pretty, junit: out/gate.xml, md: out/gate.md, json: out/gate.json]\n'));
  place.write('fail.yaml', gate('delta > -0.1pp'));
  place.write('inconclusive.yaml', gate('delta > -1.3pp'));
  place.write('mapped.yaml', gate('delta > -1.3pp', 'on_inconclusive: pass\n'));
  place.write('broken.yaml', gate('delta > 1%', 'budgets: { max_cost: 5 }\n'));
  place.write('recorded.yaml', gate('delta > -2pp').replace('{ target: dear }', 'recorded'));
});
afterAll(() => {
  process.chdir(cwd);
  rmSync(folder, { recursive: true, force: true });
});

const chain = ['--chain', 'cheap,dear', '--outcomes', 'outcomes.jsonl'] as const;

describe('eval gate', () => {
  test('passes with 0, and writes its reports beside the gate file', async () => {
    const { code, stdout, stderr } = await place.run('eval', 'gate', 'pass.yaml');
    expect(stderr).toContain('out/gate.xml');
    expect(code).toBe(0);
    expect(stdout).toContain('PASS: 2 assertions hold');
    expect(place.read('out/gate.xml')).toContain('tests="2" failures="0" skipped="0"');
    expect(place.read('out/gate.md')).toContain('✅ pass');
    expect(JSON.parse(place.read('out/gate.json'))).toMatchObject({ verdict: 'pass', items: 1000 });
  });

  test('fails with 1 and says which assertion does not hold', async () => {
    const { code, stdout } = await place.run('eval', 'gate', 'fail.yaml');
    expect(stdout).toContain('FAIL: "no worse" does not hold.');
    expect(code).toBe(1);
  });

  test('cannot tell with 3, and says how many more requests would', async () => {
    const { code, stdout } = await place.run('eval', 'gate', 'inconclusive.yaml');
    expect(stdout).toContain('INCONCLUSIVE: "no worse" cannot be told from these data; 1 of 2 hold.');
    expect(stdout).toMatch(/[\d,]+ more requests would tell, about \$/);
    expect(code).toBe(3);
  });

  test('lets the file or a flag say what inconclusive is worth', async () => {
    expect((await place.run('eval', 'gate', 'mapped.yaml')).code).toBe(0);
    expect((await place.run('eval', 'gate', 'mapped.yaml', '--inconclusive', 'fail')).code).toBe(1);
    expect((await place.run('eval', 'gate', 'mapped.yaml', '--inconclusive', 'warn', '--json')).code).toBe(3);
  });

  test('refuses with 2, each problem at its line', async () => {
    const { code, stdout, stderr } = await place.run('eval', 'gate', 'broken.yaml');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('broken.yaml:7:');
    expect(stderr).toContain('gates.0.assert "delta > 1%" has no unit that fits quality');
    expect(stderr).toContain('broken.yaml:9:1: budgets is not known here');
    const recorded = await place.run('eval', 'gate', 'recorded.yaml');
    expect(recorded.code).toBe(2);
    expect(recorded.stderr).toContain('outcomes from a file have targets only');
    expect((await place.run('eval', 'gate', 'none.yaml')).stderr).toContain('none.yaml: there is no such file');
  });
});

describe('eval sweep', () => {
  test('prints a sentence and a table, or JSON', async () => {
    const text = await place.run('eval', 'sweep', ...chain);
    expect(text.stderr).toBe('');
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('TTFT p95');
    const tableWidth = Math.max(
      ...text.stdout
        .split('\n')
        .slice(3)
        .map(line => line.length),
    );
    expect(tableWidth).toBeLessThanOrEqual(132);
    expect((await place.run('eval', 'sweep', ...chain, '--wide')).stdout).toContain('TTFT p95');
    const { stdout } = await place.run('eval', 'sweep', ...chain, '--threshold', '0.8', '--json');
    const { rows } = JSON.parse(stdout) as { rows: { threshold: number; accept: number; worse: number }[] };
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ threshold: 0.8, accept: expect.closeTo(0.7, 9), worse: 10 });
  });

  test('writes a page that fetches nothing and runs nothing, with every threshold in it', async () => {
    const { code, stderr } = await place.run('eval', 'sweep', ...chain, '-o', 'out/frontier.html');
    expect(code).toBe(0);
    expect(stderr).toContain('written: out/frontier.html');
    const page = place.read('out/frontier.html');
    expect(page).toContain('<p class="sentence">No threshold saves money without loss');
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page.match(/<tr[ >]/g)).toHaveLength(1 + 4);
    expect(page).not.toMatch(/<script|https?:|src=|url\(|NaN|undefined|Infinity/);
    const other = await place.run('eval', 'sweep', ...chain, '-o', 'frontier.csv');
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('--output frontier.csv: name a page such as frontier.html');
  });

  test.each([
    [['--chain', 'cheap', '--outcomes', 'outcomes.jsonl'], 2, 'there is no route "cheap"'],
    [['--chain', 'cheap,nobody', '--outcomes', 'outcomes.jsonl'], 5, 'nobody: 0 of 1,000 requests'],
    [['--chain', 'cheap,cheap', '--outcomes', 'outcomes.jsonl'], 2, 'cheap stands in "cheap,cheap" twice'],
    [[...chain, '--threshold', '7'], 2, '--threshold 7: write numbers from 0 to 1'],
    [[...chain, '--confidence', '20'], 2, '--confidence 20: write a level'],
    [[...chain, '--signal', 'mood'], 2, '--signal mood: write confidence or one of mean_logprob'],
    [[...chain, '--since', '1h'], 2, '--outcomes reads a file'],
    [['--chain', 'cheap,dear', '--outcomes', 'pass.yaml'], 2, 'pass.yaml:2: '],
    [[], 2, "required option '--chain <chain>' not specified"],
  ])('%j ends with %d', async (args, code, message) => {
    const ended = await place.run('eval', 'sweep', ...args);
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(code);
  });
});

describe('eval compare', () => {
  test('sets two sides against each other, in words and numbers', async () => {
    const { code, stdout } = await place.run('eval', 'compare', 'dear', 'cheap,dear@0.8', '--outcomes', 'outcomes.jsonl');
    expect(code).toBe(0);
    expect(stdout).toContain('cheap,dear at 0.8 against dear: worse in quality, cheaper in cost, slower in p95 latency.');
    expect(stdout).toContain('+121 ms [+113, +123]');
    expect(stdout).toContain('worse/better: 10/0 requests   McNemar p = 0.002');
  });

  test('gives scripts every metric of both sides', async () => {
    const { stdout } = await place.run('eval', 'compare', 'dear', 'cheap', '--outcomes', 'outcomes.jsonl', '--json');
    const { metrics } = JSON.parse(stdout) as { metrics: { metric: string; baseline: { value: number }; delta: { value: number } }[] };
    const quality = metrics.find(({ metric }) => metric === 'quality')!;
    expect(quality.baseline.value).toBe(1);
    expect(quality.delta.value).toBeCloseTo(-0.21, 2);
    expect(metrics.find(({ metric }) => metric === 'latency_p50')!.delta.value).toBeLessThan(-700);
  });

  test('refuses a side that a file cannot have', async () => {
    const { code, stderr } = await place.run('eval', 'compare', 'recorded', 'cheap', '--outcomes', 'outcomes.jsonl');
    expect(code).toBe(2);
    expect(stderr).toContain('recorded: outcomes from a file have targets only');
    expect((await place.run('eval', 'compare', 'dear', 'cheap,dear', '--outcomes', 'outcomes.jsonl')).stderr).toContain(
      'has no thresholds',
    );
  });
});

describe('eval certify', () => {
  test('certifies with 0 and gives the threshold to scripts', async () => {
    const { code, stdout } = await place.run('eval', 'certify', ...chain, '--max-loss', '2pp', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'certified',
      threshold: 0.9,
      accept: expect.closeTo(0.7, 9),
      worse: 10,
      loss: 'harm',
    });
  });

  test('writes the threshold into the config, and the certificate into a file', async () => {
    const config = (t: number): string =>
      `providers: { sim: { api: simulated } }\nroutes:\n  r: # ours\n    steps: [{ target: sim/small, accept: { confidence: ${t} } }, { target: sim/large }]\n`;
    place.write('route.yaml', config(0.5));
    chmodSync('route.yaml', 0o600);
    place.write('sim.jsonl', outcomes.replaceAll('"cheap"', '"sim/small"').replaceAll('"dear"', '"sim/large"'));
    const flags = ['--outcomes', 'sim.jsonl', '--config', 'route.yaml', '--write', '-o', 'out/certificate.json'];
    const { code, stderr } = await place.run('eval', 'certify', '--chain', 'r', '--max-loss', '2pp', ...flags);
    expect(stderr).toContain('routes.r accepts sim/small at confidence 0.9');
    expect(code).toBe(0);
    expect(place.read('route.yaml')).toBe(config(0.9));
    if (process.platform !== 'win32') expect(statSync('route.yaml').mode & 0o777).toBe(0o600);
    expect(JSON.parse(place.read('out/certificate.json'))).toMatchObject({
      ...{ kind: 'hindcast-certificate', verdict: 'certified', threshold: 0.9, targets: ['sim/small', 'sim/large'] },
      outcomes_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await place.run('eval', 'certify', '--chain', 'r', '--max-loss', '0.5pp', ...flags)).code).toBe(3);
    expect(place.read('route.yaml')).toBe(config(0.9));
    const targets = await place.run('eval', 'certify', '--chain', 'sim/small,sim/large', '--max-loss', '2pp', ...flags);
    expect(targets.code).toBe(2);
    expect(targets.stderr).toContain('--write needs a route of ');
  });

  test('cannot with 3, and refuses a loss without a size', async () => {
    expect((await place.run('eval', 'certify', ...chain, '--max-loss', '0.5pp')).code).toBe(3);
    expect((await place.run('eval', 'certify', ...chain, '--max-loss', 'little')).stderr).toContain('write percentage points above 0');
  });
});

describe('eval calibrate', () => {
  test('says in words and numbers what the signal is worth', async () => {
    const { code, stdout, stderr } = await place.run('eval', 'calibrate', ...chain);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('The confidence of cheap is 75.0 % on average, and its quality 79.0 % [76.3, 81.5]: it is not sure enough');
    expect(stdout).toContain('Curve: ');
    const { calibrations } = JSON.parse((await place.run('eval', 'calibrate', ...chain, '--signal', 'all', '--json')).stdout) as {
      calibrations: { signal: string; auroc: number; bins: unknown[] }[];
    };
    expect(calibrations.map(c => c.signal)).toEqual(['confidence', 'scorer']);
    expect(calibrations[0]!.bins).toHaveLength(2);
  });

  test('ends with 5 when no answer shows the signal, and with 2 for one that does not exist', async () => {
    const silent = await place.run('eval', 'calibrate', ...chain, '--signal', 'margin');
    expect(silent.code).toBe(5);
    expect(silent.stderr).toContain('No answer of cheap whose quality is known shows margin');
    expect((await place.run('eval', 'calibrate', ...chain, '--signal', 'margin,mood')).code).toBe(2);
  });
});

describe('eval power', () => {
  test('says how many more requests, and for how much', async () => {
    const { code, stdout } = await place.run('eval', 'power', ...chain, '--max-loss', '1.1pp', '--threshold', '0.9');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^1,000 requests of cheap,dear; every outcome is known for 1,000\.\n\nThreshold 0\.9 \(70\.0 % accepted\) needs [\d,]+ more requests, ≈ \$[\d.]+, to show a harm of at most 1\.1 pp/,
    );
    const enough = await place.run('eval', 'power', ...chain, '--max-loss', '3pp', '--json');
    expect(JSON.parse(enough.stdout)).toMatchObject({
      thresholds: [
        { threshold: 0.9, more: 0, usd: 0 },
        { threshold: 0.4, requests: null },
      ],
    });
  });

  test('plans without data, and refuses data without a chain', async () => {
    expect((await place.run('eval', 'power', '--max-loss', '1pp')).stdout).toContain('net, 5 % differ');
    const refused = await place.run('eval', 'power', '--max-loss', '1pp', '--outcomes', 'outcomes.jsonl');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('outcomes need a --chain');
    expect((await place.run('eval', 'power', '--max-loss', '1pp', '--power', 'much')).code).toBe(2);
  });
});

test('shares are shares: what one target answers always is all of it', async () => {
  const { stdout } = await place.run('eval', 'sweep', ...chain, '--json');
  const { targets, rows } = JSON.parse(stdout);
  expect(targets.map((target: { accept: number }) => target.accept)).toEqual([1, 1]);
  expect(rows.every(({ answered }: { answered: number[] }) => answered.every(share => share <= 1))).toBe(true);
});

describe('eval explain', () => {
  test('says why the first answer is taken, or is not', async () => {
    const { code, stdout } = await place.run('eval', 'explain', 'q8', ...chain, '--threshold', '0.8');
    expect(code).toBe(0);
    expect(stdout).toContain('Request q8: cheap is not taken (confidence 0.4 < 0.8); dear is taken (every response is accepted).');
    expect(stdout).toMatch(/up to 0\.4 +cheap +0\.0 %/);
    const json = JSON.parse((await place.run('eval', 'explain', 'q1', ...chain, '--json')).stdout) as { thresholds: { when: string }[] };
    expect(json.thresholds.map(({ when }) => when)).toEqual(['up to 0.9', 'above 0.9']);
  });

  test('ends with 5 when nobody knows the request', async () => {
    const { code, stderr } = await place.run('eval', 'explain', 'q1000', ...chain);
    expect(code).toBe(5);
    expect(stderr).toContain('outcomes.jsonl holds nothing of a request q1000 at cheap, dear');
  });
});

describe('eval snapshot', () => {
  test('writes a file that sweep and gate read', async () => {
    const { code, stdout } = await place.run('eval', 'snapshot', ...chain, '-o', 'kept/snapshot.jsonl');
    expect(code).toBe(0);
    expect(stdout).toContain('kept/snapshot.jsonl: 1,000 requests, 1000 of them with every outcome');
    place.write('kept/gate.yaml', gate('delta > -2pp').replace('outcomes.jsonl', 'snapshot.jsonl'));
    expect((await place.run('eval', 'gate', 'kept/gate.yaml')).code).toBe(0);
    const sweep = (file: string) => place.run('eval', 'sweep', '--chain', 'cheap,dear', '--outcomes', file, '--json');
    expect((await sweep('kept/snapshot.jsonl')).stdout).toBe((await sweep('outcomes.jsonl')).stdout);
  });

  test('is printed where no file is named', async () => {
    const { stdout } = await place.run('eval', 'snapshot', ...chain);
    expect(stdout).toBe(place.read('kept/snapshot.jsonl'));
  });
});

describe('pages', () => {
  test.each([
    ['certify', ['--chain', 'cheap,dear', '--max-loss', '2pp'], 'CERTIFIED: threshold 0.9 saves', 3],
    ['calibrate', ['--chain', 'cheap,dear'], 'The confidence of cheap is', 2],
    ['compare', ['dear', 'cheap,dear@0.8'], 'cheap,dear at 0.8 against dear: worse in quality, cheaper in cost', 0],
    ['power', ['--chain', 'cheap,dear', '--max-loss', '2pp'], 'needs no more requests', 1],
    ['explain', ['q8', '--chain', 'cheap,dear', '--threshold', '0.8'], 'Request q8: cheap is not taken', 1],
    ['gate', ['paged.yaml'], 'PASS: 2 assertions hold', 2],
  ] as const)(
    'of %s stand alone: a sentence on top, drawings inside, nothing fetched, nothing run',
    async (command, flags, sentence, drawings) => {
      place.write('paged.yaml', gate('delta > -2pp', 'report: [html: out/gate.html]\n'));
      const file = `out/${command}.html`;
      const ran = await place.run('eval', command, ...flags, ...(command === 'gate' ? [] : ['--outcomes', 'outcomes.jsonl', '-o', file]));
      expect(ran.stderr).toContain(file);
      const page = place.read(file);
      expect(/<p class="sentence">(.*?)<\/p>/s.exec(page)![1]).toContain(sentence);
      expect(page.match(/<svg /g) ?? []).toHaveLength(drawings);
      expect(page).not.toMatch(/<script|https?:|url\(|src=/);
      if (!['calibrate', 'power', 'explain'].includes(command)) expect(page).toContain('<h2>Every request: ');
    },
  );

  test('are refused under another name', async () => {
    expect(await place.run('eval', 'power', ...chain, '--max-loss', '2pp', '-o', 'x.pdf')).toMatchObject({ code: 2 });
    expect((await place.run('eval', 'certify', ...chain, '--max-loss', '2pp', '-o', 'x.pdf')).stderr).toContain(
      'its ending says what it shall be',
    );
  });
});

describe('eval check', () => {
  test('holds a certificate to the traffic there is', async () => {
    await place.run('eval', 'certify', ...chain, '--max-loss', '2pp', '-o', 'kept.json');
    expect(await place.run('eval', 'check', 'kept.json', '--outcomes', 'outcomes.jsonl')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('FRESH'),
    });
    place.write('shifted.jsonl', outcomes.replaceAll('"confidence":0.9', '"confidence":0.3'));
    expect(await place.run('eval', 'check', 'kept.json', '--outcomes', 'shifted.jsonl', '--keep')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('EXPIRED'),
    });
    expect(JSON.parse(place.read('kept.json')).checked).toMatchObject({
      verdict: 'expired',
      reasons: [expect.stringContaining('the signals lie otherwise')],
    });
    expect(await place.run('eval', 'check', 'outcomes.jsonl', '--outcomes', 'outcomes.jsonl')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is no JSON'),
    });
  });

  test('counts the looks at the same requests', async () => {
    const flags = [...chain, '--manifest', 'split.json'];
    expect((await place.run('eval', 'certify', ...flags, '--max-loss', '2pp')).code).toBe(0);
    expect((await place.run('eval', 'certify', ...flags, '--max-loss', '2pp')).code).toBe(0);
    const other = await place.run('eval', 'certify', ...flags, '--max-loss', '3pp');
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('were certified on 1 time already, with other candidates')]);
  });
});
