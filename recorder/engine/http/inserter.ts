/** Inserts data that came over HTTP: they are written to a file, which the engine reads in the format that the statement names. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineException, exceptionOf, exceptions } from '../session/exception.ts';
import { type Lease, quoted, type Sessions } from '../session/sessions.ts';
import { isInputFormat } from '../sql/formats.ts';
import type { Statement } from '../sql/statement-checker.ts';
import type { TreeNode } from '../sql/syntax-tree.ts';
import { fromBytes, readIntoMemory, writeToFile } from './request-body.ts';

export interface InsertCounts {
  readonly rows: number;
  readonly bytes: number;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly default_kind: string;
  readonly default_expression: string;
}

export class Inserter {
  readonly #sessions: Sessions;
  readonly #folder: string;
  readonly #columns = new Map<string, readonly Column[]>();

  /** `folder` holds data on their way and nothing else. */
  constructor(sessions: Sessions, folder: string) {
    this.#sessions = sessions;
    this.#folder = folder;
  }

  /** Call it after DDL: tables may have changed. */
  clearColumnCache(): void {
    this.#columns.clear();
  }

  /** The rows are written when this resolves. After an error none is, except for a batch of several blocks: repeat it under the same token. */
  async insert(statement: Statement, data: Readable, lease: Lease): Promise<InsertCounts> {
    const { prefix, format } = insertHeadOf(statement);
    const structure = this.#structureOf(statement);
    const file = join(this.#folder, randomUUID());
    try {
      const bytes = await writeToFile(format === 'Values' ? await singleValuesList(data) : data, file);
      if (bytes === 0) return { rows: 0, bytes };
      const source = `file(${quoted(file)}, ${quoted(format)}, ${quoted(structure)})`;
      const { session } = lease;
      const insert = () => session.queryAsync(`${prefix} SELECT * FROM ${source}`, { format: 'Null' });
      await this.#sessions.run(insert, undefined, 'writer');
      const count = () => session.queryAsync(`SELECT count() FROM ${source}`, { format: 'TSV' });
      const counted = await this.#sessions.run(count, undefined, 'writer');
      return { rows: Number(counted.text()), bytes };
    } catch (error) {
      throw hideFilePath(exceptionOf(error));
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Names and types of the columns the data fill, with the defaults for values that a row leaves out. */
  #structureOf({ tree }: Statement): string {
    const names = tree.children.filter(child => child.kind === 'Identifier').map(child => child.detail);
    const table = names.at(-1) ?? '';
    const all = this.#columnsOf(table);
    const list = tree.children.find(child => child.kind === 'ExpressionList');
    return (list ? list.children.flatMap(item => selectedColumns(all, item, table)) : all).map(declaration).join(', ');
  }

  #columnsOf(table: string): readonly Column[] {
    const known = this.#columns.get(table);
    if (known) return known;
    const columns = this.#sessions.rows<Column>(
      `SELECT name, type, default_kind, default_expression FROM system.columns WHERE database = 'default' AND table = ${quoted(table)} ORDER BY position`,
    );
    if (columns.length === 0) throw exceptions.unknownTable(`Table default.${table} does not exist.`);
    const insertable = columns.filter(({ default_kind: kind }) => kind === '' || kind === 'DEFAULT');
    this.#columns.set(table, insertable);
    return insertable;
  }
}

/** Removes the path of the data's file from the message. */
function hideFilePath({ code, codeName, message }: EngineException): EngineException {
  if (code === 344) return exceptions.syntax('VALUES takes literals only here: put expressions into an INSERT ... SELECT.');
  return new EngineException(code, codeName, message.replace(/:? ?\(in file\/uri [^)]*\)/g, '').replace(/: While executing [\s\S]*$/, ''));
}

/** The engine stops reading at a semicolon: what follows would be lost, so it is an error. */
async function singleValuesList(data: Readable): Promise<Readable> {
  const bytes = await readIntoMemory(data);
  const text = bytes.toString('latin1');
  for (const { 0: found, index } of text.matchAll(/'(?:[^'\\]|\\[\s\S])*'|;/g)) {
    if (found !== ';') continue;
    if (text.slice(index + 1).trim() !== '')
      throw exceptions.syntax('Syntax error: one statement at a time; there is text behind the semicolon.');
  }
  return fromBytes(bytes);
}

/** A column by its name, or all, or all `* EXCEPT` some. */
function selectedColumns(columns: readonly Column[], item: TreeNode, table: string): readonly Column[] {
  const columnNamed = (name: string): Column => {
    const column = columns.find(column => column.name === name);
    if (!column) throw exceptions.unknownColumn(`No such column ${name} in table default.${table}.`);
    return column;
  };
  if (item.kind === 'Identifier') return [columnNamed(item.detail)];
  const transformers = item.children.flatMap(child => child.children);
  if (item.kind !== 'Asterisk' || transformers.some(({ kind }) => kind !== 'ColumnsExceptTransformer')) {
    throw exceptions.notImplemented('The embedded engine takes a list of columns, * or * EXCEPT in an INSERT with data.');
  }
  const left = transformers.flatMap(({ children }) => children.map(({ detail }) => columnNamed(detail)));
  return columns.filter(column => !left.includes(column));
}

const declaration = ({ name, type, default_kind: kind, default_expression: expression }: Column): string =>
  `\`${name.replace(/[\\`]/g, '\\$&')}\` ${type}${kind === 'DEFAULT' ? ` DEFAULT ${expression}` : ''}`;

/** The statement is in the engine's own text, which ends with the format. */
function insertHeadOf({ sql }: Statement): { readonly prefix: string; readonly format: string } {
  const found = /^(INSERT INTO [\s\S]*) FORMAT (\w+)$/.exec(sql);
  if (!found) throw exceptions.syntax('Syntax error: an INSERT with data has to end with VALUES or with FORMAT and its name.');
  const [, prefix = '', format = ''] = found;
  if (!isInputFormat(format)) throw exceptions.unknownFormat(`Unknown format ${format}, or one that the embedded engine does not read.`);
  return { prefix, format };
}
