/** Writes an HTTP answer as ClickHouse does: headers, compression on request, back-pressure, and errors before or in the middle. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib';
import { type EngineException, exceptionOf, exceptionText, httpStatusOf } from '../session/exception.ts';
import { contentTypeOf } from '../sql/formats.ts';

/** As ClickHouse counts; 64-bit numbers travel as text. */
export interface QuerySummary {
  readonly readRows?: number;
  readonly readBytes?: number;
  readonly writtenRows?: number;
  readonly writtenBytes?: number;
  readonly resultRows?: number;
}

export interface EngineInfo {
  readonly version: string;
  readonly timezone: string;
}

export class ResponseWriter {
  readonly #response: ServerResponse;
  readonly #engine: EngineInfo;
  readonly #tag = randomBytes(8).toString('hex');
  readonly #startedAt = process.hrtime.bigint();
  readonly #coding: keyof typeof compressors | undefined;
  readonly #queryId: string;
  #sink: Writable | undefined;
  #format = 'TabSeparated';
  /** A client that takes nothing for this long is cut off. */
  stallMsMax = 60_000;

  constructor(request: IncomingMessage, response: ServerResponse, engine: EngineInfo, parameters: URLSearchParams, queryId: string) {
    this.#response = response;
    this.#engine = engine;
    this.#queryId = queryId;
    const wanted = /^(1|true)$/.test(parameters.get('enable_http_compression') ?? '');
    this.#coding = wanted ? acceptedEncoding(request.headers['accept-encoding']) : undefined;
  }

  set format(format: string) {
    this.#format = format;
  }

  /** The headers of an answer that is not an error yet. */
  begin(summary: QuerySummary = {}): void {
    this.#start(200, contentTypeOf(this.#format), { 'X-ClickHouse-Format': this.#format, 'X-ClickHouse-Summary': this.#summary(summary) });
  }

  #start(status: number, contentType: string, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, {
      'Content-Type': contentType,
      'X-ClickHouse-Query-Id': this.#queryId,
      'X-ClickHouse-Timezone': this.#engine.timezone,
      'X-ClickHouse-Server-Display-Name': 'hindcast',
      'X-ClickHouse-Exception-Tag': this.#tag,
      ...headers,
      ...(this.#coding ? { 'Content-Encoding': this.#coding } : {}),
    });
    this.#sink = this.#coding ? compressors[this.#coding]() : this.#response;
    if (this.#sink !== this.#response) this.#sink.pipe(this.#response);
  }

  #summary(counts: QuerySummary): string {
    return JSON.stringify({
      read_rows: String(counts.readRows ?? 0),
      read_bytes: String(counts.readBytes ?? 0),
      written_rows: String(counts.writtenRows ?? 0),
      written_bytes: String(counts.writtenBytes ?? 0),
      total_rows_to_read: '0',
      result_rows: String(counts.resultRows ?? 0),
      result_bytes: '0',
      elapsed_ns: String(process.hrtime.bigint() - this.#startedAt),
    });
  }

  /** Resolves when the client can take more. */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#sink!.write(bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#sink!.off('drain', settle);
        signal.removeEventListener('abort', settle);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      const timer = setTimeout(() => this.#response.destroy(), this.stallMsMax);
      this.#sink!.once('drain', settle);
      signal.addEventListener('abort', settle, { once: true });
    });
  }

  end(bytes?: Uint8Array): void {
    if (bytes) this.#sink!.end(bytes);
    else this.#sink!.end();
  }

  /** As an HTTP status before anything was sent; afterwards as a frame at the end of the body, which clients of ClickHouse 25.11 and newer read. */
  fail(error: unknown): void {
    const exception = exceptionOf(error);
    const message = exceptionText(exception, this.#engine.version);
    if (this.#sink === undefined) {
      this.#start(httpStatusOf(exception), 'text/plain; charset=UTF-8', exceptionHeaders(exception));
      this.end(Buffer.from(message));
      return;
    }
    const length = Buffer.byteLength(message);
    this.end(Buffer.from(`\r\n__exception__\r\n${this.#tag}\r\n${message}${length} ${this.#tag}\r\n__exception__\r\n`));
  }
}

/** Too many bytes, too many connections, a statement that outlived its limit. */
const endsConnection: ReadonlySet<number> = new Set([307, 210, 159]);

/** A request that was not read to its end leaves no room for another on its connection. */
const exceptionHeaders = (fault: EngineException): Record<string, string> => ({
  'X-ClickHouse-Exception-Code': String(fault.code),
  ...(endsConnection.has(fault.code) ? { Connection: 'close' } : {}),
});

const compressors = {
  zstd: () => createZstdCompress(),
  gzip: () => createGzip({ level: 1 }),
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
  deflate: () => createDeflate({ level: 1 }),
} as const;

function acceptedEncoding(accepted: string | string[] | undefined): keyof typeof compressors | undefined {
  const codings = String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .map(coding => coding.trim().split(';'))
    .filter(([, weight]) => !/q=0(\.0*)?\s*$/.test(weight ?? ''))
    .map(([coding]) => coding);
  return (['zstd', 'gzip', 'br', 'deflate'] as const).find(coding => codings.includes(coding));
}
