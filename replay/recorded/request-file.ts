/** Reads recorded requests from files: JSON lines, a JSON array, or Parquet. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import { isObject, type Json, type JsonObject } from '../../gateway/core/chat/json.ts';
import { requestFromRow } from './log-formats.ts';
import type { Candidate, RecordedRequest, Selection } from './requests.ts';
import { spansIn } from './trace-formats.ts';

export interface FileRequests {
  readonly requests: readonly RecordedRequest[];
  /** The number of skipped rows, by reason. */
  readonly left: Readonly<Record<string, number>>;
}

/** The requests of all files in order of arrival. Throws a CommandError when there are none or a file cannot be read. */
export async function readRequests(files: readonly string[]): Promise<FileRequests> {
  const requests = new Map<string, RecordedRequest>();
  const left: Record<string, number> = {};
  for (const file of files) {
    for await (const row of spansOf(file)) {
      const request = requestFromRow(row);
      const reason =
        typeof request === 'string'
          ? request
          : requests.has(request.id) && requests.get(request.id)!.body !== request.body
            ? 'another request has the same id'
            : undefined;
      if (reason !== undefined) left[reason] = (left[reason] ?? 0) + 1;
      else if (typeof request !== 'string') requests.set(request.id, request);
    }
  }
  if (requests.size === 0) {
    const why = Object.entries(left).map(([reason, count]) => `\n  ${count} rows: ${reason}`);
    throw new CommandError(exit.nothing, `There is no request in ${files.join(', ')}.${why.join('')}`);
  }
  const inOrder = [...requests.values()].sort((a, b) => a.receivedAt - b.receivedAt || (a.id < b.id ? -1 : 1));
  return { requests: inOrder, left };
}

async function* spansOf(file: string): AsyncIterable<Json> {
  for await (const row of rowsOf(file)) yield* spansIn(row);
}

async function* rowsOf(file: string): AsyncIterable<Json> {
  try {
    if (/\.parquet$/i.test(file)) yield* await parquetRows(file);
    else if (/\.json$/i.test(file)) yield* rowsIn(JSON.parse(await readFile(file, 'utf8')) as Json);
    else yield* linesOf(file);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(exit.usage, `--from ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

async function* linesOf(file: string): AsyncIterable<Json> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === '') continue;
    try {
      yield JSON.parse(line) as Json;
    } catch {
      throw new CommandError(exit.usage, `--from ${file}: line ${number} is not JSON.`);
    }
  }
}

/** The rows of an array, or of an API response that contains one. */
const rowsIn = (value: Json): readonly Json[] => {
  if (Array.isArray(value)) return value as readonly Json[];
  const data = isObject(value) ? (value.data ?? value.requests ?? value.rows) : undefined;
  return Array.isArray(data) ? (data as readonly Json[]) : [value];
};

/** The rows of a Parquet file, with big integers, dates and bytes as JSON values. */
export const parquetRows = async (file: string): Promise<readonly Json[]> =>
  (await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors })).map(plainRow);

/** hyparquet decompresses only Snappy; Node has the other common formats. */
const compressors = {
  ZSTD: (input: Uint8Array) => zstdDecompressSync(input),
  GZIP: (input: Uint8Array) => gunzipSync(input),
  BROTLI: (input: Uint8Array) => brotliDecompressSync(input),
};

/** The row with Parquet's big integers, dates and bytes as JSON values. */
function plainRow(row: Readonly<Record<string, unknown>>): Json {
  return JSON.parse(
    JSON.stringify(row, (_, value: unknown) => {
      if (typeof value === 'bigint') return Number(value);
      return value instanceof Uint8Array ? Buffer.from(value).toString() : value;
    }),
  ) as JsonObject;
}

/** The candidates of a file, by the same conditions as in the store. */
export function fileCandidates(requests: readonly RecordedRequest[], selection: Selection): readonly Candidate[] {
  if (selection.where !== undefined) throw new CommandError(exit.usage, '--where is SQL for the store; with --from use the other flags.');
  const { since, until, model, route, tenant, tags } = selection;
  const matches = (request: RecordedRequest): boolean =>
    (since === undefined || request.receivedAt >= since) &&
    (until === undefined || request.receivedAt < until) &&
    (model === undefined || modelOf(request) === model) &&
    (route === undefined || request.route === route) &&
    (tenant === undefined || request.tenant === tenant) &&
    Object.entries(tags).every(([tag, value]) => request.tags[tag] === value);
  return requests
    .filter(matches)
    .slice(-selection.limit)
    .map(request => ({
      id: request.id,
      receivedAt: request.receivedAt,
      conversation: request.conversation,
      prompt: request.body,
      stratum: selection.stratify.map(name => stratumOf(request, name)).join(' · '),
      ...(request.answer.costNanoUsd === undefined ? {} : { costNanoUsd: request.answer.costNanoUsd }),
    }));
}

const modelOf = ({ body }: RecordedRequest): string => String((JSON.parse(body) as JsonObject).model ?? '');

function stratumOf(request: RecordedRequest, name: string): string {
  switch (name) {
    case 'model':
      return modelOf(request);
    case 'target':
    case 'outcome':
      return request.answer[name];
    case 'tier':
      return String(request.answer.escalations ?? 0);
    case 'tenant':
    case 'project':
    case 'user':
    case 'route':
    case 'dialect':
    case 'conversation':
      return request[name];
    case 'stream':
      return String(request.stream);
    default:
      return request.tags[name] ?? '';
  }
}
