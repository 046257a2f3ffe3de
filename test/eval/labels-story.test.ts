/** Scores, labels, judges, audits and simulations over a real gateway and store, as somebody would use them. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCsv, printCsv } from '../../recorder/export/csv.ts';
import { Workspace } from '../hindcast.ts';
import { runInProcess } from '../in-process.ts';

const config = `
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
routes:
  smart: { steps: [{ target: sim/small, accept: { confidence: 0.9 } }, { target: sim/large }] }
`;

describe('over recorded traffic', () => {
  const cwd = process.cwd();
  let place: Workspace;
  let gateway: Awaited<ReturnType<Workspace['serve']>>;
  let ids: string[];
  const json = async (...args: string[]) => {
    const ran = await runInProcess(...args, '--json');
    return { ...ran, told: ran.stdout === '' ? undefined : JSON.parse(ran.stdout) };
  };

  beforeAll(async () => {
    place = new Workspace(config);
    gateway = await place.serve();
    process.chdir(place.folder);
    place.write(
      'hindcast.yaml',
      config
        .replace('store: { port: 0 }', `store: { port: ${new URL(gateway.storeUrl).port} }`)
        .replace('server: { port: 0 }', `server: { port: ${new URL(gateway.url).port} }`),
    );
    place.write('next.yaml', config.replace('0.9', '0.2'));
    const ask = async (model: string, i: number): Promise<string> => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: `question ${i}` }] }),
      });
      await response.arrayBuffer();
      return response.headers.get('x-request-id')!;
    };
    ids = await Promise.all(Array.from({ length: 12 }, (_, i) => ask('smart', i)));
  }, 60_000);
  afterAll(async () => {
    process.chdir(cwd);
    await place[Symbol.asyncDispose]();
  });

  test('rules score answers, people label them, feedback goes before both, and an audit tells what is known', {
    timeout: 60_000,
  }, async () => {
    const stored = async () => (await json('eval', 'score', '--scorer', 'regex=.', '--dry-run')).told?.scored as number | undefined;
    await expect.poll(stored, { timeout: 30_000 }).toBe(12);
    expect((await json('eval', 'score', '--scorer', 'regex=zzz', '--name', 'odd')).told).toMatchObject({ scored: 12, mean: 0, kept: true });
    place.write('expected.jsonl', ids.map((id, i) => JSON.stringify({ id, expected: `nothing ${i}` })).join('\n'));
    expect((await json('eval', 'score', '--scorer', 'exact', '--expected', 'expected.jsonl', '--dry-run')).told).toMatchObject({
      scored: 12,
      mean: 0,
      kept: false,
    });
    expect(await runInProcess('eval', 'label', '-o', 'labels.csv', '--sample', '5')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('5 answers, blind'),
    });
    const [head, ...rows] = parseCsv(place.read('labels.csv'));
    expect(place.read('labels.csv')).not.toContain('sim/');
    place.write('labels.csv', printCsv([head!, ...rows.map((row, i) => [...row.slice(0, 3), i % 2 === 0 ? 'y' : 'n'])]));
    expect((await json('eval', 'label', '--import', 'labels.csv', '--by', 'anna')).told).toEqual({ labelled: 5, name: 'quality' });
    const nobody = await runInProcess('eval', 'audit');
    expect([nobody.code, nobody.stderr]).toEqual([5, expect.stringContaining('No answer has a judge')]);
    const judge = ['eval', 'score', '--judge', 'sim/judge', '--judge-url', `${gateway.url}/v1`, '--against', 'sim/large'];
    const judged = await json(...judge);
    expect(judged.code, judged.stderr).toBeOneOf([0, 5]);
    expect((await runInProcess('eval', 'score', '--judge', 'sim/large', '--against', 'sim/small')).stderr).toContain(
      'it is one of those that are judged',
    );
    expect((await runInProcess('eval', 'score', '--judge', 'smart', '--against', 'sim/small')).stderr).toContain(
      'a route may change its target',
    );
  });

  test('a module of the user scores answers, and what it gives is a score or refused by name', { timeout: 60_000 }, async () => {
    place.write('grade.mjs', 'export default ({ id, answer }) => ({ half: 0.5 })[id] ?? answer.text.length > 0;');
    expect((await json('eval', 'score', '--scorer', 'module=grade.mjs', '--dry-run')).told).toMatchObject({ scored: 12, mean: 1 });
    place.write('odd.mjs', 'export default () => 7;');
    const odd = await runInProcess('eval', 'score', '--scorer', 'module=odd.mjs', '--dry-run');
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringMatching(/module=odd\.mjs: for \S+ it gave 7, no number from 0 to 1/)]);
    const none = await runInProcess('eval', 'score', '--scorer', 'module=none.mjs', '--dry-run');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('module=none.mjs: it cannot be loaded')]);
  });

  const hasTerminal = spawnSync('script', ['--version']).status === 0;
  test.skipIf(!hasTerminal)(
    `a person is asked in the terminal, answer by answer${hasTerminal ? '' : ' (skipped: the program script is not here)'}`,
    { timeout: 60_000 },
    async () => {
      const main = resolve(import.meta.dirname, '../../main.ts');
      const command = `${process.execPath} ${main} eval label --sample 4 --name seen --by bea`;
      // A terminal of its own, in which the answers are typed as each question stands there.
      const terminal = spawn('script', ['-qec', command, '/dev/null'], { cwd: place.folder, stdio: ['pipe', 'pipe', 'inherit'] });
      const typed = ['y', 'what?', '0.25', 's', 'q'];
      let shown = '';
      terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
        shown += text;
        const questions = shown.split('Right? y(es) n(o) h(alf) s(kip) q(uit) ').length - 1;
        while (typed.length > 5 - questions) terminal.stdin.write(`${typed.shift()}\r`);
      });
      const code = await new Promise(ended => terminal.once('exit', ended));
      expect([code, shown]).toEqual([0, expect.stringContaining('2 labels kept as seen, by bea.')]);
      expect(shown).toContain('1 of 4');
      expect(shown).not.toContain('sim/');
    },
  );

  test('a configuration is simulated: what lacks an outcome is said, and the deployed one is held against the record', {
    timeout: 60_000,
  }, async () => {
    const { told: reported, code, stderr } = await json('eval', 'simulate', '--candidate', 'next.yaml');
    expect(stderr).toBe('');
    expect(code).toBeOneOf([0, 3]);
    expect(reported.backtest.items).toBe(12);
    expect(Math.abs(reported.backtest.cost)).toBeLessThan(0.01);
    expect(
      reported.simulated.items + Object.values(reported.simulated.unsupported as Record<string, number>).reduce((a, b) => a + b, 0),
    ).toBe(12);
    const text = await runInProcess('eval', 'simulate', '--candidate', 'next.yaml', '-o', 'simulation.html');
    const page = readFileSync('simulation.html', 'utf8');
    expect(page).toContain('Backtest: the deployed configuration, simulated over 12 requests');
    expect(page).toContain('of next.yaml over');
    expect(text.stdout).toContain('Backtest: the deployed configuration, simulated over 12 requests');
  });
});
