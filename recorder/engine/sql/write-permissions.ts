/** Which statements the writer may run: inserts and migrations, nothing that touches files. Decided by the syntax tree. */
import { tokensOf } from '../../store/sql-tokens.ts';
import { exceptions } from '../session/exception.ts';
import type { TreeNode } from './syntax-tree.ts';

export const writeKinds = new Set(
  'InsertQuery CreateQuery AlterQuery DropQuery TruncateQuery OptimizeQuery Rename DeleteQuery UpdateQuery'.split(' '),
);

const allowedDdlNodes = new Set(
  (
    'Columns Storage ColumnDeclaration NameTypePair DataType EnumDataType TupleDataType Index Constraint Projection ProjectionSelectQuery TTLElement ' +
    'StorageOrderByElement AlterCommand Assignment Partition Partition_ID ViewTargets Refresh SQL'
  ).split(' '),
);

const allowedDdlFunctions = new Set(
  (
    'MergeTree ReplacingMergeTree AggregatingMergeTree SummingMergeTree CollapsingMergeTree VersionedCollapsingMergeTree CoalescingMergeTree ' +
    'ReplicatedMergeTree ReplicatedReplacingMergeTree ReplicatedAggregatingMergeTree ReplicatedSummingMergeTree Memory Null Log TinyLog ' +
    'StripeLog View MaterializedView ' +
    'CODEC NONE LZ4 LZ4HC ZSTD Delta DoubleDelta T64 Gorilla FPC GCD ' +
    'minmax set bloom_filter ngrambf_v1 tokenbf_v1 sparse_grams text'
  ).split(' '),
);

/** What a tree of the writer's may hold besides the parts of queries. */
export const ddlNames = { parts: allowedDdlNodes, functions: allowedDdlFunctions } as const;

const allowedAlterations = new Set(
  (
    'ADD_COLUMN DROP_COLUMN MODIFY_COLUMN RENAME_COLUMN COMMENT_COLUMN CLEAR_COLUMN MATERIALIZE_COLUMN ADD_INDEX DROP_INDEX MATERIALIZE_INDEX ' +
    'CLEAR_INDEX ADD_CONSTRAINT DROP_CONSTRAINT ADD_PROJECTION DROP_PROJECTION MATERIALIZE_PROJECTION MODIFY_TTL REMOVE_TTL MATERIALIZE_TTL ' +
    'MODIFY_ORDER_BY MODIFY_QUERY MODIFY_COMMENT MODIFY_SETTING RESET_SETTING UPDATE DELETE APPLY_DELETED_MASK DROP_PARTITION DROP_DETACHED_PARTITION'
  ).split(' '),
);

/** Throws an EngineException for a statement that the writer may not run. */
export function checkWrite(root: TreeNode): void {
  const children = root.children;
  for (const child of children) {
    if (child.kind === 'Identifier' && child.detail !== 'default' && /^(system|information_schema)$/i.test(child.detail)) {
      throw notAllowed(`Writing to the database ${child.detail}`);
    }
  }
  switch (root.kind) {
    case 'InsertQuery':
      if (children.some(child => child.kind === 'Literal')) throw notAllowed('FROM INFILE');
      if (children.some(child => child.kind === 'Function')) throw notAllowed('INSERT INTO FUNCTION');
      return;
    case 'CreateQuery':
      return checkCreate(root);
    case 'DropQuery':
    case 'TruncateQuery':
      if (/ $/.test(root.detail)) throw notAllowed('Dropping a database');
      return;
    case 'AlterQuery':
      return checkAlter(root);
    default:
  }
}

/** Only tables with an engine, and views: no databases, temporary tables or copies of another table's structure. */
function checkCreate(root: TreeNode): void {
  if (root.children.some(child => child.kind === 'Function')) throw notAllowed('CREATE TABLE AS a table function');
  const stored = root.children.some(({ kind }) => kind === 'Storage' || kind === 'ViewTargets' || kind === 'SelectWithUnionQuery');
  if (!stored) throw notAllowed('CREATE without an engine');
}

function checkAlter(root: TreeNode): void {
  for (const command of root.children.flatMap(child => (child.kind === 'ExpressionList' ? child.children : []))) {
    if (command.kind !== 'AlterCommand' || !allowedAlterations.has(command.detail))
      throw notAllowed(`ALTER TABLE ... ${command.detail.replaceAll('_', ' ')}`);
  }
}

/**
 * The tree does not show a table's settings, and one of them defines a disk at any path. So the engine's text of the statement is searched for
 * their names; a column of such a name stands in quotes there.
 */
export function checkTableSettings(sql: string): void {
  for (const { type, start, end } of tokensOf(sql)) {
    const word = type === 'word' ? sql.slice(start, end) : '';
    if (forbiddenTableSettings.has(word)) throw notAllowed(`The table setting ${word}`);
  }
}

const forbiddenTableSettings = new Set(['disk', 'storage_policy', 'table_disk']);

const notAllowed = (what: string) => exceptions.denied(`${what} is not allowed here.`);
