/** Which settings a request may set: an allow-list of names with clamped limits, applied by a SET before the query. */
import { availableParallelism } from 'node:os';
import { exceptions } from './exception.ts';
import { quoted } from './sessions.ts';

/** URL parameters that are no settings; some are read elsewhere, the others are ignored. */
const notSettings = new Set(
  (
    'query query_id session_id database default_format user password quota_key role compress decompress enable_http_compression ' +
    'http_zlib_compression_level stacktrace client_protocol_version buffer_size wait_end_of_query send_progress_in_http_headers ' +
    'http_headers_progress_interval_ms http_write_exception_in_output_format close_session session_timeout session_check cancel_http_readonly_queries_on_client_close ' +
    'log_comment log_queries readonly'
  ).split(' '),
);

const allowedSettings = new Set(
  (
    'preferred_block_size_bytes max_bytes_before_external_group_by max_bytes_before_external_sort group_by_overflow_mode ' +
    'read_overflow_mode timeout_overflow_mode result_overflow_mode limit offset extremes final join_use_nulls join_algorithm any_join_distinct_right_table_keys ' +
    'session_timezone date_time_input_format date_time_output_format allow_suspicious_low_cardinality_types cast_keep_nullable ' +
    'data_type_default_nullable prefer_column_name_to_alias enable_analyzer optimize_read_in_order do_not_merge_across_partitions_select_final ' +
    'use_query_cache max_rows_to_group_by max_rows_to_read max_bytes_to_read force_primary_key force_index_by_date ' +
    'optimize_move_to_prewhere enable_optimize_predicate_expression distinct_overflow_mode aggregate_functions_null_for_empty union_default_mode ' +
    // Of writing: clients send them with everything.
    'async_insert wait_for_async_insert insert_deduplicate insert_deduplication_token deduplicate_blocks_in_dependent_materialized_views ' +
    'max_insert_block_size min_insert_block_size_rows min_insert_block_size_bytes max_insert_threads max_partitions_per_insert_block ' +
    // Of types, which clients in other languages send with every request.
    'cast_string_to_dynamic_use_inference cast_string_to_variant_use_inference cast_string_to_date_time_mode allow_experimental_variant_type ' +
    'allow_experimental_dynamic_type allow_experimental_json_type enable_json_type enable_dynamic_type enable_variant_type ' +
    'use_variant_as_common_type allow_suspicious_types_in_group_by allow_suspicious_types_in_order_by low_cardinality_allow_in_native_format ' +
    'insert_null_as_default mutations_sync lightweight_deletes_sync alter_sync optimize_throw_if_noop'
  ).split(' '),
);

/** Limits of `default`: its defaults are also its maxima. */
const limits: Readonly<Record<string, number>> = {
  max_execution_time: 60,
  max_memory_usage: 1024 ** 3,
  max_result_rows: 5_000_000,
  max_result_bytes: 1024 ** 3,
};

/** Values above these only cost memory. */
const ceilings: Readonly<Record<string, number>> = { max_threads: Math.min(availableParallelism(), 16), max_block_size: 65_536 };

/** Limits of results that are buffered before they are sent. */
const bufferedBytesMax = { default: 64 * 1024 ** 2, writer: 512 * 1024 ** 2 };

export interface SetupOptions {
  readonly database: string;
  readonly mayWrite: boolean;
  readonly buffered: boolean;
}

/** The setup of a session: database, settings, parameters, and readonly last. */
export function setupStatements(parameters: URLSearchParams, { database, mayWrite, buffered }: SetupOptions): string {
  const settings = new Map<string, string>();
  if (!mayWrite) {
    for (const [name, value] of Object.entries(limits)) settings.set(name, String(value));
    settings.set('result_overflow_mode', 'throw');
  }
  for (const [name, value] of parameters) {
    if (!name.startsWith('param_') && !notSettings.has(name)) settings.set(name, checkedSetting(name, value, mayWrite));
  }
  if (buffered) settings.set('max_result_bytes', String(mayWrite ? bufferedBytesMax.writer : bufferedBytesMax.default));
  for (const [name, value] of queryParameters(parameters)) settings.set(name, value);
  // In one statement the last comes into force with the others, and what stands before it may still be set.
  const requested = parameters.get('readonly');
  if (!mayWrite) settings.set('readonly', '1');
  else if (requested === '1' || requested === '2') settings.set('readonly', requested);
  return [...(database === 'default' ? [] : [`USE ${database}`]), ...setStatements(settings)].join(';');
}

/** At most one statement: each costs as much as a small query. */
export const setStatements = (settings: ReadonlyMap<string, string>): readonly string[] =>
  settings.size === 0 ? [] : [`SET ${[...settings].map(([name, value]) => `${name} = ${quoted(value)}`).join(', ')}`];

/** The query's parameters: `param_x` by name. */
export function queryParameters(parameters: URLSearchParams): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!name.startsWith('param_')) continue;
    if (!/^param_\w{1,128}$/.test(name))
      throw exceptions.badArguments(`A query parameter's name is letters, digits and underscores, unlike ${name}.`);
    values.set(name, value);
  }
  return values;
}

function checkedSetting(name: string, value: string, mayWrite: boolean): string {
  if (!/^[a-z]\w{0,127}$/.test(name)) throw exceptions.unknownSetting(`Unknown setting '${name.slice(0, 128)}'.`);
  const limit = limits[name] ?? ceilings[name];
  if (limit !== undefined) return mayWrite ? value : clamped(name, value, limit);
  if (allowedSettings.has(name) || isFormatSetting(name)) return value;
  throw exceptions.readonly(`Cannot modify '${name}' setting: the embedded engine takes settings of results, formats and limits only.`);
}

/** 0 means no limit and is replaced by the maximum. */
function clamped(name: string, value: string, limit: number): string {
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0)
    throw exceptions.badArguments(`The setting ${name} is a number, unlike '${value.slice(0, 80)}'.`);
  return String(number === 0 ? limit : Math.min(number, limit));
}

/** Settings that let a format read files are fixed by the engine's constraints as well. */
const isFormatSetting = (name: string): boolean =>
  /^(output_format|input_format|format_csv|format_tsv|format_json|format_binary|format_display|bool_true|bool_false)_/.test(name) &&
  !/schema|template|interpret_expressions|path|file/.test(name);
