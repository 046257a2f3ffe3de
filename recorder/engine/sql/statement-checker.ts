/** Turns the text of a request into the statement that is run: the engine parses and rewrites it, and its syntax tree is checked. */

import type { Session } from '../session/addon.ts';
import { EngineException, exceptionOf, exceptions } from '../session/exception.ts';
import { quoted } from '../session/sessions.ts';
import { setStatements } from '../session/settings.ts';
import type { FunctionPermissions } from './function-permissions.ts';
import { checkStatement, type StatementProperties } from './permissions.ts';
import { parseTree, type TreeNode } from './syntax-tree.ts';
import { checkTableSettings } from './write-permissions.ts';

export interface Statement extends StatementProperties {
  /** The engine's own text of it: one statement, without comments and without an insert's data. Only this is run. */
  readonly sql: string;
  readonly tree: TreeNode;
}

export interface CheckOptions {
  readonly database: string;
  readonly mayWrite: boolean;
  /** By name: one may stand for a table or a column, and the tree has to show which. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Limits beyond which the engine itself refuses, by default. */
export const sqlBytesMax = 256 * 1024;
const cachedMax = 256;
const cachedLengthMax = 16 * 1024;

/** Checks statements with the engine's own parser. Verdicts are kept by account, database and text. */
export class StatementChecker {
  readonly #session: Session;
  readonly #functions: FunctionPermissions;
  /** By account, database and text; the oldest first. */
  readonly #cache = new Map<string, Statement>();

  constructor(session: Session, functions: FunctionPermissions) {
    this.#session = session;
    this.#functions = functions;
  }

  check(text: string, { database, mayWrite, parameters }: CheckOptions): Statement {
    const key = `${mayWrite}\n${database}\n${text}`;
    const cached = parameters.size === 0 && text.length <= cachedLengthMax;
    const known = cached ? this.#cache.get(key) : undefined;
    if (known) return known;
    if (text.includes('\0')) throw exceptions.syntax('Syntax error: a statement holds no NUL byte.');
    if (Buffer.byteLength(text) > sqlBytesMax) {
      throw exceptions.syntax(
        `Syntax error: a statement is at most ${sqlBytesMax} bytes long. Send data as the body, with the INSERT in the URL.`,
      );
    }
    const sql = this.#normalize(text);
    for (const set of setStatements(parameters)) this.#session.query(set);
    const tree = parseTree(this.#treeOf(sql));
    const statement: Statement = { sql, tree, ...checkStatement(tree, { functions: this.#functions, database, mayWrite }) };
    if (statement.kind === 'write') checkTableSettings(sql);
    if (cached) this.#remember(key, statement);
    return statement;
  }

  /** The text is passed as a value, so it cannot run. Several statements are an error. */
  #normalize(text: string): string {
    if (text.trim() === '') throw exceptions.syntax('Syntax error: Empty query.');
    try {
      return this.#session.query(`SELECT formatQuerySingleLine(${quoted(text)})`, 'TSVRaw').replace(/\n$/, '');
    } catch (error) {
      const fault = exceptionOf(error);
      const [own = ''] = fault.message.split(': In scope SELECT formatQuerySingleLine(');
      throw new EngineException(fault.code, fault.codeName, own);
    }
  }

  #treeOf(sql: string): readonly string[] {
    const rows = this.#session.query(`EXPLAIN AST ${sql}`, 'JSONCompactEachRow').trimEnd();
    return rows.split('\n').map(row => (JSON.parse(row) as [string])[0]);
  }

  #remember(key: string, statement: Statement): void {
    this.#cache.set(key, statement);
    if (this.#cache.size > cachedMax) this.#cache.delete(this.#cache.keys().next().value!);
  }
}
