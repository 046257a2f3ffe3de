const localSuffix = '_local';

/** What DDL statements add for a cluster: `ON CLUSTER` and the suffix of local tables; both '' for a single server. */
export const ddlTargetOf = (cluster: string | undefined): DdlTarget =>
  cluster === undefined ? { onCluster: '', suffix: '' } : { onCluster: ` ON CLUSTER ${quoted(cluster)}`, suffix: localSuffix };

/** Sharding keys by table. Rows of one exchange are on one shard, so that joins stay there. */
const shardingKeys: Readonly<Record<string, string>> = {
  schema_migrations: 'cityHash64(version)',
  requests: 'cityHash64(request_id)',
  attempts: 'cityHash64(request_id)',
  payloads: 'cityHash64(request_id)',
  scores: 'cityHash64(request_id)',
  runs: 'cityHash64(run_id)',
  replay_results: 'cityHash64(run_id, request_id)',
  erasures: 'cityHash64(erasure_id)',
  repriced: 'cityHash64(request_id)',
};

/** Turns a statement of the schema into those that a cluster needs. Throws for forms that no migration has. */
export function clusterStatements(statement: string, cluster: string): readonly string[] {
  const onCluster = ` ON CLUSTER ${quoted(cluster)}`;
  const [, kind, table] =
    /^\s*(CREATE TABLE|CREATE MATERIALIZED VIEW|CREATE(?: OR REPLACE)? VIEW|ALTER TABLE)(?: IF NOT EXISTS)? (\w+)/.exec(statement) ?? [];
  switch (kind) {
    case 'CREATE TABLE':
      return clusterTableStatements(statement, table!, cluster, onCluster);
    case 'CREATE MATERIALIZED VIEW':
      return [
        statement
          .replace(/(CREATE MATERIALIZED VIEW IF NOT EXISTS \w+) TO (\w+)/, `$1${onCluster} TO $2${localSuffix}`)
          .replace(/\bFROM (\w+)/, `FROM $1${localSuffix}`),
      ];
    case 'CREATE VIEW':
    case 'CREATE OR REPLACE VIEW':
      // Over the distributed tables: it shows the rows of all shards.
      return [statement.replace(/^(\s*CREATE (?:OR REPLACE VIEW|VIEW IF NOT EXISTS) \w+)/, `$1${onCluster}`)];
    case 'ALTER TABLE': {
      const local = statement.replace(/^\s*ALTER TABLE (\w+)/, `ALTER TABLE $1${localSuffix}${onCluster}`);
      // The distributed table has only the columns; indices, codecs and TTLs belong to the local table.
      const changesColumns = /\b(?:ADD|DROP|RENAME) COLUMN\b/.test(statement);
      return changesColumns ? [local, statement.replace(/^\s*ALTER TABLE (\w+)/, `ALTER TABLE $1${onCluster}`)] : [local];
    }
    default:
      throw new Error(`no form for a cluster is known of: ${statement.slice(0, 80)}`);
  }
}

function clusterTableStatements(statement: string, table: string, cluster: string, onCluster: string): readonly string[] {
  const [, engine, engineArguments = ''] = /\bENGINE = (\w*MergeTree)(?:\(([^()]*)\))?/.exec(statement) ?? [];
  if (!engine) throw new Error(`the table ${table} says no MergeTree engine`);
  const replicatedArguments = [
    "'/clickhouse/tables/{shard}/{database}/{table}'",
    "'{replica}'",
    ...(engineArguments === '' ? [] : [engineArguments]),
  ];
  const local = statement
    .replace(/^\s*CREATE TABLE IF NOT EXISTS (\w+)/, `CREATE TABLE IF NOT EXISTS $1${localSuffix}${onCluster}`)
    .replace(/\bENGINE = \w*MergeTree(?:\([^()]*\))?/, `ENGINE = Replicated${engine}(${replicatedArguments.join(', ')})`)
    .replaceAll('non_replicated_deduplication_window', 'replicated_deduplication_window');
  const key = shardingKeys[table] ?? 'rand()';
  const distributed = `CREATE TABLE IF NOT EXISTS ${table}${onCluster} AS ${table}${localSuffix} ENGINE = Distributed(${quoted(cluster)}, currentDatabase(), '${table}${localSuffix}', ${key})`;
  return [local, distributed];
}

const quoted = (name: string): string => `'${name.replace(/[\\']/g, '\\$&')}'`;

/** `on` is the cluster's clause and the ending of its local tables; '' for one server. */
export interface DdlTarget {
  readonly onCluster: string;
  readonly suffix: string;
}

export const singleServer: DdlTarget = { onCluster: '', suffix: '' };
