/** Turns the text of a request into the one statement that is run: parsed, written out again and checked by its syntax tree, by the engine itself. */

import type { Session } from './addon.ts';
import { EngineFault, faultOf, faults } from './fault.ts';
import type { Functions } from './functions.ts';
import { type Permitted, permit } from './permit.ts';
import { checkTableSettings } from './permit-write.ts';
import { quoted } from './sessions.ts';
import { setsOf } from './settings.ts';
import { parseTree, type TreeNode } from './tree.ts';

export interface Statement extends Permitted {
  /** As the engine writes it: one statement, without comments and without an insert's data. This and nothing else is run. */
  readonly sql: string;
  readonly tree: TreeNode;
}

export interface Inspection {
  readonly database: string;
  readonly mayWrite: boolean;
  /** By name: one may stand for a table or a column, and the tree has to show which. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What the engine itself refuses beyond, unless told otherwise. */
export const sqlBytesMax = 256 * 1024;
const cachedMax = 256;
const cachedLengthMax = 16 * 1024;

export class Inspector {
  readonly #session: Session;
  readonly #functions: Functions;
  /** By account, database and text; the oldest first. */
  readonly #seen = new Map<string, Statement>();

  constructor(session: Session, functions: Functions) {
    this.#session = session;
    this.#functions = functions;
  }

  inspect(text: string, { database, mayWrite, parameters }: Inspection): Statement {
    const key = `${mayWrite}\n${database}\n${text}`;
    const cached = parameters.size === 0 && text.length <= cachedLengthMax;
    const known = cached ? this.#seen.get(key) : undefined;
    if (known) return known;
    if (text.includes('\0')) throw faults.syntax('Syntax error: a statement holds no NUL byte.');
    if (Buffer.byteLength(text) > sqlBytesMax) {
      throw faults.syntax(
        `Syntax error: a statement is at most ${sqlBytesMax} bytes long. Send data as the body, with the INSERT in the URL.`,
      );
    }
    const sql = this.#canonical(text);
    for (const set of setsOf(parameters)) this.#session.query(set);
    const tree = parseTree(this.#treeOf(sql));
    const statement: Statement = { sql, tree, ...permit(tree, { functions: this.#functions, database, mayWrite }) };
    if (statement.kind === 'write') checkTableSettings(sql);
    if (cached) this.#remember(key, statement);
    return statement;
  }

  /** As a value the text cannot do anything, and several statements are an error. What comes back holds no data that could be a second one. */
  #canonical(text: string): string {
    if (text.trim() === '') throw faults.syntax('Syntax error: Empty query.');
    try {
      return this.#session.query(`SELECT formatQuerySingleLine(${quoted(text)})`, 'TSVRaw').replace(/\n$/, '');
    } catch (error) {
      const fault = faultOf(error);
      const [own = ''] = fault.message.split(': In scope SELECT formatQuerySingleLine(');
      throw new EngineFault(fault.code, fault.codeName, own);
    }
  }

  #treeOf(sql: string): readonly string[] {
    const rows = this.#session.query(`EXPLAIN AST ${sql}`, 'JSONCompactEachRow').trimEnd();
    return rows.split('\n').map(row => (JSON.parse(row) as [string])[0]);
  }

  #remember(key: string, statement: Statement): void {
    this.#seen.set(key, statement);
    if (this.#seen.size > cachedMax) this.#seen.delete(this.#seen.keys().next().value!);
  }
}
