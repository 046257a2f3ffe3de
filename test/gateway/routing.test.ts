/** Routing features over real sockets: which target is called, what waits, side calls, and what operators see. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { chunk, hi, post, type Responder, type RunningGateway, respondJson, startGateway, startUpstream } from './harness.ts';

const account = (name: string, url: string, more = ''): string =>
  `  ${name}: { api: openai, key: sk-${name}-0123456789, base_url: "${url}", allow_private: true${more} }\n`;
const saying =
  (content: string, logprob?: number): Responder =>
  response =>
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        id: 'chatcmpl-1',
        object: 'chat.completion',
        created: 1_700_000_000,
        model: 'served',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content },
            finish_reason: 'stop',
            ...(logprob === undefined
              ? {}
              : { logprobs: { content: [{ token: content, logprob: Math.log(logprob), bytes: null, top_logprobs: [] }] } }),
          },
        ],
        usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      }),
    );
const ask = async (gateway: RunningGateway, model = 'r', headers: Readonly<Record<string, string>> = {}) => {
  const response = await post(gateway.url, { ...hi, model }, headers);
  const body = (await response.json()) as { choices: { message: { content: string }; logprobs?: unknown }[]; error?: { code: string } };
  return { status: response.status, headers: response.headers, body, text: body.choices?.[0]?.message.content };
};
const targetsOf = ({ attempts }: Exchange): string[] => attempts.map(({ target, kind }) => `${kind} ${target}`);

test('a configured limit makes requests wait their turn, and the wait is recorded and is not ours', async () => {
  await using provider = await startUpstream(respondJson);
  await using gateway = await startGateway(
    `providers:\n${account('p', provider.url, ', limits: { rpm: 600, models: { m: { rpm: 120 } } }')}`,
  );
  // The burst of a tenth of a minute's worth is 12, and two a second follow.
  const requested = await Promise.all(Array.from({ length: 16 }, () => ask(gateway, 'p/m')));
  expect(requested.map(({ status }) => status)).toEqual(Array(16).fill(200));
  const waited = gateway.sink.exchanges.filter(({ queuedMs = 0 }) => queuedMs > 0);
  expect(waited.length).toBeGreaterThan(0);
  expect(waited.length).toBeLessThanOrEqual(4);
  for (const { queuedMs = 0, overheadMs, receivedAt, endedAt } of waited)
    expect(overheadMs).toBeLessThanOrEqual(endedAt - receivedAt - queuedMs + 1);
});

test('a provider that answers 429 with a long wait is spilled from, and alone answers 429 at once with the wait', async () => {
  await using busy = await startUpstream(response => response.writeHead(429, { 'retry-after': '120' }).end('{}'));
  await using free = await startUpstream(respondJson);
  await using gateway = await startGateway(
    `providers:\n${account('a', busy.url)}${account('b', free.url)}routes: { r: [a/m, b/m], alone: a/m }`,
  );
  expect((await ask(gateway)).text).toBe('hello');
  expect((await ask(gateway)).text).toBe('hello');
  expect(busy.requests, 'its wish is kept').toHaveLength(1);
  const refused = await ask(gateway, 'alone');
  expect([refused.status, busy.requests.length]).toEqual([429, 1]);
  const fleet = (await (await fetch(`${gateway.url}/admin/fleet`)).json()) as {
    targets: { target: string; limits: { blocked_for_ms: number }[] }[];
  };
  expect(fleet.targets.find(({ target }) => target === 'a/m')?.limits[0]?.blocked_for_ms).toBeGreaterThan(100_000);
});

test('an answer is taken when further ones agree, its log-probabilities are ours, and everybody is on the record', async () => {
  await using weak = await startUpstream(saying('Paris.', 0.9));
  await using strong = await startUpstream(saying('London.'));
  await using gateway = await startGateway(`providers:\n${account('a', weak.url)}${account('b', strong.url)}
routes: { r: { steps: [{ target: a/m, samples: 3, accept: { all: [{ mean_logprob: 0.5 }, { agreement: 0.9 }] } }, { target: b/m }] } }`);
  const reported = await ask(gateway);
  expect(reported.text).toBe('Paris.');
  expect(reported.body.choices[0]!.logprobs ?? null, 'the caller asked for none').toBeNull();
  const exchange = await gateway.sink.next();
  expect(targetsOf(exchange)).toEqual(['primary a/m', 'judge a/m', 'judge a/m']);
  expect(exchange.attempts[0]).toMatchObject({ accepted: true, signals: { agreement: 1, mean_logprob: expect.closeTo(0.9) } });
  expect(exchange.usage?.input, 'all three are paid for').toBe(15);
});

test('a low judge score escalates a response, and the judge is called only when its score matters', async () => {
  await using weak = await startUpstream(saying('Perhaps.', 0.9));
  await using strong = await startUpstream(saying('Surely.'));
  await using judge = await startUpstream(saying('0.2'));
  const steps = (accept: string): string => `{ steps: [{ target: a/m, judge: j/m, accept: ${accept} }, { target: b/m }] }`;
  await using gateway = await startGateway(`providers:\n${account('a', weak.url)}${account('b', strong.url)}${account('j', judge.url)}
routes: { r: ${steps('{ judge: 0.5 }')}, sure: ${steps('{ any: [{ mean_logprob: 0.5 }, { judge: 0.5 }] }')} }`);
  expect((await ask(gateway)).text).toBe('Surely.');
  const exchange = await gateway.sink.next();
  expect(targetsOf(exchange)).toEqual(['primary a/m', 'judge j/m', 'escalation b/m']);
  expect(exchange.attempts[0]!.signals.judge).toBe(0.2);
  expect(judge.requests[0]!.body).toContain('Perhaps.');
  expect((await ask(gateway, 'sure')).text).toBe('Perhaps.');
  expect(judge.requests).toHaveLength(1);
});

test('a scorer in the configuration decides, and its word is on the record', async () => {
  await using weak = await startUpstream(saying('So.', 0.5));
  await using gateway = await startGateway(`providers:\n${account('a', weak.url)}
routes: { r: { steps: [{ target: a/m, accept: { scorer: 0.8 }, scorer: { type: logistic, features: [{ signal: mean_logprob, weight: 4, mean: 0.5 }], intercept: 2 } }, { target: a/n }] } }`);
  await ask(gateway);
  const exchange = await gateway.sink.next();
  expect(exchange.attempts).toMatchObject([{ accepted: true, signals: { scorer: expect.closeTo(1 / (1 + Math.exp(-2))) } }]);
});

test("shadows and audits are sent after the caller's response, and recorded as runs of their own", async () => {
  await using weak = await startUpstream(saying('Cheap.', 0.9));
  await using strong = await startUpstream(saying('Dear.'));
  await using gateway = await startGateway(`providers:\n${account('a', weak.url)}${account('b', strong.url)}
routes: { r: { steps: [{ target: a/m, accept: { confidence: 0.5 } }, { target: b/m }], shadow: [{ route: b/other }], audit_probability: 1 } }`);
  const reported = await ask(gateway);
  expect(reported.text).toBe('Cheap.');
  const main = await gateway.sink.next();
  const copies = [await gateway.sink.next(), await gateway.sink.next()].toSorted((x, y) => (x.run! < y.run! ? -1 : 1));
  expect(main.run).toBeUndefined();
  expect(copies.map(({ run, arm, replayOf, outcome }) => [run, arm, replayOf, outcome])).toEqual([
    ['audit', 'b/m', main.id, 'ok'],
    ['shadow', 'b/other', main.id, 'ok'],
  ]);
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('hindcast_copies_total{kind="shadow",outcome="asked"} 1');
});

test('a variant applies to the tenants it names, and the record has its name and reason', async () => {
  await using one = await startUpstream(saying('old'));
  await using other = await startUpstream(saying('new'));
  const key = (text: string, tenant: string, role = 'caller'): string =>
    `{ name: ${tenant}, tenant: ${tenant}, role: ${role}, hash: "sha256:${createHash('sha256').update(text).digest('hex')}" }`;
  await using gateway = await startGateway(`providers:\n${account('a', one.url)}${account('b', other.url)}
tenants: { acme: {}, zeta: {} }
keys: [${key('key-of-acme', 'acme')}, ${key('key-of-zeta', 'zeta', 'admin')}]
routes: { next: b/m, r: { steps: [{ target: a/m }], variants: [{ route: next, tenants: [acme] }] } }`);
  const as = (text: string) => ({ authorization: `Bearer ${text}` });
  expect((await ask(gateway, 'r', as('key-of-acme'))).text).toBe('new');
  expect((await ask(gateway, 'r', as('key-of-zeta'))).text).toBe('old');
  expect(gateway.sink.exchanges[0]!.policy).toMatchObject({
    name: 'r',
    variant: { name: 'next', why: '100 % of the requests of tenant acme' },
  });
  expect((await fetch(`${gateway.url}/admin/fleet`, { headers: as('key-of-acme') })).status).toBe(403);
  expect((await fetch(`${gateway.url}/admin/fleet`)).status).toBe(401);
  const explained = await (await fetch(`${gateway.url}/admin/explain?model=r&tenant=acme`, { headers: as('key-of-zeta') })).json();
  expect(explained).toMatchObject({ route: 'r', variant: { name: 'next' }, candidates: [{ target: 'b/m', taken: true, waits_ms: 0 }] });
});

test('a request that no target of a route can serve is refused with reasons, before any call', async () => {
  await using provider = await startUpstream(respondJson);
  await using gateway = await startGateway(`providers:\n${account('a', provider.url, ', region: us')}
models: { a/small: { context_window: 10 } }
routes: { eu: { steps: [{ target: a/m }], require: { region: [eu] } }, tiny: { steps: [{ target: a/small }], strategy: cheapest-capable } }`);
  const refused = await ask(gateway, 'eu');
  expect([refused.status, refused.body.error]).toEqual([
    400,
    expect.objectContaining({
      code: 'no_capable_target',
      message: 'No target of eu qualifies for this request. a/m: its region us is none of eu.',
    }),
  ]);
  expect((await ask(gateway, 'tiny')).body.error?.code).toBe('no_capable_target');
  expect(provider.requests).toHaveLength(0);
});

test('a hedge races to the first content: the loser is hung up on within 50 ms, and both are recorded and charged', async () => {
  let hungUpAt = 0;
  await using slow = await startUpstream((response, _, request) => {
    request.socket.once('close', () => {
      hungUpAt = performance.now();
    });
    response.setHeader('content-type', 'text/event-stream').write(chunk({ role: 'assistant', content: '' }));
  });
  await using quick = await startUpstream(response => {
    response.setHeader('content-type', 'text/event-stream');
    response.write(chunk({ content: 'quick' }));
    response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
  });
  await using gateway = await startGateway(`providers:\n${account('a', slow.url)}${account('b', quick.url)}
routes: { r: { steps: [{ target: a/m, hedge_after: 30ms }, { target: b/m }] } }`);
  const response = await post(gateway.url, { ...hi, model: 'r', stream: true });
  let toldAt = 0;
  let text = '';
  for await (const bytes of response.body!) {
    if (toldAt === 0) toldAt = performance.now();
    text += Buffer.from(bytes).toString();
  }
  expect(text).toContain('quick');
  const exchange = await gateway.sink.next();
  expect(exchange.attempts.map(({ kind, outcome }) => [kind, outcome])).toEqual([
    ['primary', 'aborted'],
    ['hedge', 'ok'],
  ]);
  while (hungUpAt === 0) await new Promise(wait => setTimeout(wait, 1));
  // 50 ms are the promise; the rest is for a busy machine.
  expect(hungUpAt - toldAt).toBeLessThan(250);
});

test('a failing variant is rolled back automatically, and /admin/fleet has the reason', async () => {
  await using good = await startUpstream(saying('old'));
  await using bad = await startUpstream(response => response.writeHead(500).end('{}'));
  await using gateway = await startGateway(`providers:\n${account('a', good.url)}${account('b', bad.url)}
routes: { next: { steps: [{ target: b/m, retries: 0 }] }, r: { steps: [{ target: a/m }], variants: [{ route: next, rollout: { stages: [0.5, 1], requests: 10, max_error_rate: 0.2 } }] } }`);
  const statuses: number[] = [];
  for (let i = 0; i < 40; i++) statuses.push((await ask(gateway, 'r', { 'x-hindcast-conversation': `c${i}` })).status);
  expect(statuses.filter(status => status !== 200)).toHaveLength(3);
  expect(statuses.slice(-10)).toEqual(Array(10).fill(200));
  const { rollouts } = (await (await fetch(`${gateway.url}/admin/fleet`)).json()) as { rollouts: unknown[] };
  expect(rollouts).toEqual([
    expect.objectContaining({ route: 'r', variant: 'next', share: 0, rolled_back: '3 of 3 requests failed, over 20 %' }),
  ]);
});

test('an unreadable Retry-After is ignored and counted', async () => {
  await using odd = await startUpstream(response => response.writeHead(429, { 'retry-after': 'soon' }).end('{}'));
  await using good = await startUpstream(respondJson);
  await using gateway = await startGateway(`providers:\n${account('a', odd.url)}${account('b', good.url)}routes: { r: [a/m, b/m] }`);
  expect((await ask(gateway)).status).toBe(200);
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('hindcast_unreadable_waits_total{provider="a"} 1');
});
