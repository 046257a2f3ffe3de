/** Many exchanges made inside the engine: what dashboards read, without the bytes of any body. */
import type { Store } from '../../recorder/store/store.ts';

const chunkRows = 250_000;

/** Over the day before `now`, evenly; a twentieth failed, a tenth fell back. */
export async function fill(store: Store, exchanges: number, now: number): Promise<void> {
  for (let from = 0; from < exchanges; from += chunkRows) {
    const params = { from, count: Math.min(chunkRows, exchanges - from), start: now - 86_400_000, step: 86_400_000 / exchanges };
    await store.command(
      `INSERT INTO requests (${requestColumns.map(([name]) => name).join(', ')}) SELECT ${requestColumns.map(([, sql]) => sql).join(', ')} FROM ${numbers}`,
      params,
    );
    await store.command(
      `INSERT INTO attempts (${attemptColumns.map(([name]) => name).join(', ')}) SELECT ${attemptColumns.map(([, sql]) => sql).join(', ')} FROM ${numbers}`,
      params,
    );
  }
}

const numbers = '(SELECT number + {from: UInt64} AS n, intHash64(number + {from: UInt64}) AS h FROM numbers({count: UInt64}))';
/** The same for a request and its attempt; the time's digits first, as in a UUIDv7. */
const id = "toUUID(concat('01890a5d-ac96-774b-b', right(hex(h), 3), '-', leftPad(hex(n), 12, '0')))";
const ts = "fromUnixTimestamp64Milli({start: Int64} + toInt64(n * {step: Float64}), 'UTC')";
const model = "['gpt-5-mini', 'claude-opus-5', 'gemini-3-flash', 'small', 'large'][1 + h % 5]";
const provider = "['openai', 'anthropic', 'gemini', 'sim', 'sim'][1 + h % 5]";
const failed = 'h % 20 = 7';
const latency = 'toUInt32(200 + exp((intHash32(n) % 1000) / 125))';

const requestColumns = [
  ['tenant_id', "concat('tenant-', toString(intHash32(n) % 20))"],
  ['project_id', "concat('p', toString(h % 3))"],
  ['ts', ts],
  ['request_id', id],
  ['trace_id', 'lower(hex(h))'],
  ['end_user', "concat('u', toString(intHash32(n + 7) % 5000))"],
  ['api_key_id', "concat('key-', toString(h % 40))"],
  ['route', "['smart', 'fast', 'chat'][1 + h % 3]"],
  ['config_hash', "'0123456789abcdef'"],
  ['operation', "'chat'"],
  ['requested_model', "'smart'"],
  ['provider', provider],
  ['model', model],
  ['response_model', model],
  ['stream', 'h % 2 = 0'],
  ['attempts', '1 + (h % 10 = 3)'],
  ['fallbacks', 'h % 10 = 3'],
  ['escalations', 'h % 7 = 1'],
  ['confidence', '(intHash32(n + 3) % 1000) / 1000'],
  ['status_code', `if(${failed}, 502, 200)`],
  ['outcome', `if(${failed}, 'upstream_error', 'ok')`],
  ['error_type', `if(${failed}, 'server_error', '')`],
  ['latency_ms', latency],
  ['ttft_ms', `toUInt32(${latency} / 3)`],
  ['overhead_us', 'toUInt32(300 + intHash32(n + 5) % 900)'],
  ['input_tokens', 'toUInt32(50 + intHash32(n + 1) % 4000)'],
  ['cached_tokens', 'toUInt32(intHash32(n + 1) % 900)'],
  ['output_tokens', 'toUInt32(20 + intHash32(n + 2) % 900)'],
  ['usage_source', "'provider'"],
  ['cost_usd', 'toDecimal64((50 + intHash32(n + 1) % 4000) / 1000000, 12)'],
  ['price_id', "'prices/1'"],
  ['prompt_hash', 'intHash64(n % 400000)'],
] as const;

const attemptColumns = [
  ['tenant_id', "concat('tenant-', toString(intHash32(n) % 20))"],
  ['ts', ts],
  ['request_id', id],
  ['attempt_no', '1'],
  ['kind', "'primary'"],
  ['route', "['smart', 'fast', 'chat'][1 + h % 3]"],
  ['target', `concat(${provider}, '/', ${model})`],
  ['provider', provider],
  ['model', model],
  ['outcome', `if(${failed}, 'server_error', 'ok')`],
  ['error_type', `if(${failed}, 'server_error', '')`],
  ['duration_ms', latency],
  ['ttft_ms', `toUInt32(${latency} / 3)`],
  ['cost_usd', 'toDecimal64((50 + intHash32(n + 1) % 4000) / 1000000, 12)'],
  ['confidence', '(intHash32(n + 3) % 1000) / 1000'],
  ['accepted', 'h % 7 != 1'],
] as const;
