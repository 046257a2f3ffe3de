/** Whatever an upstream sends, a provider reads it or says that it cannot; it never throws. */
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

/** Each reads in its own way; dialects share the reading of the format that they are dialects of. */
const readers = Map.groupBy(Object.values(providers), provider => provider.parseStream);

describe.each([...readers.values()].map(([first]) => first as Provider))('$name', provider => {
  const path = join(import.meta.dirname, `../fixtures/providers/${provider.name}.jsonl`);
  const lines: Line[] = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const of = (kind: string): Json[] => lines.filter(line => line.kind === kind).map(({ wire }) => wire);
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('reads answers in which any member is something else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...of('response')), place, json, (body, at, foreign) => {
        const parsed = provider.parseResponse(replaceOne(body, at, foreign));
        expect('kind' in parsed || Array.isArray(parsed.choices)).toBe(true);
      }),
      { numRuns },
    );
  });

  test('reads streams in which any member of an event is something else: silent after a failure, and whole only if they were before it', () => {
    const events = of('stream').filter(wire => (wire as Json[]).length > 0) as unknown as SseEvent[][];
    fc.assert(
      fc.property(fc.constantFrom(...events), fc.nat(), place, json, (stream, number, at, foreign) => {
        const index = number % stream.length;
        const sent = stream.map((event, i) => (i === index ? { ...event, data: mutate(event.data, at, foreign) } : event));
        const [parser, cut] = [provider.parseStream(), provider.parseStream()];
        const told = sent.map(event => parser.parse(event));
        const failed = told.findIndex(events => events.some(event => event.type === 'failure'));
        if (failed < 0) return;
        expect(told[failed]!.at(-1)!.type).toBe('failure');
        // It had said its finish reason before: nobody reads on after what went wrong then.
        for (const event of sent.slice(0, failed)) cut.parse(event);
        if (parser.end().complete) expect(cut.end().complete).toBe(true);
        else expect(told.slice(failed + 1).flat()).toEqual([]);
      }),
      { numRuns },
    );
  });

  test('reads refusals of any text and any shape', () => {
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

/** The same value with one of its nodes, the one at the share `at` of them all, replaced. */
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
