/** The engine's configuration: limits of memory and threads, and settings that no session may change. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';

const mebibyte = 1024 * 1024;

export interface EngineLimits {
  /** Limit of the whole process, as the engine counts it. */
  readonly memoryBytes: number;
  /** Limit of one query. */
  readonly queryMemoryBytes: number;
  readonly threads: number;
}

/** Memory and threads for the engine, as shares of what this machine or container has. */
export function engineLimits(memory = process.constrainedMemory() || totalmem(), cores = availableParallelism()): EngineLimits {
  // A container without a limit reports more memory than the machine has.
  const available = Math.min(memory, totalmem());
  const memoryBytes = Math.round(Math.min(Math.max(available / 4, 1024 * mebibyte), 4096 * mebibyte));
  return { memoryBytes, queryMemoryBytes: Math.round(memoryBytes / 2), threads: Math.min(cores, 8) };
}

/** Settings of a new session. Those in `constants` could hide an expression, a file or another language from the statement's check. */
const settings = (limits: EngineLimits) => ({
  max_memory_usage: limits.queryMemoryBytes,
  max_threads: limits.threads,
  // Blocks are copied as a whole, and rows of payloads are large.
  max_block_size: 8192,
  async_insert: 0,
  // SET statements carry parameters, too.
  max_query_size: 4 * mebibyte,
  max_http_get_redirects: 0,
  date_time_input_format: 'best_effort',
  input_format_skip_unknown_fields: 1,
});

const constants: Readonly<Record<string, string | number>> = {
  implicit_select: 0,
  dialect: 'clickhouse',
  allow_introspection_functions: 0,
  input_format_values_interpret_expressions: 0,
  input_format_values_deduce_templates_of_expressions: 0,
  additional_table_filters: '{}',
  additional_result_filter: '',
  format_schema: '',
  format_template_row: '',
  format_template_resultset: '',
  format_avro_schema_registry_url: '',
};

const configFile = (limits: EngineLimits, users: string): string => `<clickhouse>
  <max_server_memory_usage>${limits.memoryBytes}</max_server_memory_usage>
  <mark_cache_size>${64 * mebibyte}</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <!-- One merge at a time: two together take twice the memory. -->
  <background_pool_size>1</background_pool_size>
  <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
  <background_move_pool_size>1</background_move_pool_size>
  <!-- Mutations and merges that wait for the one place in the pool look again soon. The defaults, up to a second a part, spread servers. -->
  <background_processing_pool_thread_sleep_seconds_if_nothing_to_do>0.02</background_processing_pool_thread_sleep_seconds_if_nothing_to_do>
  <background_processing_pool_task_sleep_seconds_when_no_work_random_part>0.02</background_processing_pool_task_sleep_seconds_when_no_work_random_part>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <merge_tree>
    <!-- A merge holds a block of each column: of 84 columns at the default of a megabyte, 340 MiB for 20 MiB of rows. -->
    <max_compress_block_size>131072</max_compress_block_size>
    <!-- A segment of the spool is deleted on the acknowledgement, so an acknowledged part has to outlive a power cut. -->
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
    <!-- Merges write every row again, and cost as much as its insert. More parts at once are fewer rounds of merging. -->
    <merge_selector_base>16</merge_selector_base>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
  <users_config>${xml(users)}</users_config>
</clickhouse>
`;

const usersFile = (limits: EngineLimits): string => `<clickhouse>
  <profiles>
    <default>
${elements({ ...settings(limits), ...constants })}
      <constraints>
${Object.keys(constants)
  .map(name => `        <${name}><readonly/></${name}>`)
  .join('\n')}
      </constraints>
    </default>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default><password></password><profile>default</profile><quota>default</quota><networks><ip>::/0</ip></networks></default>
  </users>
</clickhouse>
`;

const elements = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `      <${name}>${xml(String(value))}</${name}>`)
    .join('\n');

const xml = (text: string): string => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

/** Writes the configuration files into the engine's folder; returns the arguments to start it with. */
export function writeConfig(path: string, limits: EngineLimits): readonly string[] {
  const config = join(path, 'hindcast-config.xml');
  const users = join(path, 'hindcast-users.xml');
  writeFileSync(users, usersFile(limits), { mode: 0o600 });
  writeFileSync(config, configFile(limits, users), { mode: 0o600 });
  return [`--config-file=${config}`];
}
