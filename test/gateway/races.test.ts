/** Executions, budgets and fleet under a scheduler that runs pending work in any order: bytes, hang-ups, timers, callers that come and leave. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BudgetAdmission } from '../../gateway/budgets/admission.ts';
import { sqliteLedger } from '../../gateway/budgets/sqlite-ledger.ts';
import { type Exchange, seal } from '../../gateway/core/exchange.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import type { ExecutionHandle, RequestContext } from '../../gateway/exchange/contract.ts';
import { execute } from '../../gateway/exchange/execute.ts';
import { isRefusal } from '../../gateway/exchange/response/refusal.ts';
import { createRuntime } from '../../gateway/exchange/runtime.ts';
import { parseBody, routedRequestOf as routed } from '../../gateway/http/parse.ts';
import { resolve } from '../../gateway/http/resolve.ts';
import { silentLog } from '../../gateway/observability/logs.ts';
import { createTelemetry } from '../../gateway/observability/telemetry.ts';
import { traceFrom } from '../../gateway/settings/ids.ts';
import { TargetRegistry } from '../../gateway/targets/registry.ts';
import type { Upstream, UpstreamListener } from '../../gateway/transport/upstream.ts';
import { longTimeout, runs } from '../runs.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { MemoryResponseSink, readStream } from './exchange/harness.ts';
import { chunk, settingsOf } from './harness.ts';

const settings = settingsOf(`
providers:
  a: { api: openai, key: sk-a-0123456789, base_url: "http://127.0.0.1:1/v1", allow_private: true }
  b: { api: openai, key: sk-b-0123456789, base_url: "http://127.0.0.1:2/v1", allow_private: true }
prices: { a/m: { input: 1000, output: 1000 }, b/m: { input: 2000, output: 2000 } }
tenants: { t: { budget: { usd: 0.4, per: total } } }
keys: [{ name: k, tenant: t, hash: "sha256:${'0'.repeat(64)}" }]
routing: { hedging: { share: 1 } }
routes:
  chain: { steps: [{ target: a/m, retries: 1 }, { target: b/m }] }
  hedged: { steps: [{ target: a/m, hedge_after: 30ms }, { target: b/m }], deadline: 5s }
  cascade: { steps: [{ target: a/m, accept: { any: [{ mean_logprob: 0.9 }, { agreement: 0.9 }] }, samples: 2, timeout: 2s }, { target: b/m }] }
  anew: { steps: [{ target: a/m }, { target: b/m }], on_break: restart }
  held: { steps: [{ target: a/m }, { target: b/m }], on_break: { hold: { tokens: 2 } } }
`);
const routes = [...settings.routes.keys()];
const key = [...settings.keys.values()][0]!;
const scope = { name: 'tenant t', budget: { nanoUsd: 4e8, per: 'total' } } as const;

/** What a provider does with one call, step by step. */
type Act = (listener: UpstreamListener) => void;
interface Script {
  readonly name: string;
  acts(stream: boolean): readonly Act[];
}
const head =
  (status: number, type: string): Act =>
  listener =>
    listener.headers(status, { 'content-type': type });
const bytes =
  (text: string): Act =>
  listener =>
    listener.chunk(Buffer.from(text));
const end: Act = listener => listener.end();
const cut: Act = listener => listener.failed({ kind: 'truncated', message: 'cut' });
const usage = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } })}\n\n`;
const complete = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'one two three four' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
});
const events = 'text/event-stream';
const beginning = [head(200, events), bytes(chunk({ role: 'assistant', content: '' })), bytes(chunk({ content: 'one two ' }))];
const scripts: readonly Script[] = [
  {
    name: 'answers',
    acts: stream =>
      stream
        ? [...beginning, bytes(chunk({ content: 'three four' })), bytes(chunk({}, 'stop')), bytes(`${usage}data: [DONE]\n\n`), end]
        : [head(200, 'application/json'), bytes(complete), end],
  },
  { name: 'refuses', acts: () => [head(503, 'application/json'), bytes('{}'), end] },
  { name: 'is unreachable', acts: () => [listener => listener.failed({ kind: 'unreachable', message: 'no' })] },
  { name: 'is silent', acts: () => [] },
  { name: 'is cut', acts: stream => (stream ? [...beginning, cut] : [head(200, 'application/json'), cut]) },
  { name: 'stalls', acts: stream => (stream ? beginning : [head(200, 'application/json')]) },
];

class Town {
  readonly clock = new VirtualClock(1_000_000);
  readonly fleet = new TargetRegistry();
  readonly recorded: Exchange[] = [];
  readonly ledger = sqliteLedger(':memory:');
  readonly askings: { readonly asking: ExecutionHandle; readonly reader: MemoryResponseSink }[] = [];
  refused = 0;
  readonly #scheduler: fc.Scheduler;
  readonly #scripts: Iterator<Script>;
  readonly #visit: RequestContext;
  readonly #purse: BudgetAdmission;
  #arrived = 0;

  constructor(scheduler: fc.Scheduler, drawn: Iterator<Script>) {
    this.#scheduler = scheduler;
    this.#scripts = drawn;
    const sink = {
      record: async (exchange: Exchange) => {
        await scheduler.schedule(Promise.resolve(), 'the record is sealed');
        this.recorded.push(exchange);
        return seal();
      },
      refusal: () => undefined,
      dropped: 0,
      close: async () => {},
    };
    const { counter: _, ...setup } = createRuntime(settings, { clock: this.clock, upstream: this.#upstream(), sink, fleet: this.fleet });
    const telemetry = createTelemetry({ otlp: undefined, environment: {}, mayHoldContent: false, log: silentLog });
    this.#visit = { id: '', receivedAt: 0, trace: traceFrom(undefined, undefined), key, settings, runtime: setup, telemetry };
    this.#purse = new BudgetAdmission({ clock: this.clock, ledger: this.ledger, local: sqliteLedger(':memory:'), onFailed: () => {} });
  }

  /** Each step of a call is a task of its own; after its abort no event follows. */
  #upstream(): Upstream {
    return {
      send: (call, listener) => {
        const { name, acts } = this.#scripts.next().value as Script;
        let isOver = false;
        const play = async (): Promise<void> => {
          for (const act of acts(String(call.body).includes('"stream":true'))) {
            await this.#scheduler.schedule(Promise.resolve(), `${new URL(call.url).port} ${name}`);
            if (isOver) return;
            act(listener);
          }
        };
        void play();
        return {
          abort: () => {
            isOver = true;
          },
          pause: () => {},
          resume: () => {},
        };
      },
      close: async () => {},
    };
  }

  async ask(route: string, stream: boolean): Promise<void> {
    const id = `0190a000-0000-7000-8000-${String(this.#arrived++).padStart(12, '0')}`;
    const text = JSON.stringify({ model: route, messages: [{ role: 'user', content: 'hi' }], max_tokens: 20, stream });
    const requested = parseBody({ bytes: Buffer.from(text), text }, {}, openaiChat);
    const chosen = resolve(settings, 't', { model: route });
    if (isRefusal(requested) || isRefusal(chosen)) throw new Error('not understood');
    const visit = { ...this.#visit, id, receivedAt: this.clock.now() };
    const question = routed(requested, openaiChat, visit, chosen);
    if (isRefusal(question)) throw new Error(question.refusal.message);
    const admission = await this.#purse.admit(question, visit);
    if (admission && isRefusal(admission)) {
      this.refused++;
      return;
    }
    const reader = new MemoryResponseSink(Number.POSITIVE_INFINITY);
    const execution = execute(question, visit.runtime, reader);
    admission!.settleWhenDone(execution);
    this.askings.push({ asking: execution, reader });
  }

  leave(n: number): void {
    this.askings[n % Math.max(1, this.askings.length)]?.asking.cancel();
  }

  /** Lets all of it come to its end: what is scheduled first, then time, then what time has set off. */
  async end(arrivals: readonly Promise<void>[]): Promise<void> {
    let isThere = false;
    void Promise.all(arrivals).then(() => {
      isThere = true;
    });
    const isOver = (): boolean => isThere && this.recorded.length === this.askings.length;
    for (let idle = 0; idle < 500 && !isOver(); idle++) {
      await this.#scheduler.waitIdle();
      await new Promise(resolve => setImmediate(resolve));
      if (!isOver() && this.#scheduler.count() === 0) this.clock.step();
    }
    await Promise.all(this.askings.map(({ asking: execution }) => execution.done));
  }
}

const asks = fc.array(fc.record({ route: fc.constantFrom(...routes), stream: fc.boolean() }), { minLength: 1, maxLength: 8 });
const meanwhile = fc.array(fc.oneof(fc.record({ leave: fc.nat(7) }), fc.constant({ tick: true })), { maxLength: 25 });

describe('what is under way at once', { timeout: longTimeout }, () => {
  test('may happen in any order: each request has one winner, one record and one end, and the ledger is the sum of the records', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        asks,
        meanwhile,
        fc.infiniteStream(fc.constantFrom(...scripts)),
        async (scheduler, requested, also, drawn) => {
          const town = new Town(scheduler, drawn);
          const arrivals = requested.map(({ route, stream }, i) =>
            scheduler.schedule(Promise.resolve(), `request ${i}`).then(() => town.ask(route, stream)),
          );
          for (const one of also) {
            void scheduler
              .schedule(Promise.resolve(), JSON.stringify(one))
              .then(() => ('leave' in one ? town.leave(one.leave) : town.clock.step()));
          }
          await town.end(arrivals);
          await check(town, requested.length);
        },
      ),
      runs(120, 1_500),
    );
  });
});

async function check({ recorded, askings, refused, ledger, fleet }: Town, count: number): Promise<void> {
  expect(askings.length + refused).toBe(count);
  expect(new Set(recorded.map(({ id }) => id)).size, 'one record each').toBe(askings.length);
  const spent = recorded.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0);
  expect(await ledger.countOpen(), 'every reservation is settled').toBe(0);
  expect(await ledger.spending(scope, 0), 'the ledger is the sum of the records').toEqual({ spent, reserved: 0 });
  for (const { inFlight } of fleet.health.values()) expect(inFlight).toBe(0);
  for (const exchange of recorded) {
    const { attempts, outcome, policy, receivedAt, endedAt } = exchange;
    expect(attempts.filter(({ kind, accepted }) => accepted && kind !== 'judge').length, 'one winner').toBe(outcome === 'ok' ? 1 : 0);
    expect(endedAt - receivedAt).toBeLessThanOrEqual(policy.deadlineMs);
    expect(attempts.every(attempt => attempt.endedAt !== undefined)).toBe(true);
  }
  for (const { reader } of askings) {
    expect(reader.ended, 'one end').toBeDefined();
    const exchange = recorded.find(({ response }) => Buffer.from(response).toString() === reader.text);
    expect(exchange ?? (reader.text === '' ? true : undefined), 'what was told is on the record').toBeDefined();
    const { terminal, content, errors } = readStream(reader.text);
    if (terminal === 'done') expect([errors, content.endsWith('one two three four')], 'a whole answer').toEqual([[], true]);
  }
}
