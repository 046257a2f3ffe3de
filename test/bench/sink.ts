/** The outside of a gateway that records elsewhere: takes ClickHouse's inserts and OTLP's spans, keeps none of them, and counts every one. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { columnsOf, type TableName } from '../../recorder/rows/tables.ts';
import { rowsIn } from './rowbinary.ts';

export interface SinkCount {
  /** Different request ids among the rows of `requests`. */
  readonly requests: number;
  readonly rows: number;
  readonly spans: number;
}

const seen = new Set<string>();
let [rows, spans] = [0, 0];

const server = createServer(async (request, response) => {
  const url = new URL(request.url!, 'http://sink');
  if (url.pathname === '/count') return response.end(JSON.stringify({ requests: seen.size, rows, spans } satisfies SinkCount));
  const body = await bodyOf(request);
  if (url.pathname === '/v1/traces') {
    spans += body.toString().split('"spanId"').length - 1;
    return response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }
  const query = url.searchParams.get('query');
  const table = /^INSERT INTO `(requests|attempts|payloads|replay_results)` .* FORMAT RowBinary/s.exec(query ?? '')?.[1];
  if (table) countRows(table as TableName, body);
  // What comes without it is taken for a proxy's answer.
  response.setHeader('x-clickhouse-format', 'JSONEachRow').end(answerTo(query ?? body.toString()));
});

/** No tables yet, and every statement that makes them succeeds; rows that are asked after are all there. */
function answerTo(query: string): string {
  if (query.includes('uniqExact(')) return allThere(query);
  return query.includes('count()') ? '{"n":0}\n' : '';
}

/** Exchanges of the bench have one attempt each. */
function allThere(query: string): string {
  const ids = new Set(query.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g));
  const tables = [...query.matchAll(/'(\w+)' AS name/g)].map(([, table]) => table);
  if (tables.length === 0) return [...ids].map(id => `{"id":"${id}","n":255}\n`).join('');
  return tables.map(name => `${JSON.stringify({ name, n: ids.size * (name === 'payloads' ? 2 : 1) })}\n`).join('');
}

function countRows(table: TableName, body: Buffer): void {
  const columns = columnsOf(table);
  const idAt = columns.findIndex(({ name }) => name === 'request_id');
  for (const row of rowsIn(
    body,
    columns.map(({ type }) => type),
  )) {
    rows++;
    if (table === 'requests') seen.add(row[idAt]!.toString('latin1'));
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
}

server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`));
