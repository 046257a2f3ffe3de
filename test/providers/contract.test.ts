/** One contract for all providers: rendered requests and parsed responses, line by line of `test/fixtures/providers/<name>.jsonl`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, StreamEvent } from '../../gateway/core/chat/chat.ts';
import { collectResponse } from '../../gateway/core/chat/collect.ts';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';
import type { Provider, SseEvent, Warning } from '../../gateway/core/chat/provider.ts';
import { providers } from '../../gateway/providers/index.ts';
import { awsBytes } from './aws-bytes.ts';
import { parseRechunked } from './rechunk.ts';

/** Members of a request that a line leaves out. */
const plain = { tools: [], stream: false, stop: [], extra: {} };

interface RequestLine {
  readonly kind: 'request';
  readonly title: string;
  readonly model: string;
  readonly canonical: Partial<ChatRequest>;
  readonly wire: { readonly path: string; readonly body: Json };
  readonly warnings?: readonly Warning[];
}
interface ResponseLine {
  readonly kind: 'response';
  readonly title: string;
  readonly wire: Json;
  readonly canonical: JsonObject;
}
interface StreamLine {
  readonly kind: 'stream';
  readonly title: string;
  readonly wire: readonly SseEvent[];
  readonly canonical: { readonly response?: Json; readonly failure?: Json; readonly flags?: readonly string[] };
}
interface FailureLine {
  readonly kind: 'failure';
  readonly title: string;
  readonly wire: { readonly status: number; readonly headers: Record<string, string>; readonly body: string };
  readonly canonical: JsonObject;
}
type Line = RequestLine | ResponseLine | StreamLine | FailureLine;

const pathOf = (name: string): string => join(import.meta.dirname, `../fixtures/providers/${name}.jsonl`);

function linesOf(name: string): readonly Line[] {
  if (!existsSync(pathOf(name))) return [];
  return readFileSync(pathOf(name), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line);
}

describe.each(Object.entries(providers))('%s', (name, provider: Provider) => {
  const lines = linesOf(name);
  const of = <Kind extends Line['kind']>(kind: Kind): Extract<Line, { kind: Kind }>[] =>
    lines.filter((line): line is Extract<Line, { kind: Kind }> => line.kind === kind);

  test('has its registered name, and a fixture for every kind of line', () => {
    expect(provider.name).toBe(name);
    expect(provider.baseUrl).not.toMatch(/\/$/);
    for (const kind of ['request', 'response', 'stream', 'failure'] as const) {
      expect(of(kind).length, `${kind} lines in ${pathOf(name)}`).toBeGreaterThan(0);
    }
    expect(lines.filter(line => !['request', 'response', 'stream', 'failure'].includes(line.kind))).toEqual([]);
  });

  test('has unique titles in its fixture', () => {
    const titles = lines.map(({ kind, title }) => `${kind}: ${title}`);
    expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([]);
  });

  test.each(of('request'))('renders a request: $title', ({ model, canonical, wire, warnings = [] }) => {
    const request = frozen({ ...plain, ...canonical } as ChatRequest);
    const rendered = provider.renderRequest(request, model);
    expect({ ...rendered, body: JSON.parse(rendered.body) }).toEqual({ ...wire, warnings });
  });

  test.each(of('response'))('parses a response: $title', ({ wire, canonical }) => {
    expect(provider.parseResponse(frozen(wire))).toEqual(canonical);
  });

  test.each(of('stream'))('parses a stream: $title', ({ wire, canonical }) => {
    const parser = provider.parseStream();
    const events: StreamEvent[] = wire.flatMap(event => parser.parse(event));
    const end = parser.end();
    const parsed = end.complete ? { response: collectResponse([...events, ...end.events]) } : { failure: end.failure };
    const flags = end.complete && end.flags.length > 0 ? { flags: end.flags } : {};
    expect({ ...parsed, ...flags }).toEqual(canonical);
    const failed = events.findIndex(event => event.type === 'failure');
    if (failed >= 0) expect(events.slice(failed), 'a failure is the last event').toEqual([{ type: 'failure', failure: parsed.failure }]);
    if (failed >= 0 || events.some(event => event.type === 'response-end')) expect(parser.parse({ data: '{}' })).toEqual([]);
    expectOrder(end.complete ? [...events, ...end.events] : events);
  });

  test.each(of('failure'))('parses an error response: $title', ({ wire, canonical }) => {
    expect(provider.parseFailure(wire.status, wire.headers, wire.body)).toEqual(canonical);
  });

  test('streams are parsed equally at any chunk borders and with any line endings', () => {
    const streams = of('stream').filter(({ wire }) => wire.length > 0);
    if (streams.length === 0) return;
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.constantFrom(...streams), fc.constantFrom('\n', '\r\n'), lengths, ({ wire, canonical }, newline, chunks) => {
        const bytes = provider.framing === 'sse' ? sseText(wire, newline) : awsBytes(wire);
        const replayed = parseRechunked(provider, bytes, chunks);
        expect(replayed).toEqual(canonical.response ?? canonical.failure);
      }),
      { numRuns: process.env.HINDCAST_LONG ? 5_000 : 300 },
    );
  });
});

/** A response and each of its choices start once and end once; calls are numbered from 0 in order of appearance. */
function expectOrder(events: readonly StreamEvent[]): void {
  const at = (type: StreamEvent['type']): number[] => events.flatMap((event, index) => (event.type === type ? [index] : []));
  expect(at('response-start')).toEqual(events.some(event => event.type !== 'failure') ? [0] : []);
  expect(at('response-end').filter(index => index < events.length - 1)).toEqual([]);
  const ended = events.flatMap(event => (event.type === 'choice-end' ? [event.choice] : []));
  expect(new Set(ended).size).toBe(ended.length);
  const calls = Map.groupBy(
    events.filter(event => event.type === 'tool-call-start'),
    event => event.choice,
  );
  for (const started of calls.values()) expect(started.map(({ index }) => index)).toEqual(started.map((_, number) => number));
}

const sseText = (events: readonly SseEvent[], newline: string): string =>
  events
    .map(({ event, data }) => [
      ...(event === undefined ? [] : [`event: ${event}`]),
      ...data.split('\n').map(line => `data: ${line}`),
      '',
      '',
    ])
    .map(lines => lines.join(newline))
    .join('');

/** A frozen copy: a provider that changed its input would change the record of it. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
