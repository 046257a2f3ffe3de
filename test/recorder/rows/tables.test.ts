import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomeLabel } from '../../../gateway/core/exchange.ts';
import { usd } from '../../../gateway/core/money/price.ts';
import { confidenceOf } from '../../../gateway/core/signals/signal.ts';
import { columnsOf, tableNames } from '../../../recorder/rows/tables.ts';
import { migrate } from '../../../recorder/store/migrate.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { exchange } from '../arbitrary-exchange.ts';
import { type EncodedRows, rowsOf, rowsOfFeedback } from '../encoded-rows.ts';
import { newId, plainExchange } from '../plain-exchange.ts';
import { engineMissing, startTestEngine, type TestEngine } from '../running-engine.ts';

const retention = { records: 3650, payloads: 3650 };
/** Days of their own would make more partitions than one insert may have. */
const today = (seed: number) =>
  fc.sample(exchange, { numRuns: 40, seed }).map((e, i) => ({ ...e, receivedAt: Date.now() - i, endedAt: Date.now() }));

async function insert(store: Store, rows: readonly EncodedRows[], token: string): Promise<void> {
  for (const table of tableNames) {
    const columns = columnsOf(table).map(({ name }) => name);
    await store.insertBinary(table, columns, Buffer.concat(rows.map(of => of[table].bytes)), `${token} ${table}`);
  }
}

describe.skipIf(engineMissing)(`rows in the real engine${engineMissing}`, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer);
  });
  afterAll(() => engine.close());

  it.for(tableNames)('has the columns of %s as the engine describes them, and leaves out none that has no default', async table => {
    const described = await engine.writer.select<{ name: string; type: string; default_expression: string }>(`DESCRIBE TABLE ${table}`);
    const types = new Map(described.map(({ name, type }) => [name, type]));
    for (const { name, type } of columnsOf(table)) expect(types.get(name), name).toBe(type);
    const written = new Set(columnsOf(table).map(({ name }) => name));
    const left = described.filter(({ name }) => !written.has(name)).map(({ name }) => name);
    expect(left).toEqual(leftToDefaults[table]);
  });

  it('says of a plain exchange what happened', async () => {
    const requested = plainExchange({ receivedAt: Math.floor(Date.now()) - 3_600_000 + 0.7 });
    await insert(engine.writer, [rowsOf(requested, { records: 90, payloads: 30 })], 'plain');
    const [row] = await engine.writer.select(`SELECT * FROM requests WHERE request_id = '${requested.id}'`);
    expect(row).toMatchObject({
      tenant_id: 'default',
      ts: new Date(requested.receivedAt).toISOString(),
      trace_id: 'a'.repeat(32),
      route: 'smart',
      provider: 'sim',
      model: 'small',
      attempts: 1,
      confidence: 0.9,
      outcome: 'ok',
      finish_reason: 'stop',
      latency_ms: 90,
      ttft_ms: 42,
      upstream_ms: 89,
      overhead_us: 1500,
      input_tokens: 12,
      usage_source: 'provider',
      cost_usd: 0.0000021,
      saved_usd: 0,
      cache_status: 'miss',
      price_id: 'prices/1/sim/small',
      delivered_sha256: createHash('sha256').update(requested.response).digest('hex'),
      payload_state: 'stored',
      run_id: '',
      retention_days: 90,
    });
    const attempts = await engine.writer.select(`SELECT * FROM attempts WHERE request_id = '${requested.id}'`);
    expect(attempts).toMatchObject([
      { attempt_no: 1, started_ms: 1, kind: 'primary', target: 'sim/small', ttfb_ms: 40, duration_ms: 79, accepted: true },
    ]);
    const payloads = await engine.writer.select(`SELECT * FROM payloads WHERE request_id = '${requested.id}' ORDER BY attempt_no`);
    expect(payloads).toMatchObject([
      {
        attempt_no: 0,
        request_body: `${requested.request}`,
        response_body: `${requested.response}`,
        stream_timing: '',
        retention_days: 30,
      },
      { attempt_no: 1, request_body: `${requested.attempts[0]!.request}`, stream_timing: `[[40.123,${requested.response.length}]]` },
    ]);
    expect(await engine.writer.select(`SELECT * FROM replay_results WHERE replay_id = '${requested.id}'`)).toEqual([]);
  });

  it('keeps what a request waited for, and the digest taken at the delivery, by which SQL proves the bytes in the store', async () => {
    const response = Buffer.from('data: hallö\n\n');
    const sha256 = createHash('sha256').update(response).digest('hex');
    const sound = plainExchange({ response, queuedMs: 120.4, heldMs: 30, delivered: { sha256, events: 2, bytes: response.length } });
    const harmed = plainExchange({ response: Buffer.from('data: hallo\n\n'), delivered: { sha256, events: 2, bytes: response.length } });
    await insert(
      engine.writer,
      [sound, harmed].map(exchange => rowsOf(exchange, { records: 90, payloads: 30 })),
      'delivered',
    );
    const rows = await engine.writer.select(
      `SELECT queued_ms, held_ms, delivered_events, lower(hex(SHA256(response_body))) = delivered_sha256 AS proved
FROM requests JOIN payloads USING (tenant_id, request_id) WHERE attempt_no = 0 AND request_id IN ('${sound.id}', '${harmed.id}') ORDER BY request_id = '${harmed.id}'`,
    );
    expect(rows).toMatchObject([
      { queued_ms: 120, held_ms: 30, delivered_events: 2, proved: 1 },
      { queued_ms: 0, held_ms: 0, delivered_events: 2, proved: 0 },
    ]);
  });

  it('keeps feedback with its request, and what is said again in place of what was said', async () => {
    const at = Date.now() - 60_000;
    const [request, id] = [newId(at), newId(at)];
    const feedbackOf = (value: number) =>
      rowsOfFeedback({
        ...{ request, tenant: 'acme' },
        scores: [{ id, name: 'quality', source: 'client', value, label: 'up', explanation: 'näh', evaluator: 'u1', at }],
      });
    await insert(engine.writer, [feedbackOf(0)], 'feedback 1');
    await insert(engine.writer, [feedbackOf(1)], 'feedback 2');
    expect(
      await engine.writer.select(
        "SELECT name, source, value, label, explanation, evaluator, run_id, retention_days FROM scores FINAL WHERE tenant_id = 'acme'",
      ),
    ).toEqual([
      { name: 'quality', source: 'client', value: 1, label: 'up', explanation: 'näh', evaluator: 'u1', run_id: '', retention_days: 365 },
    ]);
  });

  it('keeps ids, bytes, money and texts of any exchange exactly', async () => {
    const exchanges = today(11);
    await insert(
      engine.writer,
      exchanges.map(e => rowsOf(e, retention)),
      'any',
    );
    const found = await engine.writer.select<Record<string, unknown>>(
      `SELECT toString(request_id) AS id, toUnixTimestamp64Milli(ts) AS at, toString(cost_usd) AS cost, tenant_id, end_user, error_message, tags, policy, events,
confidence, status_code, input_tokens, run_id, replay_of, hex(p.request_body) AS request, hex(p.response_body) AS response, p.request_headers AS headers
FROM requests AS r INNER JOIN payloads AS p ON p.request_id = r.request_id AND p.attempt_no = 0 WHERE r.retention_days = 3650`,
    );
    const byId = new Map(found.map(row => [row.id, row]));
    for (const e of exchanges) {
      const last = (e.decision.type === 'answered' ? e.attempts[e.decision.attempt] : undefined) ?? e.attempts.at(-1);
      expect(byId.get(e.id)).toEqual({
        id: e.id,
        at: Math.floor(e.receivedAt),
        cost: expect.stringMatching(/^\d+(\.\d+)?$/),
        tenant_id: wellFormed(e.caller.tenant),
        end_user: wellFormed(e.caller.user),
        error_message: e.decision.type === 'failed' ? wellFormed(e.decision.failure.message) : '',
        tags: Object.fromEntries(Object.entries(e.caller.tags).map(([k, v]) => [wellFormed(k), wellFormed(v)])),
        policy: JSON.stringify(e.policy),
        events: JSON.stringify(e.events),
        confidence: (last && confidenceOf(last.signals)) ?? null,
        status_code: e.status,
        input_tokens: e.usage?.input ?? 0,
        run_id: wellFormed(e.run ?? ''),
        replay_of: e.replayOf ?? '',
        request: Buffer.from(e.request).toString('hex').toUpperCase(),
        response: Buffer.from(e.response).toString('hex').toUpperCase(),
        headers: Object.fromEntries(Object.entries(e.requestHeaders).map(([k, v]) => [wellFormed(k), wellFormed(v)])),
      });
      expect(Number(byId.get(e.id)!.cost)).toBe(usd(e.costNanoUsd ?? 0));
    }
  });

  it('keeps every attempt with its bytes, signals and failure', async () => {
    const exchanges = today(12);
    await insert(
      engine.writer,
      exchanges.map(e => rowsOf(e, { ...retention, records: 3649 })),
      'attempts',
    );
    const found = await engine.writer.select<Record<string, unknown>>(
      `SELECT toString(request_id) AS id, attempt_no, kind, a.outcome AS outcome, error_message, signals, toString(cost_usd) AS cost, hex(p.request_body) AS request,
hex(p.response_body) AS response FROM attempts AS a INNER JOIN payloads AS p ON p.request_id = a.request_id AND p.attempt_no = a.attempt_no
WHERE a.retention_days = 3649 ORDER BY id, attempt_no`,
    );
    const expected = exchanges
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .flatMap(({ id, attempts }) =>
        attempts.map(a => ({
          id,
          attempt_no: a.number,
          kind: a.kind,
          outcome: outcomeLabel(a),
          error_message: wellFormed(a.failure?.message ?? ''),
          signals: a.signals,
          cost: expect.anything(),
          request: Buffer.from(a.request).toString('hex').toUpperCase(),
          response: Buffer.from(a.response).toString('hex').toUpperCase(),
        })),
      );
    expect(found).toEqual(expected);
  });

  it('puts a replay beside its original, also when that is known by its id alone', async () => {
    const original = newId(1_780_000_000_000);
    const repeated = plainExchange({ replayOf: original, run: 'run-1', arm: 'sim/large', repeat: 2 });
    await insert(engine.writer, [rowsOf(repeated, retention)], 'replay');
    expect(await engine.writer.select("SELECT * FROM replay_results WHERE run_id = 'run-1'")).toMatchObject([
      {
        arm: 'sim/large',
        request_id: original,
        repeat_no: 2,
        replay_id: repeated.id,
        original_ts: '2026-05-28T20:26:40.000Z',
        outcome: 'ok',
        signals: { mean_logprob: 0.9 },
      },
    ]);
    expect(await engine.writer.select("SELECT run_id, replay_of, arm, repeat_no FROM requests WHERE run_id = 'run-1'")).toEqual([
      { run_id: 'run-1', replay_of: original, arm: 'sim/large', repeat_no: 2 },
    ]);
  });

  it('writes money exactly up to the last nano-dollar, and the most that fits for what no row can hold', async () => {
    const amounts = [1, 999_999_999, 123_456_789_012_345, 999_999_999_999_999, Number.MAX_SAFE_INTEGER];
    const exchanges = amounts.map(costNanoUsd => plainExchange({ costNanoUsd }));
    await insert(
      engine.writer,
      exchanges.map(e => rowsOf(e, retention)),
      'money',
    );
    const texts: string[] = [];
    for (const { id } of exchanges) {
      const [row] = await engine.writer.select<{ cost: string }>(
        `SELECT toString(cost_usd) AS cost FROM requests WHERE request_id = '${id}'`,
      );
      texts.push(row!.cost);
    }
    expect(texts).toEqual(['0.000000001', '0.999999999', '123456.789012345', '999999.999999999', '999999.999999999999']);
  });
});

describe('rows', () => {
  it('cannot be made of an exchange whose id is none', () => {
    expect(() => rowsOf(plainExchange({ id: 'not-an-id' }), retention)).toThrow(/not a UUID/);
  });

  it('have no price when one of several paid attempts has none', () => {
    const requested = plainExchange();
    const { cost: _, ...unpriced } = requested.attempts[0]!;
    const { requests } = rowsOf({ ...requested, attempts: [requested.attempts[0]!, { ...unpriced, number: 2 }] }, retention);
    expect(requests.bytes.includes('prices/1/sim/small')).toBe(false);
  });
});

/** A lone surrogate has no UTF-8. */
const wellFormed = (text: string): string => text.toWellFormed();

const leftToDefaults = {
  scores: ['run_id', 'retention_days', 'version'],
  requests: ['environment', 'gateway_id', 'ingested_at', 'known_cost_usd'],
  attempts: ['deployment', 'region', 'connect_us', 'ingested_at', 'known_cost_usd'],
  payloads: ['truncated', 'ingested_at'],
  replay_results: ['scores', 'version', 'known_cost_usd'],
};
