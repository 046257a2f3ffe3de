/** Whatever an upstream sends, a provider parses it or returns a failure; it never throws. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../gateway/core/chat/json.ts';
import type { Provider, SseEvent } from '../../gateway/core/chat/provider.ts';
import { providers } from '../../gateway/providers/index.ts';

interface Line {
  readonly kind: string;
  readonly wire: Json;
}

const numRuns = process.env.HINDCAST_LONG ? 20_000 : 1_000;
const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;

/** One provider per parser, because dialects share the parser of their format. */
const readers = Map.groupBy(Object.values(providers), provider => provider.parseStream);

describe.each([...readers.values()].map(([first]) => first as Provider))('$name', provider => {
  const path = join(import.meta.dirname, `../fixtures/providers/${provider.name}.jsonl`);
  const lines: Line[] = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const of = (kind: string): Json[] => lines.filter(line => line.kind === kind).map(({ wire }) => wire);
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('parses responses in which any member has another type', () => {
    fc.assert(
      fc.property(fc.constantFrom(...of('response')), place, json, (body, at, foreign) => {
        const parsed = provider.parseResponse(replaceOne(body, at, foreign));
        expect('kind' in parsed || Array.isArray(parsed.choices)).toBe(true);
      }),
      { numRuns },
    );
  });

  test('parses streams in which any member of an event has another type: no event follows a failure, and only a complete response stays complete', () => {
    const events = of('stream').filter(wire => (wire as Json[]).length > 0) as unknown as SseEvent[][];
    fc.assert(
      fc.property(fc.constantFrom(...events), fc.nat(), place, json, (stream, number, at, foreign) => {
        const index = number % stream.length;
        const sent = stream.map((event, i) => (i === index ? { ...event, data: mutate(event.data, at, foreign) } : event));
        const [parser, cut] = [provider.parseStream(), provider.parseStream()];
        const parsed = sent.map(event => parser.parse(event));
        const failed = parsed.findIndex(events => events.some(event => event.type === 'failure'));
        if (failed < 0) return;
        expect(parsed[failed]!.at(-1)!.type).toBe('failure');
        // The finish reason came before, so the later error is ignored.
        for (const event of sent.slice(0, failed)) cut.parse(event);
        if (parser.end().complete) expect(cut.end().complete).toBe(true);
        else expect(parsed.slice(failed + 1).flat()).toEqual([]);
      }),
      { numRuns },
    );
  });

  test('parses error responses of any text and any shape', () => {
    const bodies = of('failure').map(wire => (wire as { body: string }).body);
    const body = fc.oneof(
      fc.string(),
      json.map(value => JSON.stringify(value)),
      fc.tuple(fc.constantFrom(...bodies), place, json).map(([text, at, foreign]) => mutate(text, at, foreign)),
    );
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), fc.dictionary(fc.string(), fc.string()), body, (status, headers, text) => {
        const failure = provider.parseFailure(status, headers, text);
        expect(failure.status).toBe(status);
        expect(failure.message.length).toBeLessThanOrEqual(2_000);
        expect(failure.retryAfterMs ?? 0).toBeGreaterThanOrEqual(0);
      }),
      { numRuns },
    );
  });
});

function mutate(text: string, at: number, foreign: Json): string {
  try {
    return JSON.stringify(replaceOne(JSON.parse(text), at, foreign));
  } catch {
    return text.slice(0, Math.floor(at * text.length));
  }
}

/** The value with one node replaced: the one at the share `at` of all nodes. */
function replaceOne(value: Json, at: number, foreign: Json): Json {
  let left = Math.floor(at * countNodes(value));
  const walk = (node: Json): Json => {
    if (left-- === 0) return foreign;
    if (Array.isArray(node)) return node.map(walk);
    return node !== null && typeof node === 'object'
      ? Object.fromEntries(Object.entries(node).map(([key, member]) => [key, walk(member)]))
      : node;
  };
  return walk(value);
}

const countNodes = (node: Json): number =>
  1 + (node !== null && typeof node === 'object' ? Object.values(node).reduce<number>((sum, member) => sum + countNodes(member), 0) : 0);
