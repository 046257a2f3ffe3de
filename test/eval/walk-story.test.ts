/** The walk of docs/evaluation.md over a live cascade with audits of 3 %: identified, certified, simulated, watched, breached. Long. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startUpstream, type Upstream } from '../gateway/harness.ts';
import { type Gateway, Workspace } from '../hindcast.ts';
import { runInProcess } from '../in-process.ts';

const isLong = process.env.HINDCAST_LONG !== undefined;
const requestsBefore = 6_000;
const requestsAfter = 2_000;

/** The same number in [0, 1) for the same text. */
const uniform = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
/** Confidence is even; where it is high the weak model is right almost always. */
const confidenceOf = (question: string): number => Math.round(uniform(`confidence ${question}`) * 1_000) / 1_000;
const isRight = (question: string): boolean => uniform(`right ${question}`) < 0.55 + 0.45 * Math.min(1, confidenceOf(question) * 1.4);

let isBad = false;
let provider: Upstream;
let place: Workspace;
let gateway: Gateway;
const cwd = process.cwd();

const config = (threshold: number, more = ''): string => `
server: { port: 0 }
store: { port: 0 }
providers: { local: { api: openai, base_url: "${provider.url}", allow_private: true } }
prices: { "local/small": { input: 1, output: 1 }, "local/large": { input: 10, output: 10 } }
routes:
  smart: { steps: [{ target: local/small, accept: { confidence: ${threshold} } }, { target: local/large }], audit_probability: 0.03${more} }
`;
const withStore = (text: string): string => text.replace('store: { port: 0 }', `store: { port: ${new URL(gateway.storeUrl).port} }`);

async function ask(question: string): Promise<string | null> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: question }], logprobs: true }),
  });
  expect(response.status).toBe(200);
  await response.arrayBuffer();
  return response.headers.get('x-hindcast-target');
}

async function askAll(from: number, count: number): Promise<void> {
  for (let i = 0; i < count; i += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => ask(`question ${from + i + k}`)));
}

const evaluate = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await runInProcess('eval', ...args, '--json');
  return { code, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) };
};

/** Of every question asked so far: the truth that only the test knows. */
const truthAt = (threshold: number): { readonly cost: number; readonly harm: number } => {
  const all = Array.from({ length: requestsBefore }, (_, i) => `question ${i}`);
  const taken = all.filter(question => confidenceOf(question) >= threshold);
  return {
    cost: 1 + (10 * (all.length - taken.length)) / all.length,
    harm: taken.filter(question => !isRight(question)).length / all.length,
  };
};

describe.skipIf(!isLong)('a live cascade with audits of 3 %', () => {
  beforeAll(async () => {
    provider = await startUpstream((response, { body }) => {
      const { model, messages } = JSON.parse(body) as { model: string; messages: { content: string }[] };
      const question = messages[0]!.content;
      const isWrong = model === 'small' && (isBad ? uniform(`bad ${question}`) < 0.7 : !isRight(question));
      const logprob = Math.log(model === 'small' ? Math.max(0.001, confidenceOf(question)) : 0.99);
      response.setHeader('content-type', 'application/json').end(
        JSON.stringify({
          ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1_700_000_000, model },
          choices: [
            {
              ...{ index: 0, message: { role: 'assistant', content: isWrong ? 'no' : 'yes' }, finish_reason: 'stop' },
              logprobs: { content: [{ token: 'x', logprob, bytes: null, top_logprobs: [] }], refusal: null },
            },
          ],
          usage: { prompt_tokens: 50, completion_tokens: 20, total_tokens: 70 },
        }),
      );
    });
    place = new Workspace(config(0.6));
    gateway = await place.serve();
    process.chdir(place.folder);
    place.write('hindcast.yaml', withStore(config(0.6)));
    place.write('stricter.yaml', withStore(config(0.8)));
    await askAll(0, requestsBefore);
    await gateway.flush();
  }, 300_000);
  afterAll(async () => {
    process.chdir(cwd);
    await place?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
  });

  const audited = ['--chain', 'smart', '--run', 'audit', '--weigh', '--quality', 'agreement', '--limit', '20000'];

  test('is identified, certified and simulated, the truth within its intervals', { timeout: 300_000 }, async () => {
    // A first few were of the configuration before it was read again, which has no audits.
    const recorded = async (): Promise<number> =>
      (await evaluate('certify', ...audited, '--max-loss', '6pp')).report?.population.requests ?? 0;
    await expect.poll(recorded, { timeout: 60_000, interval: 1_000 }).toBeGreaterThan(requestsBefore - 50);
    await expect.poll(async () => (await evaluate('sweep', ...audited)).code, { timeout: 60_000, interval: 1_000 }).toBe(0);
    const certified = await evaluate(
      'certify',
      ...audited,
      '--max-loss',
      '6pp',
      '--threshold',
      '0.9,0.8,0.7,0.6',
      '-o',
      'certificate.json',
    );
    expect([certified.code, certified.stderr]).toEqual([0, expect.any(String)]);
    expect(certified.report).toMatchObject({ verdict: 'certified', population: { min_chance: 0.03 } });
    expect(truthAt(certified.report.threshold).harm).toBeLessThan(0.06);

    const simulated = await evaluate(
      ...['simulate', '--candidate', 'stricter.yaml', '--route', 'smart', '--quality', 'agreement', '--limit', '20000'],
      // Ids, and so the draws, are new in every run: one in a thousand may miss.
      ...['--confidence', '99.9%'],
    );
    expect(simulated.report.audit_backtest).toMatchObject({ target: 'local/large', cost: { value: 0 } });
    const [now, next] = [truthAt(0.6), truthAt(0.8)];
    const { cost, quality } = simulated.report.comparison;
    const truth = { cost: next.cost / now.cost - 1, quality: now.harm - next.harm };
    expect([
      simulated.code,
      cost.low <= truth.cost && truth.cost <= cost.high,
      quality.low <= truth.quality && truth.quality <= quality.high,
    ]).toEqual([0, true, true]);
  });

  test('is watched over 2,000 further requests in which the weak model turns bad: a breach, and the route is strict', {
    timeout: 300_000,
  }, async () => {
    const { threshold } = JSON.parse(place.read('certificate.json')) as { threshold: number };
    place.write(
      'hindcast.yaml',
      withStore(config(threshold, ', certificate: { file: certificate.json, monitor: audit, on_breach: strict }')),
    );
    expect((await evaluate('watch', 'certificate.json', '--once')).report.state).not.toBe('breach');
    isBad = true;
    await askAll(requestsBefore, requestsAfter);
    await gateway.flush();
    await expect
      .poll(async () => (await evaluate('watch', 'certificate.json', '--once')).report.state, { timeout: 120_000, interval: 1_000 })
      .toBe('breach');
    const sure = Array.from({ length: 500 }, (_, i) => `further ${i}`).find(question => confidenceOf(question) > 0.98)!;
    await expect.poll(() => ask(sure), { timeout: 90_000, interval: 500 }).toBe('local/large');
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/^hindcast_certificate_breached\{route="smart"\} 1$/m);
  });
});
