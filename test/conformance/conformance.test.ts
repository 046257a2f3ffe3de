/**
 * Every recorded row is parsed as the reference parser does, and every error response has its kind. `npm run conformance` prints the table.
 */
import { describe, expect, test } from 'vitest';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import type { FailureKind } from '../../gateway/core/shared/failure.ts';
import { providers } from '../../gateway/providers/index.ts';
import { parseRechunked } from '../providers/rechunk.ts';
import { recordedRows, recording, unlessRecorded } from '../recordings.ts';
import { endpoints, exceptions } from './exceptions.ts';
import { formatScores } from './print.ts';
import { files, type Score, scoreOf } from './score.ts';

const scores = new Map<string, Score>();
const scored = (file: string): Score => {
  const known = scores.get(file) ?? scoreOf(file);
  scores.set(file, known);
  return known;
};

describe.skipIf(!recording('wire'))(`recorded traffic${unlessRecorded('wire')}`, () => {
  test.each(files)('of %s is parsed equally by provider and reference parser, apart from the listed exceptions', file => {
    expect(scored(file).wrong).toEqual([]);
  });

  test('is an exception only where the results still differ', () => {
    const excepted = files.flatMap(file => scored(file).excepted.map(({ id }) => id));
    expect(Object.keys(exceptions).toSorted()).toEqual(excepted.toSorted());
  });

  test('of other endpoints has a reason', () => {
    const apis = files.flatMap(file => [...scored(file).elsewhere.keys()]);
    expect([...new Set(apis)].filter(api => !Object.hasOwn(endpoints, api))).toEqual([]);
  });

  test('gives a table with a line for each provider', () => {
    const lines = formatScores(files.map(scored)).split('\n');
    expect(lines.slice(1, files.length + 1).map(line => line.split(' ')[0])).toEqual([...files]);
  });
});

interface Shape {
  readonly provider: string;
  readonly status: number;
  readonly framing: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly note: string;
}

const shapes = 'wire/reported_error_shapes.ndjson';
describe.skipIf(!recording(shapes))(`publicly reported errors${unlessRecorded(shapes)}`, () => {
  /** In the order of the file. */
  const kinds: readonly (FailureKind | 'several')[] = [
    ...([
      'overloaded',
      'overloaded',
      'rate-limited',
      'rate-limited',
      'rate-limited',
      'rate-limited',
      'overloaded',
      'content-filtered',
    ] as const),
    ...([
      'rate-limited',
      'several',
      'quota-exceeded',
      'truncated',
      'server-error',
      'overloaded',
      'truncated',
      'server-error',
      'truncated',
    ] as const),
  ];
  const rows = recordedRows<Shape>(shapes);
  const openAt = { deepseek: providers.deepseek, openai: providers['openai-responses'] } as Readonly<Record<string, Provider>>;
  const firstChunk = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n';

  test('are complete', () => expect(rows.length).toBe(kinds.length));

  test.each(rows.map((row, at) => [row.provider, row.note, row, kinds[at]!] as const))('%s: %s', (_, __, row, kind) => {
    const provider = providers[row.provider] ?? providers.openai!;
    const body = typeof row.body === 'string' ? row.body : row.body === null ? '' : JSON.stringify(row.body);
    if (row.framing === 'http') {
      expect(provider.parseFailure(row.status, row.headers, body).kind).toBe(kind);
    } else if (kind === 'several') {
      // Exceptions inside a binary stream, by name.
      const named = [
        'modelStreamErrorException',
        'internalServerException',
        'serviceUnavailableException',
        'throttlingException',
        'validationException',
      ];
      const events = named.map(name => provider.parseStream().parse({ event: `exception/${name}`, data: '{"message":"x"}' })[0]);
      expect(events.map(event => event?.type === 'failure' && event.failure.kind)).toEqual([
        ...(['server-error', 'server-error', 'overloaded', 'rate-limited', 'invalid-request'] as const),
      ]);
    } else if (body.startsWith('<')) {
      // The connection closes before the end marker.
      const cut = openAt[row.provider] ?? provider;
      const text = cut.wire === 'openai-chat' ? firstChunk : 'data: {"type":"response.created","response":{"id":"r","model":"m"}}\n\n';
      expect(parseRechunked(cut, text, [])).toMatchObject({ kind });
    } else {
      const framed = row.framing === 'ndjson' ? `data: ${body.trim()}\n\n` : body;
      expect(parseRechunked(provider, framed, [])).toMatchObject({ kind });
    }
  });
});
