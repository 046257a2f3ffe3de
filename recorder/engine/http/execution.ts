/** The input of a statement's execution, for readers and the writer alike. */
import type { Readers } from '../readers/readers.ts';
import { exceptions } from '../session/exception.ts';
import type { Sessions } from '../session/sessions.ts';
import { isOutputFormat } from '../sql/formats.ts';
import { helloBlock, helloStatement } from '../sql/native-hello.ts';
import type { StatementChecker } from '../sql/statement-checker.ts';
import type { AccessPolicy, EngineAccount } from './authentication.ts';
import type { Connections } from './connections.ts';
import type { Inserter } from './inserter.ts';
import type { EngineInfo, ResponseWriter } from './response-writer.ts';
import type { StatementRequest } from './statement-request.ts';

export interface EngineContext {
  readonly access: AccessPolicy;
  readonly connections: Connections;
  readonly engine: EngineInfo;
  readonly sessions: Sessions;
  readonly readers: Readers;
  readonly checker: StatementChecker;
  readonly inserter: Inserter;
  /** The folder of data on their way. */
  readonly incoming: string;
  /** Aborts when the engine closes: reads end then, writes do not. */
  readonly closing: AbortSignal;
  /** Writes down which parts there are, after they were dropped on purpose. */
  rememberParts(): void;
}

export interface StatementExecution {
  readonly statementRequest: StatementRequest;
  readonly account: EngineAccount;
  readonly parameters: URLSearchParams;
  /** The query's parameters: `param_x` by name. */
  readonly values: ReadonlyMap<string, string>;
  readonly writer: ResponseWriter;
  /** Aborts when the client leaves or the engine closes. */
  readonly signal: AbortSignal;
}

interface FormattedStatement {
  readonly sql: string;
  readonly format: string | undefined;
  readonly kind: 'read' | 'insert' | 'write';
  readonly rootKind: string;
}

/** The output format: the statement's own, else the request's. Throws for one that is not written here. */
export function formatOf({ sql, format, kind, rootKind }: FormattedStatement, request: StatementRequest): string {
  // A statement without rows of a SELECT says its format at the end as well, in the engine's own writing.
  const givenFormat = format ?? (kind === 'read' && rootKind !== 'SelectWithUnionQuery' ? / FORMAT (\w+)$/.exec(sql)?.[1] : undefined);
  const name = givenFormat ?? request.format;
  if (!isOutputFormat(name))
    throw exceptions.unknownFormat(`Unknown format ${name.slice(0, 80)}, or one that the embedded engine does not write.`);
  return name;
}

/** True when the statement was a Go client's greeting, and is answered. */
export function answerHello({ engine }: EngineContext, sql: string, format: string, writer: ResponseWriter): boolean {
  if (!sql.startsWith(helloStatement) || format !== 'Native') return false;
  writer.begin();
  writer.end(helloBlock(engine.version, engine.timezone));
  return true;
}
