/** Handles one request: authenticates, reads and checks the statement, runs it, writes the result. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exceptions } from '../session/exception.ts';
import type { Lease, Sessions } from '../session/sessions.ts';
import { queryParameters, setupStatements } from '../session/settings.ts';
import { isOutputFormat, isRowByRow } from '../sql/formats.ts';
import type { Statement, StatementChecker } from '../sql/statement-checker.ts';
import { type AccessPolicy, authenticate, checkHost, type EngineAccount } from './authentication.ts';
import type { Inserter } from './inserter.ts';
import { helloBlock, helloStatement } from './native-hello.ts';
import { fromBytes } from './request-body.ts';
import { type EngineInfo, ResponseWriter } from './response-writer.ts';
import { readStatementRequest, type StatementRequest } from './statement-request.ts';

export interface EngineContext {
  readonly access: AccessPolicy;
  readonly engine: EngineInfo;
  readonly sessions: Sessions;
  readonly checker: StatementChecker;
  readonly inserter: Inserter;
  /** Folder for data of inserts that are running. */
  readonly incoming: string;
  /** Aborts when the engine closes: reads end then, writes do not. */
  readonly closing: AbortSignal;
}

interface StatementExecution {
  readonly statementRequest: StatementRequest;
  readonly account: EngineAccount;
  readonly parameters: URLSearchParams;
  readonly writer: ResponseWriter;
  /** Aborts when the client leaves or the engine closes. */
  readonly signal: AbortSignal;
}

export async function handleRequest(context: EngineContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: parameters } = new URL(request.url ?? '/', 'http://engine');
  const givenId = parameters.get('query_id');
  const queryId = givenId !== null && /^[\w.:-]{1,128}$/.test(givenId) ? givenId : randomUUID();
  const answer = new ResponseWriter(request, response, context.engine, parameters, queryId);
  const disconnected = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) disconnected.abort(exceptions.cancelled('The client left.'));
  });
  try {
    checkHost(request, context.access);
    if (isProbe(request, pathname, parameters)) {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=UTF-8' }).end('Ok.\n');
      return;
    }
    if (pathname !== '/') throw exceptions.noHandler(`There is no handle ${pathname.slice(0, 80)}. Use / or /ping.`);
    if (!['GET', 'HEAD', 'POST'].includes(request.method ?? '')) throw exceptions.notImplemented(`Use GET or POST, not ${request.method}.`);
    const account = authenticate(request, parameters, context.access);
    const ask = await readStatementRequest(request, parameters, account);
    await execution(
      context,
      { statementRequest: ask, account, parameters, writer: answer, signal: AbortSignal.any([disconnected.signal, context.closing]) },
      request.method === 'POST',
    );
  } catch (error) {
    // The rest of the body is read, or the client would not read the response.
    request.resume();
    if (!disconnected.signal.aborted) answer.fail(error);
  }
}

const isProbe = ({ method }: IncomingMessage, pathname: string, parameters: URLSearchParams): boolean =>
  pathname === '/ping' || pathname === '/replicas_status' || (pathname === '/' && method !== 'POST' && !parameters.has('query'));

async function execution(context: EngineContext, turn: StatementExecution, mayChange: boolean): Promise<void> {
  const { statementRequest, account, parameters, writer } = turn;
  const { database } = statementRequest;
  const values = queryParameters(parameters);
  const statement = context.checker.check(statementRequest.sql, { database, mayWrite: account.mayWrite, parameters: values });
  if (statement.kind !== 'read' && !mayChange)
    throw exceptions.readonly('Cannot execute query in readonly mode: GET only reads, use POST.');
  const format = formatOf(statement, statementRequest);
  writer.format = format;
  if (statement.sql.startsWith(helloStatement) && format === 'Native') {
    writer.begin();
    writer.end(helloBlock(context.engine.version, context.engine.timezone));
    return;
  }
  const streams = statement.streams && isRowByRow(format) && parameters.get('wait_end_of_query') !== '1';
  const lease = context.sessions.lease(setupStatements(parameters, { database, mayWrite: account.mayWrite, buffered: !streams }));
  // Parameter values seldom repeat, so the session is not kept.
  lease.tainted = values.size > 0;
  try {
    if (statement.kind !== 'read') await write(context, statement, turn, lease);
    else if (streams) await stream(context.sessions, statement, format, turn, lease);
    else await buffer(context.sessions, statement, format, turn, lease);
  } finally {
    context.sessions.release(lease);
  }
}

function formatOf({ sql, format, kind, tree }: Statement, ask: StatementRequest): string {
  // In the engine's text, statements such as SHOW end with their format, too.
  const givenFormat = format ?? (kind === 'read' && tree.kind !== 'SelectWithUnionQuery' ? / FORMAT (\w+)$/.exec(sql)?.[1] : undefined);
  const name = givenFormat ?? ask.format;
  if (!isOutputFormat(name))
    throw exceptions.unknownFormat(`Unknown format ${name.slice(0, 80)}, or one that the embedded engine does not write.`);
  return name;
}

/** Streams rows at the client's pace. */
async function stream(
  sessions: Sessions,
  { sql }: Statement,
  format: string,
  { writer, signal }: StatementExecution,
  lease: Lease,
): Promise<void> {
  const kill = (): void => sessions.kill(lease);
  signal.addEventListener('abort', kill, { once: true });
  const rows = lease.session.queryStream(sql, { format });
  try {
    const chunks = rows[Symbol.asyncIterator]();
    const fetch = () => sessions.run(() => chunks.next(), signal);
    // An error before the first rows can still set the status.
    let next = await fetch();
    writer.begin();
    for (; !next.done; next = await fetch()) await writer.write(next.value.raw(), signal);
    writer.end();
  } catch (error) {
    lease.tainted = true;
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    rows.cancel();
  }
}

async function buffer(
  sessions: Sessions,
  { sql }: Statement,
  format: string,
  { writer, signal }: StatementExecution,
  lease: Lease,
): Promise<void> {
  const kill = (): void => sessions.kill(lease);
  signal.addEventListener('abort', kill, { once: true });
  try {
    const result = await sessions.run(() => lease.session.queryAsync(sql, { format }), signal);
    writer.begin({ readRows: result.rowsRead, readBytes: result.bytesRead, resultRows: result.rowsRead });
    writer.end(result.bytes());
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** Writes continue when the client leaves: half of one is worse, and a repeated insert is recognised by its token. */
async function write(
  { sessions, inserter }: EngineContext,
  statement: Statement,
  { statementRequest, writer }: StatementExecution,
  lease: Lease,
): Promise<void> {
  if (statement.kind === 'insert' && !statement.tree.children.some(child => child.kind.startsWith('Select'))) {
    const { rows, bytes } = await inserter.insert(statement, statementRequest.data ?? fromBytes(new Uint8Array()), lease);
    writer.begin({ writtenRows: rows, writtenBytes: bytes, resultRows: rows });
  } else {
    // DDL may leave state in its session, and makes the column cache stale.
    lease.tainted = true;
    inserter.clearColumnCache();
    await sessions.run(() => lease.session.queryAsync(statement.sql, { format: 'TabSeparated' }));
    inserter.clearColumnCache();
    writer.begin();
  }
  writer.end();
}
