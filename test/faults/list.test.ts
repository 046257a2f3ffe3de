/** Well-known faults by name, and the cells of the matrix that test them, non-streaming and streaming. */
import { expect, test } from 'vitest';
import { cells } from './matrix.ts';

/** The fault's name in the matrix, its phase where several exist, and the only form it applies to: 'stream' or 'JSON'. */
const faults: readonly (readonly [name: string, fault: string, only?: 'JSON' | 'stream', phase?: string])[] = [
  ['connection refused', 'connection refused'],
  ['DNS failure', 'DNS failure'],
  ['TLS failure', 'TLS failure'],
  ['500', '500'],
  ['503', '503'],
  ['529', '529'],
  ['429 with a wait', '429, retry-after: 1'],
  ['429 without a wait', '429, no wait named'],
  ['hang before headers', 'hang before headers'],
  ['hang after headers', 'hang after headers'],
  ['slow first token', 'slow first token', 'stream'],
  ['slow drip', 'slow drip, byte by byte', 'stream'],
  ['cut before the first token', 'cut by FIN', 'stream', 'PRELUDE'],
  ['cut before the first token, by reset', 'cut by reset', 'stream', 'PRELUDE'],
  ['cut after the first token', 'cut by FIN', 'stream', 'CONTENT'],
  ['cut after the first token, by reset', 'cut by reset', 'stream', 'CONTENT'],
  ['cut in the middle of the body', 'cut by FIN', 'JSON', 'CONTENT'],
  ['stall after the first token', 'stall', 'stream', 'CONTENT'],
  ['stall in the middle of the body', 'stall', 'JSON', 'CONTENT'],
  ['malformed JSON', 'malformed JSON', 'JSON'],
  ['malformed SSE event', 'malformed SSE event', 'stream', 'CONTENT'],
  ['garbage after the finish reason', 'malformed SSE event', 'stream', 'FINISHED'],
  ['empty 200', 'empty 200'],
  ['error object in a 200', 'error object in a 200'],
  ['wrong content type', 'wrong content type'],
  ['context window exceeded', 'context window exceeded'],
  ['content filter', 'content filter'],
  ['bad provider key', 'bad provider key (401)'],
];
const streams = ['OpenAI SSE', 'Anthropic SSE', 'Gemini SSE', 'Responses SSE', 'Bedrock event stream'];
/** Formats that report it in a response, where it is no fault of the call. */
const exempt: Readonly<Record<string, readonly string[]>> = { 'content filter': ['Gemini SSE', 'Bedrock event stream'] };

// "Every provider down" and "recovery after an outage without a stampede" are in outage.test.ts.
test.each(faults)('the matrix has %s', (name, fault, only, phase) => {
  const found = cells.filter(cell => cell.fault === fault && (phase === undefined || cell.phase === phase)).map(cell => cell.format);
  const wanted = [...(only === 'stream' ? [] : ['JSON']), ...(only === 'JSON' ? [] : streams)];
  expect([...new Set(found)]).toEqual(expect.arrayContaining(wanted.filter(form => !exempt[name!]?.includes(form))));
});
