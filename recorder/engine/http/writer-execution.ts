/** Runs a writer's statement: on this thread, in sessions apart from readers. */
import { exceptions } from '../session/exception.ts';
import type { Lease, Sessions } from '../session/sessions.ts';
import { setupStatements } from '../session/settings.ts';
import { isRowByRow } from '../sql/formats.ts';
import type { Statement } from '../sql/statement-checker.ts';
import { answerHello, type EngineContext, formatOf, type StatementExecution } from './execution.ts';
import { fromBytes } from './request-body.ts';

const dropsParts: ReadonlySet<string> = new Set(['AlterQuery', 'DropQuery', 'TruncateQuery', 'Rename']);

export async function executeAsWriter(context: EngineContext, turn: StatementExecution, mayChange: boolean): Promise<void> {
  const { statementRequest, parameters, values, writer } = turn;
  const { database } = statementRequest;
  const statement = context.checker.check(statementRequest.sql, { database, mayWrite: true, parameters: values });
  if (statement.kind !== 'read' && !mayChange)
    throw exceptions.readonly('Cannot execute query in readonly mode: GET only reads, use POST.');
  const format = formatOf({ ...statement, rootKind: statement.tree.kind }, statementRequest);
  writer.format = format;
  if (answerHello(context, statement.sql, format, writer)) return;
  const streams = statement.streams && isRowByRow(format) && parameters.get('wait_end_of_query') !== '1';
  const lease = context.sessions.lease(setupStatements(parameters, { database, mayWrite: true, buffered: !streams }));
  // The same values are not used again.
  lease.tainted = values.size > 0;
  try {
    if (statement.kind !== 'read') await write(context, statement, turn, lease);
    else if (streams) await stream(context.sessions, statement, format, turn, lease);
    else await buffer(context.sessions, statement, format, turn, lease);
  } finally {
    context.sessions.release(lease);
  }
}

/** Row by row, as the client takes them. */
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
    const fetch = () => sessions.run(() => chunks.next(), signal, 'writer');
    // An error before the first rows has a status of its own.
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
    const result = await sessions.run(() => lease.session.queryAsync(sql, { format }), signal, 'writer');
    writer.begin({ readRows: result.rowsRead, readBytes: result.bytesRead, resultRows: result.rowsRead });
    writer.end(result.bytes());
  } catch (error) {
    // A query that failed stays among the engine's processes until its session closes.
    lease.tainted = true;
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** A write continues when its client disconnects: half of one is worse, and a repeated insert is recognised by its token. */
async function write(
  { sessions, readers, inserter, rememberParts }: EngineContext,
  statement: Statement,
  { statementRequest, writer }: StatementExecution,
  lease: Lease,
): Promise<void> {
  if (statement.kind === 'insert' && !statement.tree.children.some(child => child.kind.startsWith('Select'))) {
    const { rows, bytes } = await inserter.insert(statement, statementRequest.data ?? fromBytes(new Uint8Array()), lease);
    writer.begin({ writtenRows: rows, writtenBytes: bytes, resultRows: rows });
  } else {
    // DDL may leave something behind in its session, and changes what is known of the tables.
    lease.tainted = true;
    inserter.clearColumnCache();
    await sessions.run(() => lease.session.queryAsync(statement.sql, { format: 'TabSeparated' }), undefined, 'writer');
    inserter.clearColumnCache();
    readers.schemaChanged();
    if (dropsParts.has(statement.tree.kind)) rememberParts();
    writer.begin();
  }
  writer.end();
}
