/** The fault matrix: {fault} x {phase} x {format of the answer}, what must come of each cell, and what did. */
import { hash } from 'node:crypto';
import { hello, helloStream, readStream, World } from '../gateway/execution.ts';
import { answer, dripped, gzipped, ok, raw, stream } from './acts.ts';
import { completion, told } from './chat.ts';
import { type Form, type FormName, forms, type Piece } from './forms.ts';
import { type Act, FaultyUpstream, refusedUrl } from './upstream.ts';

export type Phase = 'CONNECT' | 'HEADERS' | 'PRELUDE' | 'CONTENT' | 'FINISHED' | 'SENTINEL';

/** What the caller sees, and how often the second provider was asked. */
export type Verdict =
  | 'replaced' // the second provider's whole answer, and nothing of the first one
  | 'whole' // the first provider's whole answer
  | `broken ${string}` // what came so far, one error event of this code, no ending
  | `told ${string}`; // an error of this status and code, in place of any answer

export interface Cell {
  readonly fault: string;
  readonly phase: Phase;
  readonly form: FormName;
  readonly expected: Verdict;
  run(): Promise<Verdict>;
}

const idleMs = 200;
const timeoutMs = 600;

interface Fault {
  readonly name: string;
  readonly phases: readonly Phase[];
  /** The code of the error event when it happens after the commit. */
  readonly code?: string;
  /** What must come of it where it is not what its phase says. */
  readonly verdict?: (phase: Phase, form: Form) => Verdict | undefined;
  /** Whether it exists in this format. */
  readonly exists?: (phase: Phase, form: Form) => boolean;
  readonly act?: (form: Form, sent: readonly Piece[], phase: Phase) => Act;
  readonly url?: () => Promise<Place>;
}

interface Place extends AsyncDisposable {
  readonly url: string;
}

const open = ['PRELUDE', 'CONTENT', 'FINISHED', 'SENTINEL'] as const;
const typeOf = ({ contentType }: Form): Record<string, string> => ({ 'content-type': contentType });
const joined = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.map(piece => Buffer.from(piece as string)));

/** A chunked body of what was sent so far, and then something else. */
const begun = (form: Form, sent: readonly Piece[], ending: 'fin' | 'rst' | 'stall' | 'whole'): Act =>
  stream(sent, { headers: typeOf(form), ending });

const badlyFramed = (form: Form, sent: readonly Piece[]): Act => [
  ...stream(sent, { headers: typeOf(form), ending: 'stall' }).slice(0, -1),
  { send: 'zz\r\n' },
  { end: 'fin' },
];

const refusal = (name: string, status: number, body: unknown, headers: Record<string, string> = {}, verdict?: Verdict): Fault => ({
  name,
  phases: ['HEADERS'],
  act: () => answer(status, body, headers),
  ...(verdict ? { verdict: () => verdict } : {}),
});

const limited = (wait: string | undefined): Fault =>
  refusal(
    `429, ${wait === undefined ? 'no wait named' : `retry-after: ${wait.length > 24 ? `${wait.slice(0, 24)}…` : wait}`}`,
    429,
    '{"error":{"message":"slow down"}}',
    wait === undefined ? {} : { 'retry-after': wait },
  );

export const absurdWaits: readonly string[] = [
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

const place = (url: string, close: () => Promise<unknown> = async () => {}): Place => ({
  url,
  [Symbol.asyncDispose]: async () => void (await close()),
});

/** Takes the connection and speaks no TLS. */
async function noTls(): Promise<Place> {
  const upstream = await FaultyUpstream.start(raw('HTTP/1.1 200 OK\r\n\r\n'));
  return place(upstream.url.replace('http:', 'https:'), () => upstream[Symbol.asyncDispose]());
}

/** Relays put Gemini's STOP on every chunk: what comes after it and cannot be read may have been more of the answer. */
function unsure(this: Fault, phase: Phase, { name }: Form): Verdict | undefined {
  return name === 'Gemini SSE' && (phase === 'FINISHED' || phase === 'SENTINEL') ? `broken ${this.code}` : undefined;
}

const faults: readonly Fault[] = [
  { name: 'connection refused', phases: ['CONNECT'], url: async () => place(await refusedUrl()) },
  { name: 'DNS failure', phases: ['CONNECT'], url: async () => place('http://nowhere.invalid') },
  { name: 'TLS failure', phases: ['CONNECT'], url: noTls },
  { name: 'hang before headers', phases: ['HEADERS'], act: () => [{ end: 'stall' }] },
  { name: 'reset before headers', phases: ['HEADERS'], act: () => [{ end: 'rst' }] },
  { name: 'FIN before headers', phases: ['HEADERS'], act: () => [{ end: 'fin' }] },
  { name: 'garbage in place of HTTP', phases: ['HEADERS'], act: () => raw(Buffer.from('00ff10deadbeef0a0a7b7b7b', 'hex')) },
  { name: 'half a head', phases: ['HEADERS'], act: () => raw('HTTP/1.1 200 OK\r\ncontent-ty', 'rst') },
  refusal('500', 500, { error: { message: 'oops' } }),
  refusal('503', 503, { error: { message: 'busy' } }),
  refusal('503 in HTML', 503, '<html>busy</html>', { 'content-type': 'text/html' }),
  refusal('529', 529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  refusal('302', 302, '', { location: 'http://127.0.0.1:1/' }),
  refusal('bad provider key (401)', 401, { error: { message: 'bad key', code: 'invalid_api_key' } }),
  { name: 'context window exceeded', phases: ['HEADERS'], act: form => answer(400, form.tooLong) },
  {
    name: 'content filter',
    phases: ['HEADERS'],
    exists: (_, form) => form.filtered !== undefined,
    act: form => answer(400, form.filtered),
  },
  refusal(
    'bad request (400)',
    400,
    { error: { message: 'no such field', type: 'invalid_request_error', code: 'x' } },
    {},
    'told 400 invalid_request',
  ),
  limited(undefined),
  ...absurdWaits.map(limited),
  { name: 'hang after headers', phases: ['HEADERS'], act: form => begun(form, [], 'stall') },
  { name: 'empty 200', phases: ['HEADERS'], act: form => ok('', typeOf(form)) },
  {
    name: 'error object in a 200',
    phases: ['HEADERS'],
    act: form => (form.stream ? stream([form.error], { headers: typeOf(form) }) : ok(form.error as string)),
  },
  { name: 'wrong content type', phases: ['HEADERS'], act: () => ok('<html>welcome</html>', { 'content-type': 'text/html' }) },
  {
    name: 'gzip cut short',
    phases: ['HEADERS'],
    act: () =>
      gzipped(completion('hello')).map(move =>
        'send' in move && typeof move.send !== 'string'
          ? { send: move.send.subarray(0, 20) }
          : 'end' in move
            ? { end: 'fin' as const }
            : move,
      ),
  },
  { name: 'cut by FIN', phases: open, code: 'upstream_truncated', act: (form, sent) => begun(form, sent, 'fin') },
  { name: 'cut by reset', phases: open, code: 'upstream_truncated', act: (form, sent) => begun(form, sent, 'rst') },
  { name: 'an orderly end too soon', phases: open, code: 'upstream_truncated', act: (form, sent) => begun(form, sent, 'whole') },
  { name: 'stall', phases: open, code: 'upstream_timeout', act: (form, sent) => begun(form, sent, 'stall') },
  {
    name: 'drip of half an event',
    phases: ['PRELUDE', 'CONTENT'],
    code: 'upstream_timeout',
    exists: (_, form) => form.stream,
    act: (form, sent) =>
      stream([...sent, ...Array.from(joined(form.rest).subarray(0, 50), byte => Buffer.of(byte))], {
        headers: typeOf(form),
        ending: 'stall',
        waitMs: 25,
      }),
  },
  {
    name: 'half an event, then FIN',
    phases: ['PRELUDE', 'CONTENT'],
    code: 'upstream_truncated',
    exists: (_, form) => form.stream,
    act: (form, sent) => begun(form, [...sent, joined(form.rest).subarray(0, 40)], 'whole'),
  },
  {
    name: 'malformed SSE event',
    phases: open,
    verdict: unsure,
    code: 'upstream_invalid_response',
    exists: (_, form) => form.stream,
    act: (form, sent) => begun(form, [...sent, form.nonsense], 'stall'),
  },
  { name: 'bad framing of chunks', phases: open, code: 'upstream_invalid_response', act: badlyFramed },
  {
    name: 'an error event',
    phases: open,
    verdict: unsure,
    code: 'upstream_overloaded',
    exists: (_, form) => form.stream,
    act: (form, sent) => begun(form, [...sent, form.error], 'fin'),
  },
  {
    name: 'malformed JSON',
    phases: ['CONTENT'],
    exists: (_, form) => !form.stream,
    act: (_, sent) => ok(`${joined(sent)}}}`),
  },
  {
    name: 'length longer than the body',
    phases: ['CONTENT'],
    exists: (_, form) => !form.stream,
    act: (_, sent) => raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n${joined(sent)}`),
  },
  {
    name: 'slow first token',
    phases: ['PRELUDE'],
    exists: (_, form) => form.stream,
    verdict: () => 'whole',
    act: form => [
      ...stream(form.prelude, { headers: typeOf(form), ending: 'stall' }).slice(0, -1),
      { waitMs: 150 },
      ...stream(all(form).slice(form.prelude.length), { headers: typeOf(form) }).slice(1),
    ],
  },
  {
    name: 'slow drip, byte by byte',
    phases: ['SENTINEL'],
    verdict: () => 'whole',
    act: form => dripped(stream(all(form), { headers: typeOf(form) }), form.name, { sizeMax: 60, waitMs: 1 }),
  },
];

const all = (form: Form): readonly Piece[] => [...form.prelude, ...form.content, ...form.rest, ...form.finish, ...form.sentinel];

/** What was sent when the fault strikes in this phase. */
function sentBy(form: Form, phase: Phase): readonly Piece[] {
  switch (phase) {
    case 'PRELUDE':
      return form.prelude;
    case 'CONTENT':
      return [...form.prelude, ...form.content];
    case 'FINISHED':
      return [...form.prelude, ...form.content, ...form.rest, ...form.finish];
    case 'SENTINEL':
      return all(form);
    default:
      return [];
  }
}

/** STREAMS 3.1: until the first content a failed attempt is replaced unseen, after it the caller is told, and what was whole stays whole. */
function oracle(fault: Fault, phase: Phase, form: Form): Verdict {
  const own = fault.verdict?.(phase, form);
  if (own) return own;
  if (!form.stream || phase === 'CONNECT' || phase === 'HEADERS' || phase === 'PRELUDE') return 'replaced';
  if (phase === 'SENTINEL') return 'whole';
  // Anthropic's answer is whole with message_stop only, that of Responses with its last event (3.2); the others' with their finish reason.
  if (phase === 'FINISHED') return form.name === 'Anthropic SSE' || form.name === 'Responses SSE' ? `broken ${fault.code}` : 'whole';
  return `broken ${fault.code}`;
}

const exists = (fault: Fault, phase: Phase, form: Form): boolean => {
  if (!form.stream && phase !== 'CONNECT' && phase !== 'HEADERS' && phase !== 'CONTENT') return false;
  return fault.exists?.(phase, form) ?? true;
};

export const cells: readonly Cell[] = faults.flatMap(fault =>
  fault.phases.flatMap(phase =>
    forms
      .filter(form => exists(fault, phase, form))
      .map(form => ({
        fault: fault.name,
        phase,
        form: form.name,
        expected: oracle(fault, phase, form),
        run: () => run(fault, phase, form),
      })),
  ),
);

/** What breaks a stream in the middle of its content, for clients that must notice. */
export const cutStreams: readonly { readonly name: string; readonly form: Form; readonly act: Act }[] = faults.flatMap(fault =>
  fault.act && fault.phases.includes('CONTENT')
    ? forms
        .filter(form => form.stream && exists(fault, 'CONTENT', form))
        .map(form => ({ name: fault.name, form, act: fault.act!(form, sentBy(form, 'CONTENT'), 'CONTENT') }))
    : [],
);

async function run(fault: Fault, phase: Phase, form: Form): Promise<Verdict> {
  await using first = fault.url ? await fault.url() : await FaultyUpstream.start(fault.act!(form, sentBy(form, phase), phase));
  const good = form.stream ? stream(told(['good', 'bye'], 'chatcmpl-B')) : ok(completion('goodbye'));
  await using second = await FaultyUpstream.start(good);
  await using world = new World({
    places: { A: { url: first.url, provider: form.provider }, B: { url: second.url } },
    streamIdleMs: idleMs,
  });
  const { head, text, exchange } = await world.ask({
    body: form.stream ? helloStream : hello,
    chain: [
      { target: 'A', timeoutMs },
      { target: 'B', timeoutMs: 10_000 },
    ],
  });
  if (Buffer.from(exchange.response).toString() !== text) throw new Error('what was recorded is not what was delivered');
  if (exchange.delivered?.sha256 !== hash('sha256', text)) throw new Error('the digest is not of what was delivered');
  if (exchange.attempts.length !== 1 + second.calls.length) throw new Error('an attempt without a record');
  return verdictOf(head!.status, form.stream, text, second.calls.length);
}

function verdictOf(status: number, isStream: boolean, text: string, secondCalls: number): Verdict {
  if (status !== 200) return `told ${status} ${JSON.parse(text).error.code}`;
  if (!isStream) {
    const { content } = JSON.parse(text).choices[0].message;
    if (content === 'hello' && secondCalls === 0) return 'whole';
    return content === 'goodbye' && secondCalls === 1 ? 'replaced' : `told ${content}`;
  }
  const { content, terminal, errors, roles, ids, finishes } = readStream(text);
  const seen = `${content} ${terminal} errors=${errors.length} roles=${roles} ids=${ids.length} finishes=${finishes.length} second=${secondCalls}`;
  if (seen === 'hello done errors=0 roles=1 ids=1 finishes=1 second=0') return 'whole';
  if (seen === 'goodbye done errors=0 roles=1 ids=1 finishes=1 second=1') return 'replaced';
  if (/^hel(lo)? none errors=1 roles=1 ids=1 finishes=[01] second=0$/.test(seen)) return `broken ${errors[0].code}`;
  return `told ${seen}`;
}
