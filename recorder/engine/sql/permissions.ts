/** Decides by a statement's syntax tree whether an account may run it: allow-lists of kinds, tables and functions. */
import { type EngineException, exceptions } from '../session/exception.ts';
import { isOutputFormat } from './formats.ts';
import type { FunctionPermissions } from './function-permissions.ts';
import { nodesOf, type TreeNode } from './syntax-tree.ts';
import { checkWrite, ddlNames, writeKinds } from './write-permissions.ts';

export interface Permissions {
  readonly functions: FunctionPermissions;
  /** What names without a database mean. */
  readonly database: string;
  readonly mayWrite: boolean;
}

/** Properties of an allowed statement that decide how it is run. */
export interface StatementProperties {
  readonly kind: 'read' | 'insert' | 'write';
  /** Of a SELECT's FORMAT clause. */
  readonly format: string | undefined;
  /** Whether it is a SELECT whose planning computes nothing: it can be started on the event loop and streamed. */
  readonly streams: boolean;
}

const allowedStatements = new Set(
  (
    'SelectWithUnionQuery SelectIntersectExceptQuery Explain DescribeQuery ShowTables ShowColumns ShowIndexes ShowCreateTableQuery ' +
    'ShowCreateViewQuery ShowFunctions ShowEngineQuery ExistsTableQuery ExistsViewQuery ExistsDatabaseQuery'
  ).split(' '),
);

/** What may stand below a statement. Not here: APPLY, whose function the tree does not name. */
const allowedNodes = new Set(
  (
    'SelectWithUnionQuery SelectIntersectExceptQuery SelectQuery ExpressionList Function Literal Identifier TableIdentifier Asterisk ' +
    'QualifiedAsterisk ColumnsRegexpMatcher ColumnsListMatcher QualifiedColumnsRegexpMatcher QualifiedColumnsListMatcher ' +
    'ColumnsTransformerList ColumnsExceptTransformer ColumnsReplaceTransformer ColumnsReplaceTransformer::Replacement ' +
    'TablesInSelectQuery TablesInSelectQueryElement TableExpression TableJoin ArrayJoin Subquery WithElement OrderByElement ' +
    'InterpolateElement WindowDefinition WindowListElement SampleRatio Collation Set'
  ).split(' '),
);

/** Table functions that compute their rows. */
const allowedTableFunctions = new Set(
  'numbers numbers_mt zeros zeros_mt primes generateSeries generate_series values VALUES SQLStandardValues'.split(' '),
);

const systemTables = new Set('databases tables columns functions parts settings one numbers'.split(' '));
/** System tables that only the writer may read. */
const writersSystemTables = new Set(
  'parts_columns processes merges mutations metrics events asynchronous_metrics errors disks warnings data_skipping_indices detached_parts'.split(
    ' ',
  ),
);

const otherDatabases = new Set(['system', 'information_schema']);

export function checkStatement(root: TreeNode, account: Permissions): StatementProperties {
  const writes = writeKinds.has(root.kind);
  if (!allowedStatements.has(root.kind) && !(writes && account.mayWrite)) {
    throw writes
      ? exceptions.readonly(`${readableKind(root.kind)} needs the writer's account.`)
      : notAllowed(`Statements of the kind ${readableKind(root.kind)}`);
  }
  if (root.kind === 'Explain' && !allowedExplains.has(root.detail)) throw notAllowed(root.detail);
  if (writesFile(root)) throw notAllowed('INTO OUTFILE');
  if (root.kind !== 'Explain') checkSettings(root, account);
  for (const [node, parent] of nodesOf(root)) {
    if (node !== root && !allowedNodes.has(node.kind) && !(account.mayWrite && ddlNames.parts.has(node.kind))) {
      throw notAllowed(node.kind === 'ColumnsApplyTransformer' ? 'APPLY' : readableKind(node.kind));
    }
    checkNode(node, parent, account, writes);
  }
  if (writes) checkWrite(root);
  return {
    kind: root.kind === 'InsertQuery' ? 'insert' : writes ? 'write' : 'read',
    format: root.kind === 'SelectWithUnionQuery' ? root.children.find(child => child.kind === 'Identifier')?.detail : undefined,
    streams: root.kind === 'SelectWithUnionQuery' && !computesWhilePlanned(root),
  };
}

const allowedExplains = new Set(['EXPLAIN', 'EXPLAIN AST', 'EXPLAIN SYNTAX', 'EXPLAIN QUERY TREE', 'EXPLAIN PIPELINE', 'EXPLAIN ESTIMATE']);

function checkNode(node: TreeNode, parent: TreeNode | undefined, account: Permissions, writes: boolean): void {
  switch (node.kind) {
    case 'SelectWithUnionQuery':
      return checkUnion(node, account);
    case 'SelectQuery':
      return checkSettings(node, account);
    case 'Function':
      return checkFunction(node, parent, account, writes);
    case 'TableIdentifier':
      return checkTable(node.detail, account);
    case 'Identifier':
      return checkIdentifier(node.detail, account);
    default:
  }
}

/** INTO OUTFILE is a string right below its statement, where nothing else puts one. */
const writesFile = (node: TreeNode): boolean => node.children.some(({ kind, detail }) => kind === 'Literal' && detail.startsWith("'"));

/** Below a union stand its queries and, at the top, a format. */
function checkUnion(node: TreeNode, account: Permissions): void {
  if (writesFile(node)) throw notAllowed('INTO OUTFILE');
  for (const child of node.children) {
    if (child.kind === 'Identifier' && !isOutputFormat(child.detail))
      throw exceptions.unknownFormat(`The format ${child.detail} is not available here.`);
  }
  checkSettings(node, account);
}

function checkSettings(node: TreeNode, account: Permissions): void {
  if (account.mayWrite || !node.children.some(child => child.kind === 'Set')) return;
  throw exceptions.readonly('A SETTINGS clause is not allowed here: give settings as URL parameters.');
}

function checkFunction(node: TreeNode, parent: TreeNode | undefined, { functions, mayWrite }: Permissions, writes: boolean): void {
  const name = node.detail;
  if (parent?.kind === 'TableExpression') {
    if (!allowedTableFunctions.has(name)) throw notAllowed(`The table function ${name}`);
    return;
  }
  if (mayWrite && writes && ddlNames.functions.has(name)) return;
  const permission = functions.permissionOf(name);
  if (permission === 'forbidden') throw notAllowed(`The function ${name}`);
  if (permission === 'unknown') throw exceptions.unknownFunction(`Function with name ${name} is not available here.`);
}

function checkTable(name: string, account: Permissions): void {
  const names = /^(?:(\w+)\.)?([A-Za-z_]\w*)$/.exec(name);
  if (!names) throw notAllowed(`The table ${name}`);
  const [, database = account.database, table = ''] = names;
  if (database === 'default') return;
  if (database !== 'system') throw notAllowed(`The database ${database}`);
  if (!systemTables.has(table) && !(account.mayWrite && writersSystemTables.has(table))) throw notAllowed(`The table system.${table}`);
}

/** A name in an expression can be a column, but also a table (`x IN system.users`) or a function (`arrayMap(file, paths)`). */
function checkIdentifier(name: string, account: Permissions): void {
  const names = name.split('.');
  if (names.length > 1 && otherDatabases.has(names[0]!.toLowerCase())) checkTable(names.slice(0, 2).join('.'), account);
  if (account.functions.forbidsBareName(names.at(-1)!)) throw notAllowed(`The function ${names.at(-1)}`);
}

/** Scalar subqueries run when a query is planned, and the plan is made on the calling thread. */
function computesWhilePlanned(root: TreeNode): boolean {
  for (const [node, parent] of nodesOf(root)) {
    if (node.kind === 'Subquery' && parent?.kind !== 'TableExpression' && parent?.kind !== 'WithElement') return true;
  }
  return false;
}

const notAllowed = (what: string): EngineException => exceptions.denied(`${what} is not allowed here.`);

/** `ShowGrantsQuery` as `SHOW GRANTS`. */
const readableKind = (kind: string): string =>
  kind
    .replace(/^AST|Query$|SQL/g, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase();
