/** Runs a reader's statement: planned where it can do no harm, then run on the readers' own thread and places. */
import { exceptions } from '../session/exception.ts';
import { setupStatements } from '../session/settings.ts';
import { isRowByRow } from '../sql/formats.ts';
import { answerHello, type EngineContext, formatOf, type StatementExecution } from './execution.ts';

export async function executeAsReader(context: EngineContext, turn: StatementExecution): Promise<void> {
  const { statementRequest, parameters, values, writer, signal } = turn;
  const { database, sql: text } = statementRequest;
  // Only an INSERT brings data.
  if (statementRequest.data !== undefined) throw exceptions.readonly("INSERT needs the writer's account.");
  const setup = (buffered: boolean): string => setupStatements(parameters, { database, mayWrite: false, buffered });
  const planned = await context.readers.plan({ text, database, parameters: [...values], setup: setup(true) }, signal);
  const format = formatOf({ ...planned, kind: 'read' }, statementRequest);
  writer.format = format;
  if (answerHello(context, planned.sql, format, writer)) return;
  const streams = planned.streams && isRowByRow(format) && parameters.get('wait_end_of_query') !== '1';
  const statement = { setup: setup(!streams), sql: planned.sql, format, streams, keepSession: values.size === 0 };
  await context.readers.run(statement, signal, async result => {
    // An error before the first rows has a status of its own.
    let rows = await result.next();
    writer.begin({ readRows: rows?.readRows ?? 0, readBytes: rows?.readBytes ?? 0, resultRows: rows?.readRows ?? 0 });
    for (; rows; rows = await result.next()) await writer.write(rows.bytes, signal);
    writer.end();
  });
}
