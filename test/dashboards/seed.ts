/** A store with a day's small traffic in it: everything that can happen to a request, for two tenants, then a replay and an import. */
import { importItems } from '../../eval/outcomes/import.ts';
import type { AttemptRecord, Exchange } from '../../gateway/core/exchange.ts';
import type { FailureKind } from '../../gateway/core/shared/failure.ts';
import { columnsOf, tableNames } from '../../recorder/rows/tables.ts';
import type { Store } from '../../recorder/store/store.ts';
import { writeRun } from '../../replay/run/run-table.ts';
import { rowsOf } from '../recorder/encoded-rows.ts';
import { newId, plainExchange } from '../recorder/plain-exchange.ts';

const minute = 60_000;
export const run = '20260131-120000-4f2a';

/** The price of an attempt: 0.0000021 USD, ten times that for the large model. */
export const nanoUsd = { small: 2_100, large: 21_000 } as const;

/** The cost of the attempt with prompt-cache reads. */
export const saved = 4_200;

type Step = Partial<AttemptRecord> & { readonly kind: AttemptRecord['kind'] };

/** Attempts one after another, of which the last counts. */
function exchange(at: number, steps: readonly Step[], changes: Partial<Exchange> = {}): Exchange {
  const [plain] = plainExchange().attempts;
  const attempts = steps.map((step, i) => {
    const model = step.model ?? 'small';
    const total = nanoUsd[model as keyof typeof nanoUsd] ?? 0;
    const startedAt = at + 1 + i * 100;
    const times = { startedAt, endedAt: startedAt + 90 };
    const names = { number: i + 1, model, target: `sim/${model}`, servedModel: model };
    return {
      ...plain!,
      ...names,
      ...times,
      cost: { input: total - 900, output: 900, total, priceId: 'prices/1' },
      ...step,
    } as AttemptRecord;
  });
  const last = attempts.at(-1)!;
  const failed = last.failure !== undefined;
  return plainExchange({
    id: newId(at),
    receivedAt: at,
    endedAt: at + attempts.length * 100 + 5,
    attempts,
    decision: failed ? { type: 'failed', failure: last.failure } : { type: 'answered', attempt: attempts.length - 1 },
    outcome: failed ? 'upstream_error' : 'ok',
    status: failed ? 502 : 200,
    usage: last.usage!,
    costNanoUsd: attempts.reduce((sum, attempt) => sum + (attempt.cost?.total ?? 0), 0),
    ...changes,
  });
}

const failedAs = (kind: FailureKind): Partial<AttemptRecord> => {
  const { usage: _, cost: __, ...rest } = plainExchange().attempts[0]!;
  const failure = { kind, message: 'said by the provider', status: 503 };
  return { ...rest, outcome: kind, status: 503, failure, accepted: false, signals: {}, usage: undefined, cost: undefined } as never;
};

const lowConfidence = { accepted: false, signals: { mean_logprob: 0.42 } } as const;
const requestBody = (text: string): Buffer => Buffer.from(JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: text }] }));

/** In order: repeated twice, retried, fallen back, escalated, hedged, streamed from the cache, without a price, failed, cancelled. */
export function liveTraffic(now: number): readonly Exchange[] {
  const at = (minutesAgo: number): number => now - minutesAgo * minute;
  const acme = { ...plainExchange().caller, tenant: "acme's", key: 'acme-ci', user: 'ann' };
  const cachedCost = { input: 1_200, output: 900, total: nanoUsd.small, saved, priceId: 'prices/1' };
  const cachedUsage = { input: 1_000, output: 50, cached: 800, cacheWrite: 100, reasoning: 0, source: 'provider' } as const;
  const chunks = [[40, 10] as const, [80, 10] as const];
  const { cost: _, ...withoutCost } = plainExchange().attempts[0]!;
  return [
    exchange(at(90), [{ kind: 'primary' }]),
    exchange(at(80), [{ kind: 'primary' }]),
    exchange(at(70), [{ kind: 'primary' }]),
    exchange(at(60), [{ kind: 'primary', ...failedAs('rate-limited') }, { kind: 'retry' }], { request: requestBody('Retry?') }),
    exchange(
      at(50),
      [
        { kind: 'primary', ...failedAs('unreachable') },
        { kind: 'fallback', model: 'large' },
      ],
      { request: requestBody('Fall back?') },
    ),
    exchange(
      at(40),
      [
        { kind: 'primary', ...lowConfidence },
        { kind: 'escalation', model: 'large' },
      ],
      { request: requestBody('Hard?'), caller: acme },
    ),
    exchange(at(30), [{ kind: 'primary', outcome: 'aborted' }, { kind: 'hedge' }], { request: requestBody('Slow?'), caller: acme }),
    exchange(at(20), [{ kind: 'primary', usage: cachedUsage, chunks, cost: cachedCost }], {
      ...{ queuedMs: 40, heldMs: 25 },
      caller: { ...plainExchange().caller, tags: { team: 'search' }, conversation: 'conversation-1' },
      request: requestBody('Long?'),
      usage: cachedUsage,
      stream: true,
    }),
    exchange(at(15), [{ ...withoutCost, kind: 'primary', cost: undefined } as never], { request: requestBody('Dear?') }),
    exchange(at(10), [{ kind: 'primary', ...failedAs('server-error') }], { request: requestBody('Broken?'), caller: acme }),
    exchange(at(5), [{ kind: 'primary', outcome: 'aborted' }], { request: requestBody('Gone?'), outcome: 'cancelled', status: 0 }),
  ];
}

export interface Seeded {
  readonly live: readonly Exchange[];
  /** A run of imported outcomes. Beside `live`, one request of the day before is recorded. */
  readonly imported: string;
}

export async function seed(store: Store, now: number): Promise<Seeded> {
  const live = liveTraffic(now);
  const replayed = live
    .slice(0, 3)
    .flatMap(({ id }, i) => [
      exchange(now - minute, [{ kind: 'primary', model: 'large' }], { replayOf: id, run, arm: 'sim/large' }),
      exchange(now - minute, [{ kind: 'primary', ...(i === 0 ? failedAs('timeout') : {}) }], { replayOf: id, run, arm: 'sim/small' }),
    ]);
  const before = exchange(now - 30 * 60 * minute, [{ kind: 'primary' }]);
  await record(store, [before, ...live, ...replayed]);
  await store.insert('scores', live.slice(0, 2).map(score));
  const counts = { selected: 3, done: 5, failed: 1, spent: 3 * nanoUsd.large + 2 * nanoUsd.small };
  const arms = ['sim/large', 'sim/small'];
  await writeRun(store, {
    id: run,
    arms,
    state: 'finished',
    createdAt: now - minute,
    finishedAt: now,
    configHash: '',
    manifest: {},
    ...counts,
  });
  const outcomes = new Map([['other/model', { quality: 0.75, signals: {}, costNanoUsd: 250_000_000 }]]);
  const { run: imported } = await importItems(store, [{ id: 'theirs-1', cluster: 'theirs-1', outcomes }], {
    text: 'theirs',
    name: 'theirs',
    at: now,
  });
  return { live, imported };
}

const score = ({ id, receivedAt }: Exchange, i: number): Readonly<Record<string, unknown>> => ({
  ...{ tenant_id: 'default', score_id: newId(receivedAt), request_id: id, run_id: '', ts: receivedAt },
  ...{ name: 'thumbs', value: i, source: 'client', label: '', explanation: '', evaluator: '' },
});

/** The format of the recorder. */
async function record(store: Store, exchanges: readonly Exchange[]): Promise<void> {
  const rows = exchanges.map(exchange => rowsOf(exchange, { records: 90, payloads: 30 }));
  for (const table of tableNames) {
    const body = Buffer.concat(rows.map(row => row[table].bytes));
    await store.insertBinary(
      table,
      columnsOf(table).map(({ name }) => name),
      body,
      `seed.${table}`,
    );
  }
}
