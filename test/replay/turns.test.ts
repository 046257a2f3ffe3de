/** Complete turns in replay: tools are never executed, recorded results are returned, and a call without a recorded result ends the turn. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { httpUpstream } from '../../gateway/transport/upstream.ts';
import { armOf } from '../../replay/arms/arm.ts';
import { dialectOf } from '../../replay/recorded/dialects.ts';
import type { RecordedRequest } from '../../replay/recorded/requests.ts';
import { type ToolMatching, type ToolResult, ToolResultReplayer, turnsIn } from '../../replay/recorded/turns.ts';
import { replayedText } from '../../replay/report/run-result.ts';
import type { Job } from '../../replay/run/journal.ts';
import { unpaced } from '../../replay/run/pacing.ts';
import { type ReplayPlan, replay } from '../../replay/run/replay.ts';
import { SpendCap } from '../../replay/run/spend-cap.ts';
import { MemorySink, settingsOf } from '../gateway/harness.ts';
import { Workspace } from '../hindcast.ts';
import { runIn } from '../in-process.ts';

type Json = Readonly<Record<string, unknown>>;
const user = (content: string): Json => ({ role: 'user', content });
const calls = (...requested: readonly (readonly [id: string, name: string, args: object])[]): Json => ({
  role: 'assistant',
  content: null,
  tool_calls: requested.map(([id, name, args]) => ({ id, type: 'function', function: { name, arguments: JSON.stringify(args) } })),
});
const gave = (id: string, content: string): Json => ({ role: 'tool', tool_call_id: id, content });
const tools = ['weather', 'time'].map(name => ({ type: 'function', function: { name, parameters: { type: 'object' } } }));

let count = 0;
function recorded(messages: readonly Json[], text = '', conversation = 'c1'): RecordedRequest {
  const answer = { outcome: 'ok', target: 'a/m', text, toolCalls: [], finish: 'stop', inputTokens: 10, outputTokens: 20, latencyMs: 5 };
  return {
    id: `01900000-0000-7000-8000-${String(++count).padStart(12, '0')}`,
    receivedAt: count * 10,
    ...{ tenant: 'acme', project: '', user: '', conversation, tags: {}, dialect: openaiChat.name, stream: false, route: 'm', headers: {} },
    body: JSON.stringify({ model: 'm', messages, tools, seed: 7 }),
    answer,
  };
}

const question = user('Is it raining in Bonn, and what time is it?');
const rain = calls(['c1', 'weather', { city: 'Bonn' }]);
const clock = calls(['c2', 'time', { zone: 'CET' }]);
const turn = (): readonly RecordedRequest[] => [
  recorded([question]),
  recorded([question, rain, gave('c1', 'rain')]),
  recorded([question, rain, gave('c1', 'rain'), clock, gave('c2', 'noon')], 'It rains at noon.'),
];

test('a turn is found by its first request, with its tool results and its last response', () => {
  const [first, second, third] = turn();
  const other = recorded([user('Something else')]);
  const next = recorded([question, rain, gave('c1', 'rain'), user('Thanks!')]);
  const found = turnsIn([third!, first!, other, second!, next]);
  expect([...found.keys()].toSorted()).toEqual([first!.id, other.id, next.id].toSorted());
  const { toolResults: given, calls: made } = found.get(first!.id)!;
  expect(made.map(({ id }) => id)).toEqual([first!.id, second!.id, third!.id]);
  expect(given.map(({ name, arguments: args }) => [name, args])).toEqual([
    ['weather', '{"city":"Bonn"}'],
    ['time', '{"zone":"CET"}'],
  ]);
  expect(found.get(other.id)!.toolResults).toEqual([]);
  const elsewhere = turnsIn([first!, recorded([question, rain, gave('c1', 'rain')], '', 'c2')]);
  expect(elsewhere.get(first!.id)!.toolResults, 'of another conversation').toEqual([]);
});

test('each result is returned once: in order by name, or only for equal arguments in any key order', () => {
  const all: readonly ToolResult[] = [
    { name: 'f', arguments: '{"a":1,"b":2}', content: [{ type: 'text', text: 'one' }] },
    { name: 'f', arguments: '{"a":3}', content: [{ type: 'text', text: 'two' }] },
  ];
  const fifo = new ToolResultReplayer(all, 'fifo');
  expect(fifo.take({ name: 'g', arguments: '{}' })).toBeUndefined();
  expect(fifo.take({ name: 'f', arguments: '{"a":9}' })).toBe(all[0]);
  expect(fifo.unused).toBe(1);
  const strict = new ToolResultReplayer(all, 'strict');
  expect(strict.take({ name: 'f', arguments: '{"a":9}' })).toBeUndefined();
  expect(strict.take({ name: 'f', arguments: '{ "b": 2, "a": 1 }' })).toBe(all[0]);
  expect(strict.take({ name: 'f', arguments: '{"a":1,"b":2}' }), 'once').toBeUndefined();
  const name = fc.constantFrom('f', 'g');
  const args = fc.constantFrom('{}', '{"x":1}', '{"x":2}');
  fc.assert(
    fc.property(
      fc.array(fc.record({ name, arguments: args })),
      fc.array(fc.record({ name, arguments: args })),
      fc.constantFrom('fifo' as const, 'strict' as const),
      (given, requested, how) => {
        const mocks = new ToolResultReplayer(
          given.map(one => ({ ...one, content: [] })),
          how,
        );
        const got = requested.flatMap(call => mocks.take(call) ?? []);
        expect(got.length + mocks.unused).toBe(given.length);
        expect(new Set(got).size).toBe(got.length);
      },
    ),
  );
});

/** A model whose response depends on the length of the conversation; `requested` holds its requests. */
async function model(script: readonly Json[]) {
  const requested: { messages: readonly Json[]; seed: unknown }[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const body = JSON.parse(text);
    requested.push(body);
    const message = script[body.messages.filter(({ role }: { role: string }) => role === 'assistant').length];
    const finish = message?.tool_calls ? 'tool_calls' : 'stop';
    const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ index: 0, message, finish_reason: finish }],
        usage,
      }),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: requested,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

async function replayTurn(script: readonly Json[], matching: ToolMatching, cap = Number.POSITIVE_INFINITY) {
  await using upstream = await model(script);
  const settings = settingsOf(`providers: { b: { api: openai, key: k-0123456789, base_url: "${upstream.url}", allow_private: true } }
prices: { b/m: { input: 1, output: 1 } }`);
  const sink = new MemorySink();
  const settled: (readonly [Job, string, number])[] = [];
  const begun: number[] = [];
  const requests = turn();
  const plan: ReplayPlan = {
    ...{ run: 'r', repeats: 1, pace: unpaced, concurrency: 1, spendCap: new SpendCap(cap), clock: wallClock, dialectOf },
    requests: requests.slice(0, 1),
    arms: [armOf('b/m', settings, { clock: wallClock, upstream: httpUpstream(), sink }, {})],
    journal: { begin: (_, worst) => void begun.push(worst), settle: (...what) => void settled.push(what), outcomeOf: () => undefined },
    turns: { of: turnsIn(requests), matching },
    transforms: { hosted: 'block', outputTokensMax: 50 },
    stop: new AbortController().signal,
    onExchange: () => {},
  };
  return { done: await replay(plan), asked: upstream.asked, exchanges: sink.exchanges, settled, begun };
}

const ends: Json = { role: 'assistant', content: 'Noon, and rain.' };

test('a model that calls the same tools reaches the end of the turn, and every call is paid', async () => {
  const result = await replayTurn([calls(['n1', 'time', { zone: 'CET' }]), calls(['n2', 'weather', { city: 'Bonn' }]), ends], 'strict');
  expect(result.done).toMatchObject({ asked: 1, answered: 1, left: 0, turned: { further: 2, unknown: 0, unused: 0 } });
  expect(result.asked.at(-1)!.messages.slice(1)).toMatchObject([
    { role: 'assistant', tool_calls: [{ id: 'n1' }] },
    { role: 'tool', tool_call_id: 'n1', content: 'noon' },
    { role: 'assistant', tool_calls: [{ id: 'n2' }] },
    { role: 'tool', tool_call_id: 'n2', content: 'rain' },
  ]);
  expect(result.asked.at(-1)!.seed, 'what else the caller said goes along').toBe(7);
  expect(result.exchanges.map(({ replayOf }) => replayOf)).toEqual(Array(3).fill(result.exchanges[0]!.replayOf));
  expect(result.settled).toEqual([[expect.anything(), 'ok', 3 * 20_000]]);
  expect(result.done.spent).toBe(60_000);
});

test('strict ends the turn at other arguments, fifo continues; unused results are counted', async () => {
  const elsewhere = [calls(['n1', 'weather', { city: 'Kiel' }]), ends];
  const strict = await replayTurn(elsewhere, 'strict');
  expect(strict.done.turned).toEqual({ further: 0, unknown: 1, unused: 2 });
  const fifo = await replayTurn(elsewhere, 'fifo');
  expect(fifo.done.turned).toEqual({ further: 1, unknown: 0, unused: 1 });
  expect(replayedText('r', fifo.done)).toContain(
    'Turns took 1 further calls; 0 ended at a tool call without a recorded result, 1 recorded results',
  );
  expect((await replayTurn([ends], 'fifo')).done.turned).toEqual({ further: 0, unknown: 0, unused: 2 });
});

test('a turn that would exceed the cap is cancelled, counted, and sent again later', async () => {
  const [first, second] = (await replayTurn([rain, ends], 'fifo')).begun;
  // The journal knows what was spent before: the second call, longer than the first, is added.
  expect(second).toBeGreaterThan(first! + 20_000);
  const result = await replayTurn([rain, ends], 'fifo', first!);
  expect(result.done.stoppedBy).toBe('cap');
  expect(result.settled.map(([, outcome]) => outcome)).toEqual(['cancelled']);
  expect(result.done.spent).toBe(20_000);
  expect(result.asked).toHaveLength(1);
});

test('a model that never stops calling tools is cut off', async () => {
  const repeated = Array.from({ length: 40 }, (_, i) => calls([`n${i}`, i % 2 === 0 ? 'weather' : 'time', {}]));
  const { done, asked: requested } = await replayTurn(repeated, 'fifo');
  expect(requested.length).toBe(3);
  expect(done.turned).toEqual({ further: 2, unknown: 1, unused: 0 });
});

test('through the command line: a recorded turn is planned, replayed, and compared with its recorded end', {
  timeout: 120_000,
}, async () => {
  await using upstream = await model([rain, clock, { role: 'assistant', content: 'It rains at noon.' }]);
  await using place = new Workspace(`
server: { port: 0 }
store: { port: 0 }
providers: { b: { api: openai, key: k-0123456789, base_url: "${upstream.url}", allow_private: true } }
prices: { b/m: { input: 1, output: 1 }, b/other: { input: 1, output: 1 } }
`);
  const gateway = await place.serve();
  for (const { body } of turn()) {
    const headers = { 'content-type': 'application/json', 'x-hindcast-conversation': 'c9' };
    await (await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body: body.replace('"m"', '"b/m"') })).text();
  }
  const stored = async (): Promise<string> => (await fetch(`${gateway.storeUrl}/?query=SELECT%20count()%20FROM%20requests`)).text();
  await gateway.flush();
  await expect.poll(stored, { timeout: 20_000 }).toBe('3\n');
  const free = ['--conversation', 'free', '--tools', 'mock:strict', '--against', 'b/other', '--since', '1h'] as const;
  const plan = await runIn(place, 'replay', 'plan', ...free, '--json');
  expect(JSON.parse(plan.stdout)).toMatchObject({ arms: [{ calls: 3 }] });
  const run = await runIn(place, 'replay', 'run', ...free, '--json');
  expect(run.stderr).toContain('2 requests continue a turn and are replayed with it.');
  expect(JSON.parse(run.stdout)).toMatchObject({ asked: 1, answered: 1, turned: { further: 2, unknown: 0, unused: 0 } });
  const diff = JSON.parse((await runIn(place, 'replay', 'diff', 'latest', '--json')).stdout);
  expect(diff.arms[0].totals).toMatchObject({ pairs: 1, likeness: { same: 1 } });
  for (const [args, sent] of [
    [['--conversation', 'free'], /needs --tools mock:fifo or mock:strict/],
    [['--conversation', 'all'], /write turn or free/],
    [['--tools', 'run'], /write block, mock:fifo or mock:strict/],
    [['--conversation', 'free', '--tools', 'mock:fifo', '--only-missing'], /cannot be combined with --mode cached or --only-missing/],
  ] as const) {
    const refused = await runIn(place, 'replay', 'run', '--since', '1h', '--against', 'b/other', ...args);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(sent)]);
  }
  await gateway.end('SIGINT');
});
