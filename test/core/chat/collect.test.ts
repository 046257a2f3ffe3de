/** Streaming and non-streaming responses have the same content. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../../gateway/core/chat/chat.ts';
import { collectResponse, eventsOf } from '../../../gateway/core/chat/collect.ts';
import { anyResponse } from './chat-arbitraries.ts';

const numRuns = process.env.HINDCAST_LONG ? 20_000 : 500;
const start: StreamEvent = { type: 'response-start', id: 'r', model: 'm' };
const text = (text: string, choice = 0): StreamEvent => ({ type: 'text-delta', choice, text });

describe('collectResponse and eventsOf', () => {
  test('a response that is split and collected equals the response', () => {
    fc.assert(
      fc.property(anyResponse, response => {
        expect(collectResponse(eventsOf(response))).toEqual(response);
      }),
      { numRuns },
    );
  });

  test('the size of the deltas does not matter', () => {
    fc.assert(
      fc.property(anyResponse, fc.integer({ min: 1, max: 5 }), (response, length) => {
        expect(collectResponse(eventsOf(response).flatMap(event => inPieces(event, length)))).toEqual(response);
      }),
      { numRuns },
    );
  });

  test('the interleaving of choices does not matter', () => {
    fc.assert(
      fc.property(anyResponse, fc.infiniteStream(fc.nat()), (response, dice) => {
        const [first, ...events] = eventsOf(response);
        const lanes = Map.groupBy(events, event => ('choice' in event ? event.choice : -1));
        const shuffled: StreamEvent[] = [];
        for (let left = [...lanes.values()]; left.length > 0; left = left.filter(lane => lane.length > 0)) {
          shuffled.push(left[dice.next().value % left.length]!.shift()!);
        }
        expect(collectResponse([first!, ...shuffled])).toEqual(response);
      }),
      { numRuns },
    );
  });
});

describe('collectResponse', () => {
  test('returns a cut response without inventing a finish reason', () => {
    expect(collectResponse([start, text('Hel')])).toEqual({
      id: 'r',
      model: 'm',
      choices: [{ index: 0, content: [{ type: 'text', text: 'Hel' }], finish: { reason: 'other', raw: '' } }],
    });
  });

  test('returns the failure that an event reports, whatever came before', () => {
    const failure = { kind: 'overloaded', message: 'busy' } as const;
    expect(collectResponse([start, text('Hel'), { type: 'failure', failure }, text('lo')])).toBe(failure);
  });

  test('fails without a response-start event', () => {
    expect(collectResponse([])).toEqual({ kind: 'invalid-response', message: 'the response never started' });
    expect(collectResponse([text('Hel')])).toMatchObject({ kind: 'invalid-response' });
  });

  test('takes the last usage, because each is cumulative', () => {
    const counts = { cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' } as const;
    const events: StreamEvent[] = [
      start,
      { type: 'usage', usage: { input: 1, output: 1, ...counts } },
      { type: 'usage', usage: { input: 9, output: 3, ...counts } },
    ];
    expect(collectResponse(events)).toMatchObject({ usage: { input: 9, output: 3 } });
  });

  test('ignores arguments of a tool call that never started', () => {
    expect(collectResponse([start, { type: 'tool-call-delta', choice: 0, index: 4, arguments: '{}' }])).toMatchObject({
      choices: [{ content: [] }],
    });
  });

  test('separates texts around a tool call and joins interleaved arguments', () => {
    const called = (index: number, name: string): StreamEvent => ({ type: 'tool-call-start', choice: 0, index, id: name, name });
    const delta = (index: number, text: string): StreamEvent => ({ type: 'tool-call-delta', choice: 0, index, arguments: text });
    const events = [
      start,
      text('a'),
      called(0, 'x'),
      called(1, 'y'),
      delta(0, '{'),
      delta(1, '['),
      delta(0, '}'),
      delta(1, ']'),
      text('b'),
      text('c'),
    ];
    expect(collectResponse(events)).toMatchObject({
      choices: [
        {
          content: [
            { type: 'text', text: 'a' },
            { type: 'tool-call', id: 'x', arguments: '{}' },
            { type: 'tool-call', id: 'y', arguments: '[]' },
            { type: 'text', text: 'bc' },
          ],
        },
      ],
    });
  });

  test('a signature ends its reasoning part, and one without reasoning gets its own part', () => {
    const thought = (text: string): StreamEvent => ({ type: 'reasoning-delta', choice: 0, text });
    const signature: StreamEvent = { type: 'reasoning-signature', choice: 0, signature: 's' };
    expect(collectResponse([start, thought('a'), signature, thought('b'), text('c'), signature])).toMatchObject({
      choices: [
        {
          content: [
            { type: 'reasoning', text: 'a', signature: 's' },
            { type: 'reasoning', text: 'b' },
            { type: 'text', text: 'c' },
            { type: 'reasoning', text: '', signature: 's' },
          ],
        },
      ],
    });
  });
});

/** Deltas of at most `length` characters that together equal the event. */
function inPieces(event: StreamEvent, length: number): readonly StreamEvent[] {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return cut(event.text, length).map(text => ({ ...event, text }));
    case 'tool-call-delta':
      return cut(event.arguments, length).map(text => ({ ...event, arguments: text }));
    case 'logprobs':
      return event.tokens.map(token => ({ ...event, tokens: [token] }));
    default:
      return [event];
  }
}

const cut = (text: string, length: number): readonly string[] =>
  Array.from({ length: Math.ceil(text.length / length) }, (_, at) => text.slice(at * length, (at + 1) * length));
