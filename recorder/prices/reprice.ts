/** `hindcast prices reprice`: what recorded attempts cost by the present prices, beside what was recorded. */
import { createHash } from 'node:crypto';
import { exit, loadSettings, printResult } from '../../gateway/cli/command.ts';
import { cost, priceAtTier, usd } from '../../gateway/core/money/price.ts';
import { priceVersion } from '../../gateway/prices/known-prices.ts';
import { createPriceBook, type PriceOf } from '../../gateway/prices/price-book.ts';
import { readPriceFile } from '../../gateway/prices/price-file.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { parseTime } from '../commands/times.ts';
import { openStore } from '../process/open-store.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly since: string;
  readonly until?: string;
}

interface AttemptRow {
  readonly tenant_id: string;
  readonly ts: string;
  readonly at: number;
  readonly request_id: string;
  readonly attempt_no: number;
  readonly provider: string;
  readonly model: string;
  readonly served_model: string;
  readonly service_tier: string;
  readonly input_tokens: number;
  readonly cached_tokens: number;
  readonly cache_write_tokens: number;
  readonly cache_write_1h_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly known_cost_usd: number | null;
  readonly retention_days: number;
}

const batchRows = 10_000;

/** Tokens of sound and images are not recorded by attempt, and count as text here. */
export async function runReprice(options: Options): Promise<number> {
  const settings = loadSettings(options);
  const now = Date.now();
  const since = parseTime(options.since, '--since', now);
  const until = options.until === undefined ? now : parseTime(options.until, '--until', now);
  const file = readPriceFile(settings.store.path);
  const version = versionOf(settings, priceVersion(file));
  const priceOf = accountPrices(settings, createPriceBook(settings.prices, file));
  const store = await openStore(settings);
  const sums = { attempts: 0, unknown: 0, before: 0, after: 0, newly_priced: 0 };
  try {
    const rows = store.stream<AttemptRow>(attemptsSql, { since: since / 1000, until: until / 1000 });
    let batch: object[] = [];
    const write = async (): Promise<void> => {
      if (batch.length > 0) await store.insert('repriced', batch);
      batch = [];
    };
    for await (const row of rows) {
      sums.attempts += 1;
      const price = priceAtTier(priceOf(row), row.service_tier);
      if (!price || price.unitsOnly) {
        sums.unknown += 1;
        continue;
      }
      const repriced = cost(usageOf(row), price);
      sums.before += row.known_cost_usd ?? 0;
      sums.after += usd(repriced.total);
      if (row.known_cost_usd === null) sums.newly_priced += 1;
      const { tenant_id, ts, request_id, attempt_no, retention_days } = row;
      batch.push({
        ...{ tenant_id, ts, request_id, attempt_no, retention_days, price_version: version, price_id: repriced.priceId },
        ...{ cost_usd: usd(repriced.total).toFixed(12), version: now },
      });
      if (batch.length >= batchRows) await write();
    }
    await write();
  } finally {
    await store.close();
  }
  const rounded = (dollars: number): number => Number(dollars.toFixed(9));
  const result = { price_version: version, ...sums, before: rounded(sums.before), after: rounded(sums.after) };
  printResult(options, result, () => text(result));
  return sums.attempts === 0 ? exit.nothing : exit.pass;
}

interface Repriced {
  readonly price_version: string;
  readonly attempts: number;
  readonly unknown: number;
  readonly before: number;
  readonly after: number;
  readonly newly_priced: number;
}

const text = ({ price_version, attempts, unknown, before, after, newly_priced }: Repriced): string =>
  attempts === 0
    ? 'No attempts were recorded in that time.'
    : `${attempts} attempts by ${price_version}: $${before} recorded, $${after} repriced; ${newly_priced} had no price before, ${unknown} have none now.`;

const attemptsSql = `SELECT tenant_id, ts, toUnixTimestamp64Milli(ts) + started_ms AS at, toString(request_id) AS request_id, attempt_no, provider, model,
served_model, service_tier, input_tokens, cached_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
toFloat64(known_cost_usd) AS known_cost_usd, retention_days FROM attempts FINAL
WHERE ts >= {since: DateTime64(3)} AND ts < {until: DateTime64(3)}
AND usage_source != 'none' AND price_state != 'stated' AND price_id != 'stated'`;

const usageOf = (row: AttemptRow) => ({
  input: row.input_tokens,
  cached: row.cached_tokens,
  cacheWrite: row.cache_write_tokens,
  cacheWriteHour: row.cache_write_1h_tokens,
  output: row.output_tokens,
  reasoning: row.reasoning_tokens,
  source: 'provider' as const,
});

/** As the gateway looks a price up: by the account's name, else by its wire format's. */
function accountPrices({ providers }: Settings, book: PriceOf) {
  const of = (account: string, model: string, at: number) => {
    const priceBook = providers.get(account)?.provider.priceBook;
    return book(account, model, at) ?? (priceBook === undefined ? undefined : book(priceBook, model, at));
  };
  return ({ provider, model, served_model: served, at }: AttemptRow) => (served && of(provider, served, at)) || of(provider, model, at);
}

/** Configured prices have no version of their own: a hash of them stands for it. */
function versionOf({ prices }: Settings, version: string): string {
  if (Object.keys(prices).length === 0) return version;
  return `${version}+config@${createHash('sha256').update(JSON.stringify(prices)).digest('hex').slice(0, 8)}`;
}
