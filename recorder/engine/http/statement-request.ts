/** Reads an HTTP request as ClickHouse does: statement, settings, parameters, and the data of an insert. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { exceptions } from '../session/exception.ts';
import { splitInsert } from '../sql/split-insert.ts';
import { sqlBytesMax } from '../sql/statement-checker.ts';
import type { EngineAccount } from './authentication.ts';
import { decodeBody, formFields, fromBytes, readIntoMemory } from './request-body.ts';

export interface StatementRequest {
  /** Without an insert's data. */
  readonly sql: string;
  /** Of an insert; it has to be read or destroyed. */
  readonly data: Readable | undefined;
  readonly database: 'default' | 'system';
  /** Format when the statement names none. */
  readonly format: string;
}

/** Puts a form's fields into `parameters`, as if they had been in the URL. */
export async function readStatementRequest(
  request: IncomingMessage,
  parameters: URLSearchParams,
  account: EngineAccount,
): Promise<StatementRequest> {
  refuseUnsupported(parameters);
  const contentType = request.headers['content-type'] ?? '';
  const isForm = /^multipart\/form-data/i.test(contentType);
  let body = decodeBody(request);
  if (isForm) {
    for (const [name, value] of formFields(await readIntoMemory(body), contentType)) {
      if (name === 'query' || name.startsWith('param_')) parameters.set(name, value.toString());
    }
    body = fromBytes(new Uint8Array());
  }
  const common = { database: databaseOf(request, parameters), format: formatOf(request, parameters) };
  const query = Buffer.from(parameters.get('query') ?? '');
  const split = splitInsert(query.toString('latin1'));
  if (split && (split.data !== undefined || split.end < query.length)) {
    const inline = query.subarray(split.data);
    return { ...common, sql: query.toString('utf8', 0, split.end), data: concatenate(inline, body) };
  }
  // Only the writer sends data; its statements, like all others, are far smaller.
  const whole = Buffer.concat([query, await readIntoMemory(body, account.mayWrite ? undefined : sqlBytesMax)]);
  const bodySplit = query.length > 0 && !split ? undefined : splitInsert(whole.toString('latin1', 0, sqlBytesMax));
  if (bodySplit?.data === undefined) return { ...common, sql: whole.toString(), data: undefined };
  return { ...common, sql: whole.toString('utf8', 0, bodySplit.end), data: fromBytes(whole.subarray(bodySplit.data)) };
}

function refuseUnsupported(parameters: URLSearchParams): void {
  for (const name of ['compress', 'decompress']) {
    if (/^(1|true)$/.test(parameters.get(name) ?? '')) {
      throw exceptions.notImplemented(
        `The embedded engine does not speak ClickHouse's own compression (${name}=1): use HTTP's Content-Encoding.`,
      );
    }
  }
}

function databaseOf({ headers }: IncomingMessage, parameters: URLSearchParams): 'default' | 'system' {
  const header = headers['x-clickhouse-database'];
  const name = (typeof header === 'string' ? header : undefined) ?? parameters.get('database') ?? '';
  if (name === '' || name === 'default') return 'default';
  if (name === 'system') return 'system';
  throw exceptions.unknownDatabase(`Database ${name.slice(0, 80)} does not exist: the embedded engine has default and system.`);
}

function formatOf({ headers }: IncomingMessage, parameters: URLSearchParams): string {
  const header = headers['x-clickhouse-format'];
  return (typeof header === 'string' ? header : undefined) ?? parameters.get('default_format') ?? 'TabSeparated';
}

const concatenate = (head: Buffer, tail: Readable): Readable =>
  head.length === 0
    ? tail
    : Readable.from(
        (async function* () {
          yield head;
          yield* tail;
        })(),
        { objectMode: false },
      );
