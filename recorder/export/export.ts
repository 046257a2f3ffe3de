/** Writes recorded exchanges to a file, one line or row each, with tenant, user and ids, by which an erasure finds them. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { oneCondition } from '../store/condition.ts';
import type { Store } from '../store/store.ts';
import { recordExport } from './exported-files.ts';

export interface ExportSelection {
  readonly since?: Instant;
  readonly until?: Instant;
  readonly tenant?: string;
  readonly route?: string;
  /** SQL over the columns of `requests`. */
  readonly where?: string;
  readonly limit?: number;
  /** Replayed exchanges as well. */
  readonly replays: boolean;
  /** The caller's body and the answer's too. */
  readonly payloads: boolean;
}

/** Formats of an export. */
export const exportFormats = ['jsonl', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Bytes that are not UTF-8 cannot be JSON: they are in another column, in base64. */
const bodies = ['request', 'response'].map(
  side =>
    `if(isValidUTF8(p.${side}_body), p.${side}_body, '') AS ${side}_body, if(isValidUTF8(p.${side}_body), '', base64Encode(p.${side}_body)) AS ${side}_body_base64`,
);

/** The SELECT of an export, with its parameters. Throws for a condition that is not one condition. */
export function exportQuery(
  selection: ExportSelection,
  format: ExportFormat,
): { readonly query: string; readonly params: Record<string, unknown> } {
  const { since, until, tenant, route, where, limit, replays, payloads } = selection;
  const conditions = [
    ...(since === undefined ? [] : ['r.ts >= {since: DateTime64(3)}']),
    ...(until === undefined ? [] : ['r.ts < {until: DateTime64(3)}']),
    ...(tenant === undefined ? [] : ['r.tenant_id = {tenant: String}']),
    ...(route === undefined ? [] : ['r.route = {route: String}']),
    ...(replays ? [] : ["r.run_id = ''"]),
    ...(where === undefined ? [] : [`r.request_id IN (SELECT request_id FROM requests WHERE ${oneCondition(where)})`]),
  ];
  // The same exchange may be there twice until parts are merged.
  const selectedIds = `SELECT * REPLACE (toString(request_id) AS request_id) FROM requests AS r${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`} ORDER BY r.ts, r.request_id LIMIT 1 BY r.request_id${limit === undefined ? '' : ' LIMIT {limit: UInt64}'}`;
  const query = payloads
    ? `SELECT r.*, ${bodies.join(', ')} FROM (${selectedIds}) AS r LEFT JOIN (SELECT toString(request_id) AS request_id, request_body, response_body FROM payloads WHERE attempt_no = 0 LIMIT 1 BY request_id) AS p ON p.request_id = r.request_id ORDER BY r.ts, r.request_id`
    : selectedIds;
  const params = {
    ...(since === undefined ? {} : { since: since / 1000 }),
    ...(until === undefined ? {} : { until: until / 1000 }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(route === undefined ? {} : { route }),
    ...(limit === undefined ? {} : { limit }),
  };
  return { query: `${query} FORMAT ${format === 'jsonl' ? 'JSONEachRow' : 'Parquet'}`, params };
}

/** Numbers of 64 bits as text, which JSON's readers would round; Parquet in what every reader knows. */
const settings = {
  output_format_json_quote_64bit_integers: 1,
  output_format_parquet_compression_method: 'snappy',
  output_format_parquet_enum_as_byte_array: 1,
} as const;

export interface Exported {
  /** Absolute. */
  readonly path: string;
  readonly format: ExportFormat;
  readonly bytes: number;
}

/** The file gets its name when it is complete. */
export async function exportTo(
  store: Pick<Store, 'download'>,
  storePath: string,
  file: string,
  format: ExportFormat,
  selection: ExportSelection,
): Promise<Exported> {
  const path = resolve(file);
  const { query, params } = exportQuery(selection, format);
  const source = await store.download(query, params, { ...settings, readonly: '1' });
  recordExport(storePath, { path, format, at: new Date().toISOString() });
  const draft = `${path}.part`;
  const target = createWriteStream(draft, { mode: 0o600, flush: true });
  try {
    await pipeline(source, target);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return { path, format, bytes: target.bytesWritten };
}
