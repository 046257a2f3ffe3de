/** The fault matrix: {fault} x {phase} x {response format}, the expected outcome of each cell, and the actual one. */
import { hash } from 'node:crypto';
import { ExecutionHarness, hello, helloStream, readStream } from '../gateway/exchange/harness.ts';
import { completion, streamOf } from './chat.ts';
import { answer, gzipped, inSmallPieces, ok, raw, stream } from './scripts.ts';
import { FaultyUpstream, type ResponseScript, refusedUrl } from './upstream.ts';
import { type Piece, type WireFormat, type WireFormatName, wireFormats } from './wire-formats.ts';

export type Phase = 'CONNECT' | 'HEADERS' | 'PRELUDE' | 'CONTENT' | 'FINISHED' | 'SENTINEL';

/** The caller's view, and the number of calls to the second provider. */
export type Outcome =
  | 'replaced' // the second provider's complete response, and nothing of the first one
  | 'complete' // the first provider's complete response
  | `broken ${string}` // the content so far, one error event of this code, no end marker
  | `error ${string}`; // an error response of this status and code

export interface Cell {
  readonly fault: string;
  readonly phase: Phase;
  readonly format: WireFormatName;
  readonly expected: Outcome;
  run(): Promise<Outcome>;
}

const idleMs = 200;
const timeoutMs = 600;

interface Fault {
  readonly name: string;
  readonly phases: readonly Phase[];
  /** The code of the error event when it happens after commit. */
  readonly code?: string;
  /** The expected outcome where it differs from that of its phase. */
  readonly expected?: (phase: Phase, format: WireFormat) => Outcome | undefined;
  /** Whether it exists in this format. */
  readonly exists?: (phase: Phase, format: WireFormat) => boolean;
  readonly script?: (format: WireFormat, sent: readonly Piece[], phase: Phase) => ResponseScript;
  readonly url?: () => Promise<FaultyEndpoint>;
}

interface FaultyEndpoint extends AsyncDisposable {
  readonly url: string;
}

const open = ['PRELUDE', 'CONTENT', 'FINISHED', 'SENTINEL'] as const;
const typeOf = ({ contentType }: WireFormat): Record<string, string> => ({ 'content-type': contentType });
const joined = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.map(piece => Buffer.from(piece as string)));

/** A chunked body of these pieces, and then another ending. */
const startedStream = (format: WireFormat, sent: readonly Piece[], ending: 'fin' | 'rst' | 'stall' | 'complete'): ResponseScript =>
  stream(sent, { headers: typeOf(format), ending });

const badlyFramed = (format: WireFormat, sent: readonly Piece[]): ResponseScript => [
  ...stream(sent, { headers: typeOf(format), ending: 'stall' }).slice(0, -1),
  { send: 'zz\r\n' },
  { end: 'fin' },
];

const refusal = (name: string, status: number, body: unknown, headers: Record<string, string> = {}, verdict?: Outcome): Fault => ({
  name,
  phases: ['HEADERS'],
  script: () => answer(status, body, headers),
  ...(verdict ? { expected: () => verdict } : {}),
});

const limited = (wait: string | undefined): Fault =>
  refusal(
    `429, ${wait === undefined ? 'no wait named' : `retry-after: ${wait.length > 24 ? `${wait.slice(0, 24)}…` : wait}`}`,
    429,
    '{"error":{"message":"slow down"}}',
    wait === undefined ? {} : { 'retry-after': wait },
  );

export const invalidRetryAfters: readonly string[] = [
  '0',
  '1',
  '-1',
  '1e3',
  '1000000000',
  'Infinity',
  'NaN',
  'soon',
  '1, 2',
  '0x10',
  '2026-11-23T00:00:00Z',
  'Wed, 21 Oct 2065 07:28:00 GMT',
  'Wed, 21 Oct 1965 07:28:00 GMT',
  '9'.repeat(60),
  '1.5.5',
];

const place = (url: string, close: () => Promise<unknown> = async () => {}): FaultyEndpoint => ({
  url,
  [Symbol.asyncDispose]: async () => void (await close()),
});

/** Answers a TLS handshake in plain text. */
async function noTls(): Promise<FaultyEndpoint> {
  const upstream = await FaultyUpstream.start(raw('HTTP/1.1 200 OK\r\n\r\n'));
  return place(upstream.url.replace('http:', 'https:'), () => upstream[Symbol.asyncDispose]());
}

/** Relays put Gemini's STOP on every chunk, so unreadable data after it may have been content. */
function geminiExpectation(this: Fault, phase: Phase, { name }: WireFormat): Outcome | undefined {
  return name === 'Gemini SSE' && (phase === 'FINISHED' || phase === 'SENTINEL') ? `broken ${this.code}` : undefined;
}

const faults: readonly Fault[] = [
  { name: 'connection refused', phases: ['CONNECT'], url: async () => place(await refusedUrl()) },
  { name: 'DNS failure', phases: ['CONNECT'], url: async () => place('http://nowhere.invalid') },
  { name: 'TLS failure', phases: ['CONNECT'], url: noTls },
  { name: 'hang before headers', phases: ['HEADERS'], script: () => [{ end: 'stall' }] },
  { name: 'reset before headers', phases: ['HEADERS'], script: () => [{ end: 'rst' }] },
  { name: 'FIN before headers', phases: ['HEADERS'], script: () => [{ end: 'fin' }] },
  { name: 'garbage in place of HTTP', phases: ['HEADERS'], script: () => raw(Buffer.from('00ff10deadbeef0a0a7b7b7b', 'hex')) },
  { name: 'half a head', phases: ['HEADERS'], script: () => raw('HTTP/1.1 200 OK\r\ncontent-ty', 'rst') },
  refusal('500', 500, { error: { message: 'oops' } }),
  refusal('503', 503, { error: { message: 'busy' } }),
  refusal('503 in HTML', 503, '<html>busy</html>', { 'content-type': 'text/html' }),
  refusal('529', 529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  refusal('302', 302, '', { location: 'http://127.0.0.1:1/' }),
  refusal('bad provider key (401)', 401, { error: { message: 'bad key', code: 'invalid_api_key' } }),
  { name: 'context window exceeded', phases: ['HEADERS'], script: format => answer(400, format.tooLong) },
  {
    name: 'content filter',
    phases: ['HEADERS'],
    exists: (_, format) => format.filtered !== undefined,
    script: format => answer(400, format.filtered),
  },
  refusal(
    'bad request (400)',
    400,
    { error: { message: 'no such field', type: 'invalid_request_error', code: 'x' } },
    {},
    'error 400 invalid_request',
  ),
  limited(undefined),
  ...invalidRetryAfters.map(limited),
  { name: 'hang after headers', phases: ['HEADERS'], script: format => startedStream(format, [], 'stall') },
  { name: 'empty 200', phases: ['HEADERS'], script: format => ok('', typeOf(format)) },
  {
    name: 'error object in a 200',
    phases: ['HEADERS'],
    script: format => (format.stream ? stream([format.error], { headers: typeOf(format) }) : ok(format.error as string)),
  },
  { name: 'wrong content type', phases: ['HEADERS'], script: () => ok('<html>welcome</html>', { 'content-type': 'text/html' }) },
  {
    name: 'gzip cut short',
    phases: ['HEADERS'],
    script: () =>
      gzipped(completion('hello')).map(move =>
        'send' in move && typeof move.send !== 'string'
          ? { send: move.send.subarray(0, 20) }
          : 'end' in move
            ? { end: 'fin' as const }
            : move,
      ),
  },
  { name: 'cut by FIN', phases: open, code: 'upstream_truncated', script: (format, sent) => startedStream(format, sent, 'fin') },
  { name: 'cut by reset', phases: open, code: 'upstream_truncated', script: (format, sent) => startedStream(format, sent, 'rst') },
  {
    name: 'an orderly end too soon',
    phases: open,
    code: 'upstream_truncated',
    script: (format, sent) => startedStream(format, sent, 'complete'),
  },
  { name: 'stall', phases: open, code: 'upstream_timeout', script: (format, sent) => startedStream(format, sent, 'stall') },
  {
    name: 'drip of half an event',
    phases: ['PRELUDE', 'CONTENT'],
    code: 'upstream_timeout',
    exists: (_, format) => format.stream,
    script: (format, sent) =>
      stream([...sent, ...Array.from(joined(format.remainder).subarray(0, 50), byte => Buffer.of(byte))], {
        headers: typeOf(format),
        ending: 'stall',
        waitMs: 25,
      }),
  },
  {
    name: 'half an event, then FIN',
    phases: ['PRELUDE', 'CONTENT'],
    code: 'upstream_truncated',
    exists: (_, format) => format.stream,
    script: (format, sent) => startedStream(format, [...sent, joined(format.remainder).subarray(0, 40)], 'complete'),
  },
  {
    name: 'malformed SSE event',
    phases: open,
    expected: geminiExpectation,
    code: 'upstream_invalid_response',
    exists: (_, format) => format.stream,
    script: (format, sent) => startedStream(format, [...sent, format.malformed], 'stall'),
  },
  { name: 'bad framing of chunks', phases: open, code: 'upstream_invalid_response', script: badlyFramed },
  {
    name: 'an error event',
    phases: open,
    expected: geminiExpectation,
    code: 'upstream_overloaded',
    exists: (_, format) => format.stream,
    script: (format, sent) => startedStream(format, [...sent, format.error], 'fin'),
  },
  {
    name: 'malformed JSON',
    phases: ['CONTENT'],
    exists: (_, format) => !format.stream,
    script: (_, sent) => ok(`${joined(sent)}}}`),
  },
  {
    name: 'length longer than the body',
    phases: ['CONTENT'],
    exists: (_, format) => !format.stream,
    script: (_, sent) => raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n${joined(sent)}`),
  },
  {
    name: 'slow first token',
    phases: ['PRELUDE'],
    exists: (_, format) => format.stream,
    expected: () => 'complete',
    script: format => [
      ...stream(format.prelude, { headers: typeOf(format), ending: 'stall' }).slice(0, -1),
      { waitMs: 150 },
      ...stream(allPieces(format).slice(format.prelude.length), { headers: typeOf(format) }).slice(1),
    ],
  },
  {
    name: 'slow drip, byte by byte',
    phases: ['SENTINEL'],
    expected: () => 'complete',
    script: format => inSmallPieces(stream(allPieces(format), { headers: typeOf(format) }), format.name, { sizeMax: 60, waitMs: 1 }),
  },
];

const allPieces = (format: WireFormat): readonly Piece[] => [
  ...format.prelude,
  ...format.content,
  ...format.remainder,
  ...format.finish,
  ...format.sentinel,
];

/** The pieces sent before the fault in this phase. */
function piecesUpTo(format: WireFormat, phase: Phase): readonly Piece[] {
  switch (phase) {
    case 'PRELUDE':
      return format.prelude;
    case 'CONTENT':
      return [...format.prelude, ...format.content];
    case 'FINISHED':
      return [...format.prelude, ...format.content, ...format.remainder, ...format.finish];
    case 'SENTINEL':
      return allPieces(format);
    default:
      return [];
  }
}

/**
 * STREAMS 3.1: before the first content a failed attempt is replaced unseen; after it the caller gets the error; a complete response stays
 * complete.
 */
function expectedOutcome(fault: Fault, phase: Phase, format: WireFormat): Outcome {
  const own = fault.expected?.(phase, format);
  if (own) return own;
  if (!format.stream || phase === 'CONNECT' || phase === 'HEADERS' || phase === 'PRELUDE') return 'replaced';
  if (phase === 'SENTINEL') return 'complete';
  // Anthropic's response is complete with message_stop only, that of Responses with its last event (3.2); the others' with their finish
  // reason.
  if (phase === 'FINISHED') return format.name === 'Anthropic SSE' || format.name === 'Responses SSE' ? `broken ${fault.code}` : 'complete';
  return `broken ${fault.code}`;
}

const exists = (fault: Fault, phase: Phase, format: WireFormat): boolean => {
  if (!format.stream && phase !== 'CONNECT' && phase !== 'HEADERS' && phase !== 'CONTENT') return false;
  return fault.exists?.(phase, format) ?? true;
};

export const cells: readonly Cell[] = faults.flatMap(fault =>
  fault.phases.flatMap(phase =>
    wireFormats
      .filter(format => exists(fault, phase, format))
      .map(format => ({
        fault: fault.name,
        phase,
        format: format.name,
        expected: expectedOutcome(fault, phase, format),
        run: () => run(fault, phase, format),
      })),
  ),
);

/** Faults that break a stream inside its content, which clients must notice. */
export const cutStreams: readonly { readonly name: string; readonly format: WireFormat; readonly act: ResponseScript }[] = faults.flatMap(
  fault =>
    fault.script && fault.phases.includes('CONTENT')
      ? wireFormats
          .filter(format => format.stream && exists(fault, 'CONTENT', format))
          .map(format => ({ name: fault.name, format, act: fault.script!(format, piecesUpTo(format, 'CONTENT'), 'CONTENT') }))
      : [],
);

async function run(fault: Fault, phase: Phase, format: WireFormat): Promise<Outcome> {
  await using first = fault.url ? await fault.url() : await FaultyUpstream.start(fault.script!(format, piecesUpTo(format, phase), phase));
  const good = format.stream ? stream(streamOf(['good', 'bye'], 'chatcmpl-B')) : ok(completion('goodbye'));
  await using second = await FaultyUpstream.start(good);
  await using harness = new ExecutionHarness({
    upstreams: { A: { url: first.url, provider: format.provider }, B: { url: second.url } },
    streamIdleMs: idleMs,
  });
  const { head, text, exchange } = await harness.execute({
    body: format.stream ? helloStream : hello,
    chain: [
      { target: 'A', timeoutMs },
      { target: 'B', timeoutMs: 10_000 },
    ],
  });
  if (Buffer.from(exchange.response).toString() !== text) throw new Error('the recorded response differs from the delivered one');
  if (exchange.delivered?.sha256 !== hash('sha256', text)) throw new Error('the digest differs from the delivered response');
  if (exchange.attempts.length !== 1 + second.calls.length) throw new Error('an attempt without a record');
  return outcomeOf(head!.status, format.stream, text, second.calls.length);
}

function outcomeOf(status: number, isStream: boolean, text: string, secondCalls: number): Outcome {
  if (status !== 200) return `error ${status} ${JSON.parse(text).error.code}`;
  if (!isStream) {
    const { content } = JSON.parse(text).choices[0].message;
    if (content === 'hello' && secondCalls === 0) return 'complete';
    return content === 'goodbye' && secondCalls === 1 ? 'replaced' : `error ${content}`;
  }
  const { content, terminal, errors, roles, ids, finishes } = readStream(text);
  const seen = `${content} ${terminal} errors=${errors.length} roles=${roles} ids=${ids.length} finishes=${finishes.length} second=${secondCalls}`;
  if (seen === 'hello done errors=0 roles=1 ids=1 finishes=1 second=0') return 'complete';
  if (seen === 'goodbye done errors=0 roles=1 ids=1 finishes=1 second=1') return 'replaced';
  if (/^hel(lo)? none errors=1 roles=1 ids=1 finishes=[01] second=0$/.test(seen)) return `broken ${errors[0].code}`;
  return `error ${seen}`;
}
