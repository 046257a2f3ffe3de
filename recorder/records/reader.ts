/** Queries of the store as a reader: it may change nothing, and each query is bounded in time and rows and ends when its client disconnects. */
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { type ReadScope, RecordsFailure } from '../../gateway/admin/records.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { readEngineAddress, readReaderKey } from '../files/paths.ts';

export interface Reader {
  select<Row>(query: string, params: Readonly<Record<string, unknown>>, scope: Pick<ReadScope, 'signal'>): Promise<Row[]>;
  close(): Promise<void>;
}

export interface ReaderLimits {
  /** Seconds that the store may spend on one query. */
  readonly secondsMax: number;
}
const bytesReadMax = 20e9;

/** What the store says when it gave up, by its codes: too many rows or bytes, too slow, out of memory, too long. */
const tooExpensive: readonly string[] = ['158', '159', '160', '241', '307', '396'];

/** Queries reject with RecordsFailure: `too_expensive` at a limit, `unavailable` when nobody answers or the client has disconnected. */
export function openReader(settings: Settings, limits: ReaderLimits = { secondsMax: 10 }): Reader {
  let current: { readonly url: string; readonly client: ClickHouseClient } | undefined;
  const client = (): ClickHouseClient => {
    const url = urlOf(settings);
    if (url === undefined) throw new RecordsFailure('unavailable', 'the store is not up');
    if (current?.url !== url) {
      void current?.client.close();
      current = { url, client: clientOf(settings, url, limits) };
    }
    return current.client;
  };
  return {
    select: async <Row>(
      query: string,
      params: Readonly<Record<string, unknown>>,
      { signal }: Pick<ReadScope, 'signal'>,
    ): Promise<Row[]> => {
      try {
        const found = await client().query({ query, query_params: { ...params }, format: 'JSONEachRow', abort_signal: signal });
        return await found.json<Row>();
      } catch (error) {
        throw failureOf(error, limits);
      }
    },
    close: async () => current?.client.close(),
  };
}

/** The embedded engine answers wherever its process listens now. */
const urlOf = ({ store }: Settings): string | undefined => (store.url === 'embedded' ? readEngineAddress(store.path)?.url : store.url);

function clientOf({ store }: Settings, url: string, { secondsMax }: ReaderLimits): ClickHouseClient {
  const isEmbedded = store.url === 'embedded';
  return createClient({
    url,
    username: isEmbedded ? 'default' : store.username,
    password: store.password?.reveal() ?? (isEmbedded ? (readReaderKey(store.path) ?? '') : ''),
    database: isEmbedded ? 'default' : store.database,
    application: 'hindcast admin',
    request_timeout: (secondsMax + 5) * 1_000,
    max_open_connections: 4,
    keep_alive: { enabled: true, idle_socket_ttl: 2_500 },
    clickhouse_settings: {
      // A server's account may write: here it must not.
      ...(isEmbedded ? {} : { readonly: '2', cancel_http_readonly_queries_on_client_close: 1, max_bytes_to_read: String(bytesReadMax) }),

      max_execution_time: secondsMax,
      date_time_output_format: 'iso',
      output_format_json_quote_64bit_integers: 0,
      output_format_json_quote_decimals: 0,
      log_comment: 'hindcast admin',
    },
    log: { level: ClickHouseLogLevel.OFF },
  });
}

function failureOf(error: unknown, { secondsMax }: ReaderLimits): RecordsFailure {
  if (error instanceof RecordsFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ClickHouseError)) return new RecordsFailure('unavailable', message);
  if (tooExpensive.includes(error.code)) {
    return new RecordsFailure(
      'too_expensive',
      `The store gave up after ${secondsMax} s, or for want of memory: narrow the query, for example by since and until.`,
    );
  }
  return new RecordsFailure('unavailable', message);
}
