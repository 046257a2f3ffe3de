/** The store: ClickHouse over HTTP, embedded or a server, through the official client. */
import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { notClickHouse } from './not-clickhouse.ts';
import { joinedBytes, type RowBytes } from './row-bytes.ts';

export interface StoreAccess {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database?: string;
  readonly cluster?: string | undefined;
}

/** What the recorder ships to: the embedded engine's own session, or a server. */
export interface RowStore {
  select<Row>(query: string): Promise<Row[]>;
  /** `body` is rows in RowBinary, in the order of `columns`. Resolves when they are written; the same token twice is one insert. */
  insertBinary(table: string, columns: readonly string[], body: RowBytes, token: string): Promise<void>;
  /** What all inserts into the store have come to since it started; absent where that is not known. */
  insertCounts?(): InsertCounts;
}

export interface InsertCounts {
  /** Rows that were taken, repetitions included. */
  readonly rows: number;
  /** Blocks of rows that were not written because their token was there. */
  readonly repeatedBlocks: number;
}

/**
 * Values go in as `{name: Type}` parameters and never into the text. Integers and decimals come back as JSON numbers, so read hashes of 64 bits
 * with `toString()`; times come back as ISO 8601 in UTC. Errors are the client's ClickHouseError: `code` holds the server's exception code.
 */
export interface Store extends RowStore {
  select<Row>(query: string, params?: Record<string, unknown>): Promise<Row[]>;
  stream<Row>(query: string, params?: Record<string, unknown>): AsyncIterable<Row>;
  /** For small tables: as JSONEachRow, so omitted columns take their defaults. The same token twice is one insert. */
  insert(table: string, rows: readonly object[], token?: string): Promise<void>;
  command(query: string, params?: Record<string, unknown>): Promise<void>;
  /** The bytes of an answer, in the format that the query names. A failure in the middle is an error of the stream. */
  download(query: string, params?: Record<string, unknown>, settings?: ClickHouseSettings): Promise<Readable>;
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** Sent with every call, because servers' defaults differ. */
const defaultSettings: ClickHouseSettings = {
  // Acknowledge a batch when it is written, not when it is queued.
  async_insert: 0,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  input_format_skip_unknown_fields: 1,
  date_time_input_format: 'best_effort',
  date_time_output_format: 'iso',
  output_format_json_quote_64bit_integers: 0,
  output_format_json_quote_decimals: 0,
  log_comment: 'hindcast',
};

/** Acknowledged when all shards have it, and on a majority of each. */
const clusterSettings: ClickHouseSettings = { distributed_foreground_insert: 1, insert_quorum: 'auto' };

const requestTimeoutMs = 600_000;
/** An insert that takes longer is done again under its token: the server may be gone without a word. */
const insertMsMax = 120_000;
/** Below the engine's and the servers' keep-alive, so that a socket is never used while the other side closes it. */
const idleSocketMs = 2_500;

/** A client of the store. Compresses unless the server is on this machine. Nothing is sent before the first call. */
export function connect(access: StoreAccess): Store {
  const compression = isLoopback(access.url) ? { request: false, response: false } : { request: true, response: true };
  const client = createClient({
    url: access.url,
    username: access.username,
    password: access.password,
    database: access.database ?? 'default',
    application: 'hindcast',
    request_timeout: requestTimeoutMs,
    keep_alive: { enabled: true, idle_socket_ttl: idleSocketMs },
    compression,
    clickhouse_settings: access.cluster === undefined ? defaultSettings : { ...defaultSettings, ...clusterSettings },
    log: { level: ClickHouseLogLevel.OFF },
  });
  return {
    select: async <Row>(query: string, params = {}) =>
      (await client.query({ query, query_params: params, format: 'JSONEachRow' })).json<Row>(),
    stream: <Row>(query: string, params = {}) => rowsOf<Row>(client, query, params),
    insert: async (table, rows, token) => {
      if (rows.length === 0) return;
      await client.insert({ table, values: rows, format: 'JSONEachRow', clickhouse_settings: tokenSetting(token) });
    },
    insertBinary: (table, columns, body, token) => insertBinary(client, table, columns, body, token),
    command: async (query, params = {}) => {
      await client.command({ query, query_params: params });
    },
    download: async (query, params = {}, settings = {}) => {
      const { stream } = await client.exec({ query, query_params: params, clickhouse_settings: settings });
      return failOnTrailingException(stream);
    },
    ping: async () => (await client.ping()).success,
    close: () => client.close(),
  };
}

/** An exception that came after the headers stands at the end of the body, in a frame of its own. */
function failOnTrailingException(stream: Readable): Readable {
  const exceptionPattern = /\r\n__exception__\r\n[\s\S]*?(Code: \d+\. DB::Exception[\s\S]*)/;
  const tailBytesMax = 32 * 1024;
  return Readable.from(
    (async function* () {
      let tail = Buffer.alloc(0);
      for await (const chunk of stream) {
        tail = Buffer.concat([tail, chunk as Buffer]);
        if (tail.length > tailBytesMax) tail = Buffer.from(tail.subarray(tail.length - tailBytesMax));
        yield chunk as Buffer;
      }
      const exception = exceptionPattern.exec(tail.toString('latin1'))?.[1];
      if (exception) throw new Error(exception.trim());
    })(),
    { objectMode: false },
  );
}

async function* rowsOf<Row>(client: ClickHouseClient, query: string, params: Record<string, unknown>): AsyncGenerator<Row> {
  const result = await client.query({ query, query_params: params, format: 'JSONEachRow' });
  try {
    for await (const rows of result.stream<Row>()) for (const row of rows) yield row.json();
  } finally {
    // Also when the reader stops early: the query behind it ends with its connection.
    result.close();
  }
}

async function insertBinary(
  client: ClickHouseClient,
  table: string,
  columns: readonly string[],
  body: RowBytes,
  token: string,
): Promise<void> {
  const bytes = joinedBytes(body);
  if (bytes.byteLength === 0) return;
  const query = `INSERT INTO ${identifier(table)} (${columns.map(identifier).join(', ')}) FORMAT RowBinary`;
  const values = Readable.from([bytes], { objectMode: false });
  const { stream, response_headers: headers } = await client.exec({
    ...{ query, values, clickhouse_settings: tokenSetting(token) },
    abort_signal: AbortSignal.timeout(insertMsMax),
  });
  // An exception after the headers is in the body.
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  if (text.includes('DB::Exception')) throw new Error(text.trim());
  // Rows are given up once they are acknowledged, so only ClickHouse itself may do that: it answers with headers of its own and nothing else.
  if (text.trim() !== '' || !Object.keys(headers ?? {}).some(name => name.startsWith('x-clickhouse-'))) throw notClickHouse();
}

const tokenSetting = (token: string | undefined): ClickHouseSettings => (token ? { insert_deduplication_token: token } : {});

/** A name quoted for SQL. */
export const identifier = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``;

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
