/** Audits and shadows of live routes, judged like any replay, over a real gateway and store. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { Workspace } from '../hindcast.ts';
import { runInProcess } from '../in-process.ts';

const config = `
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
routes:
  smart: { steps: [{ target: sim/small, accept: { confidence: 0.7 } }, { target: sim/large }], audit_probability: 0.5 }
  watched: { steps: [{ target: sim/small }], shadow: [{ route: sim/large, share: 0.5 }] }
`;
const count = 40;
const cwd = process.cwd();
let place: Workspace;
let requested: { readonly id: string; readonly isEarly: boolean }[];

beforeAll(async () => {
  place = new Workspace(config);
  const gateway = await place.serve();
  process.chdir(place.folder);
  place.write('hindcast.yaml', config.replace('store: { port: 0 }', `store: { port: ${new URL(gateway.storeUrl).port} }`));
  const ask = async (model: string, i: number) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: `question ${i}` }] }),
    });
    await response.arrayBuffer();
    return { id: response.headers.get('x-request-id')!, isEarly: response.headers.get('x-hindcast-target') === 'sim/small' };
  };
  requested = [];
  // Ten at once: of many more, the gateway would leave the copies out.
  for (let i = 0; i < count; i += 10) {
    const ten = Array.from({ length: 10 }, (_, n) => i + n);
    requested.push(...(await Promise.all(ten.map(n => ask('smart', n)))));
    await Promise.all(ten.map(n => ask('watched', n)));
  }
}, 60_000);
afterAll(async () => {
  process.chdir(cwd);
  await place[Symbol.asyncDispose]();
});

const swept = async (run: string) => {
  const ran = await runInProcess('eval', 'sweep', '--chain', 'smart', '--run', run, '--json');
  return ran.stdout === '' ? undefined : (JSON.parse(ran.stdout) as { readonly items: number });
};

test('audits are a random sample of a route: what was taken early and audited, and what escalated anyway', {
  timeout: 60_000,
}, async () => {
  const sample = requested.filter(({ id }) => seededUniform(id, 'audit') < 0.5);
  // Otherwise the sample would be of one kind only, and nothing were tested.
  expect([...new Set(sample.map(({ isEarly }) => isEarly))].sort()).toEqual([false, true]);
  await expect.poll(async () => (await swept('audit'))?.items, { timeout: 30_000 }).toBe(sample.length);
});

test('shadows are judged as a run', { timeout: 60_000 }, async () => {
  await expect.poll(async () => (await swept('shadow'))?.items, { timeout: 30_000 }).toBeGreaterThan(5);
  expect((await swept('shadow'))!.items).toBeLessThan(count);
});

test('without a run they fill what was not recorded', { timeout: 60_000 }, async () => {
  const ran = await runInProcess('eval', 'sweep', '--chain', 'smart', '--json');
  const { items } = JSON.parse(ran.stdout) as { readonly items: number };
  const known = requested.filter(({ id, isEarly }) => !isEarly || seededUniform(id, 'audit') < 0.5).length;
  expect(items).toBe(known);
});

test('a judge compares shadows with what callers got: blind, in both orders, and its scores are the outcomes', {
  timeout: 60_000,
}, async () => {
  const received: { readonly model: string; readonly text: string }[] = [];
  // It holds every second request's answers equal, and else prefers whichever comes first.
  const judge = createServer((request, response) => {
    let body = '';
    request
      .on('data', chunk => {
        body += chunk;
      })
      .on('end', () => {
        const { model, messages } = JSON.parse(body) as {
          readonly model: string;
          readonly messages: readonly { readonly content: string }[];
        };
        const text = messages[1]!.content;
        received.push({ model, text });
        const content = Number(/question (\d+)/.exec(text)![1]) % 2 === 0 ? 'TIE' : 'A';
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ choices: [{ message: { content } }] }));
      });
  });
  await new Promise<void>(ready => judge.listen(0, '127.0.0.1', ready));
  try {
    const url = `http://127.0.0.1:${(judge.address() as AddressInfo).port}/v1`;
    const ran = await runInProcess(
      ...['eval', 'score', '--run', 'shadow', '--judge', 'other/judge', '--judge-url', url, '--against', 'sim/large', '--json'],
    );
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    const reported = JSON.parse(ran.stdout) as { readonly scored: number; readonly kept: boolean };
    expect(reported.kept).toBe(true);
    const answersOf = (text: string): readonly string[] =>
      [...text.matchAll(/<answer id="[AB]">\n(.*?)\n<\/answer>/gs)].map(match => match[1]!);
    const questionOf = (text: string): string => /<request>\n(.*?)\n<\/request>/s.exec(text)![1]!;
    const byQuestion = Map.groupBy(received, ({ text }) => questionOf(text));
    for (const both of byQuestion.values()) {
      expect(both).toHaveLength(2);
      expect(answersOf(both[1]!.text)).toEqual(answersOf(both[0]!.text).toReversed());
    }
    expect(received.every(({ model }) => model === 'other/judge')).toBe(true);
    expect(received.map(({ text }) => text).join()).not.toMatch(/sim\/|small|large/);
    // The references count as well, each as good as itself.
    expect(reported.scored).toBe(2 * byQuestion.size);
    const judged = await runInProcess('eval', 'sweep', '--chain', 'sim/small,sim/large', '--run', 'shadow', '--json');
    const { items, targets, notes } = JSON.parse(judged.stdout);
    const ties = [...byQuestion.keys()].filter(question => Number(/\d+/.exec(question)![0]) % 2 === 0).length;
    expect(items).toBe(byQuestion.size);
    expect(notes.join()).toContain('These results hold for the judge, not for people');
    const small = targets.find(({ target }: { readonly target: string }) => target === 'sim/small');
    // A judge that goes by the place is found out: half a point.
    expect(small.quality.value).toBeCloseTo((ties + (byQuestion.size - ties) / 2) / byQuestion.size, 9);
  } finally {
    judge.close();
  }
});
