/**
 * Serves recorded provider answers over a real socket, for tests and for the walk-through: OpenAI chat, Anthropic messages and Gemini.
 * As a program: `node test/recorded-upstream.ts [port]`, 9100 unless another is named.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordedRows } from './recordings.ts';

export interface RecordedRow {
  readonly id: string;
  readonly api: string;
  readonly status: number;
  readonly stream: boolean;
  readonly framing: string;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly chunk_lengths?: readonly number[];
}

/** The path of a call says which wire format answers. */
const kinds = [
  { path: /\/chat\/completions$/, file: 'wire/openai.jsonl', apis: ['chat'] },
  { path: /\/v1\/messages$/, file: 'wire/anthropic.jsonl', apis: ['messages'] },
  { path: /:(stream)?generateContent/i, file: 'wire/gemini.jsonl', apis: ['generateContent', 'streamGenerateContent'] },
] as const;

/** Whole, good answers: what a client would have been glad of. */
export function usableRows(file: string, apis: readonly string[]): readonly RecordedRow[] {
  const isWhole = ({ framing, body }: RecordedRow): boolean => framing === 'json' || /\[DONE\]|message_stop|"finishReason"/.test(body);
  return recordedRows<RecordedRow>(file).filter(row => row.status === 200 && row.request && apis.includes(row.api) && isWhole(row));
}

export interface RecordedUpstream {
  readonly url: string;
  readonly calls: number;
  close(): Promise<void>;
}

export async function serveRecordings(port = 0): Promise<RecordedUpstream> {
  const endpoints = kinds.map(kind => ({ ...kind, rows: usableRows(kind.file, kind.apis) }));
  let calls = 0;
  const server = createServer(async (request, response) => {
    calls++;
    const endpoint = endpoints.find(({ path }) => path.test(new URL(request.url ?? '/', 'http://x').pathname));
    const body = await textOf(request);
    const wantsStream = /"stream"\s*:\s*true/.test(body) || /:streamGenerateContent/i.test(request.url ?? '');
    const row = endpoint && matchingRow(endpoint.rows, body, wantsStream);
    if (row) await answer(response, row);
    else
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"error":{"message":"nothing recorded","type":"invalid_request_error"}}');
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The answer that was recorded for just these messages; else one that stays the same for them. */
function matchingRow(rows: readonly RecordedRow[], body: string, wantsStream: boolean): RecordedRow | undefined {
  const candidates = rows.filter(row => (row.framing === 'sse') === wantsStream);
  const messages = messagesOf(JSON.parse(body));
  const known = candidates.find(row => messagesOf(row.request!) === messages);
  const number = createHash('sha256').update(messages).digest().readUInt32BE();
  return known ?? candidates[number % candidates.length];
}

export const messagesOf = (request: Readonly<Record<string, unknown>>): string =>
  JSON.stringify([request.messages ?? request.contents, request.tools, request.response_format]);

/** Recorded chunk borders where they are known, else one chunk an event. */
async function answer(response: ServerResponse, row: RecordedRow): Promise<void> {
  response.writeHead(row.status, { 'content-type': row.framing === 'sse' ? 'text/event-stream; charset=utf-8' : 'application/json' });
  const bytes = Buffer.from(row.body);
  let at = 0;
  for (const length of row.chunk_lengths ?? eventLengths(bytes)) {
    if (!response.write(bytes.subarray(at, at + length))) await new Promise(resolve => response.once('drain', resolve));
    at += length;
    await new Promise(resolve => setImmediate(resolve));
  }
  response.end(bytes.subarray(at));
}

function eventLengths(bytes: Buffer): readonly number[] {
  return bytes
    .toString()
    .split(/(?<=\r?\n\r?\n)/)
    .map(event => Buffer.byteLength(event));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

if (import.meta.main) {
  const upstream = await serveRecordings(Number(process.argv[2] ?? 9100));
  process.stdout.write(`Recorded answers of OpenAI (/v1), Anthropic and Gemini at ${upstream.url}\n`);
}
