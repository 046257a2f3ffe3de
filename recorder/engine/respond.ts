/** Answers one request: who asks, what is asked, may it be run, and then the rows. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AccountName, admit, checkHost, type Door } from './accounts.ts';
import { Answer, type Engine } from './answer.ts';
import { type Ask, readAsk } from './ask.ts';
import { fromBytes } from './body.ts';
import { faults } from './fault.ts';
import { isOutputFormat, isRowByRow } from './formats.ts';
import { helloBlock, helloStatement } from './hello.ts';
import type { Inserter } from './insert.ts';
import type { Inspector, Statement } from './inspect.ts';
import type { Lease, Sessions } from './sessions.ts';
import { setupOf, valuesOf } from './settings.ts';

export interface Parts {
  readonly door: Door;
  readonly engine: Engine;
  readonly sessions: Sessions;
  readonly inspector: Inspector;
  readonly inserter: Inserter;
  /** Aborts when the engine closes: reads end then, writes do not. */
  readonly closing: AbortSignal;
}

interface Turn {
  readonly ask: Ask;
  readonly account: AccountName;
  readonly parameters: URLSearchParams;
  readonly answer: Answer;
  /** Aborts when the client leaves or the engine closes. */
  readonly signal: AbortSignal;
}

export async function respond(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: parameters } = new URL(request.url ?? '/', 'http://engine');
  const asked = parameters.get('query_id');
  const queryId = asked !== null && /^[\w.:-]{1,128}$/.test(asked) ? asked : randomUUID();
  const answer = new Answer(request, response, parts.engine, parameters, queryId);
  const left = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) left.abort(faults.cancelled('The client left.'));
  });
  try {
    checkHost(request, parts.door);
    if (isProbe(request, pathname, parameters)) {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=UTF-8' }).end('Ok.\n');
      return;
    }
    if (pathname !== '/') throw faults.noHandler(`There is no handle ${pathname.slice(0, 80)}. Use / or /ping.`);
    if (!['GET', 'HEAD', 'POST'].includes(request.method ?? '')) throw faults.notImplemented(`Use GET or POST, not ${request.method}.`);
    const account = admit(request, parameters, parts.door);
    const ask = await readAsk(request, parameters, account);
    await turn(
      parts,
      { ask, account, parameters, answer, signal: AbortSignal.any([left.signal, parts.closing]) },
      request.method === 'POST',
    );
  } catch (error) {
    // What is left of the body is read past, or the client would not hear the answer.
    request.resume();
    if (!left.signal.aborted) answer.fail(error);
  }
}

const isProbe = ({ method }: IncomingMessage, pathname: string, parameters: URLSearchParams): boolean =>
  pathname === '/ping' || pathname === '/replicas_status' || (pathname === '/' && method !== 'POST' && !parameters.has('query'));

async function turn(parts: Parts, turn: Turn, mayChange: boolean): Promise<void> {
  const { ask, account, parameters, answer } = turn;
  const { database } = ask;
  const values = valuesOf(parameters);
  const statement = parts.inspector.inspect(ask.sql, { database, mayWrite: account.mayWrite, parameters: values });
  if (statement.kind !== 'read' && !mayChange) throw faults.readonly('Cannot execute query in readonly mode: GET only reads, use POST.');
  const format = formatOf(statement, ask);
  answer.format = format;
  if (statement.sql.startsWith(helloStatement) && format === 'Native') {
    answer.begin();
    answer.end(helloBlock(parts.engine.version, parts.engine.timezone));
    return;
  }
  const streams = statement.streams && isRowByRow(format) && parameters.get('wait_end_of_query') !== '1';
  const lease = parts.sessions.lease(setupOf(parameters, { database, mayWrite: account.mayWrite, buffered: !streams }));
  // Nobody asks with the same values again.
  lease.spoiled = values.size > 0;
  try {
    if (statement.kind !== 'read') await write(parts, statement, turn, lease);
    else if (streams) await stream(parts.sessions, statement, format, turn, lease);
    else await buffer(parts.sessions, statement, format, turn, lease);
  } finally {
    parts.sessions.release(lease);
  }
}

function formatOf({ sql, format, kind, tree }: Statement, ask: Ask): string {
  // A statement without rows of a SELECT says its format at the end as well, in the engine's own writing.
  const named = format ?? (kind === 'read' && tree.kind !== 'SelectWithUnionQuery' ? / FORMAT (\w+)$/.exec(sql)?.[1] : undefined);
  const name = named ?? ask.format;
  if (!isOutputFormat(name))
    throw faults.unknownFormat(`Unknown format ${name.slice(0, 80)}, or one that the embedded engine does not write.`);
  return name;
}

/** Row by row, as the client takes them. */
async function stream(sessions: Sessions, { sql }: Statement, format: string, { answer, signal }: Turn, lease: Lease): Promise<void> {
  const kill = (): void => sessions.kill(lease);
  signal.addEventListener('abort', kill, { once: true });
  const rows = lease.session.queryStream(sql, { format });
  try {
    const chunks = rows[Symbol.asyncIterator]();
    const fetch = () => sessions.run(() => chunks.next(), signal);
    // An error before the first rows has a status of its own.
    let next = await fetch();
    answer.begin();
    for (; !next.done; next = await fetch()) await answer.write(next.value.raw(), signal);
    answer.end();
  } catch (error) {
    lease.spoiled = true;
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    rows.cancel();
  }
}

async function buffer(sessions: Sessions, { sql }: Statement, format: string, { answer, signal }: Turn, lease: Lease): Promise<void> {
  const kill = (): void => sessions.kill(lease);
  signal.addEventListener('abort', kill, { once: true });
  try {
    const result = await sessions.run(() => lease.session.queryAsync(sql, { format }), signal);
    answer.begin({ readRows: result.rowsRead, readBytes: result.bytesRead, resultRows: result.rowsRead });
    answer.end(result.bytes());
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** A change goes on when its client leaves: half of one is worse, and a repeated insert is known by its token. */
async function write({ sessions, inserter }: Parts, statement: Statement, { ask, answer }: Turn, lease: Lease): Promise<void> {
  if (statement.kind === 'insert' && !statement.tree.children.some(child => child.kind.startsWith('Select'))) {
    const { rows, bytes } = await inserter.insert(statement, ask.data ?? fromBytes(new Uint8Array()), lease);
    answer.begin({ writtenRows: rows, writtenBytes: bytes, resultRows: rows });
  } else {
    // DDL may leave something behind in its session, and changes what is known of the tables.
    lease.spoiled = true;
    inserter.forget();
    await sessions.run(() => lease.session.queryAsync(statement.sql, { format: 'TabSeparated' }));
    inserter.forget();
    answer.begin();
  }
  answer.end();
}
