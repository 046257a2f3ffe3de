/** Texts in the console: questions and answers of every format as turns, strangers' characters as marks. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, usd } from '../../dashboards/console/text/format.ts';
import { answerText, answerTurns } from '../../dashboards/console/text/turns/answer.ts';
import { questionTurns } from '../../dashboards/console/text/turns/question.ts';
import { head, visible } from '../../dashboards/console/text/visible.ts';

const sse = (...events: readonly object[]): string =>
  events.map(event => `data: ${JSON.stringify(event)}\n\n`).join('') + 'data: [DONE]\n\n';

describe('an answer', () => {
  const said = [{ role: 'assistant', parts: [{ type: 'text', text: 'Hello there' }] }];

  test.each([
    ['a chat completion', JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'Hello there' } }] })],
    [
      'a streamed chat completion',
      sse(
        { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
        { choices: [{ index: 0, delta: { content: 'Hello ' } }] },
        { choices: [{ index: 0, delta: { content: 'there' } }] },
      ),
    ],
    ['a message', JSON.stringify({ type: 'message', role: 'assistant', content: [{ type: 'text', text: 'Hello there' }] })],
    [
      'a streamed message',
      sse(
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello ' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'there' } },
      ),
    ],
    [
      'a response',
      JSON.stringify({ output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello there' }] }] }),
    ],
    [
      'a streamed response',
      sse(
        { type: 'response.output_text.delta', output_index: 0, item_id: 'm', delta: 'Hello ' },
        { type: 'response.output_text.delta', output_index: 0, item_id: 'm', delta: 'there' },
      ),
    ],
    ['generated content', JSON.stringify({ candidates: [{ content: { role: 'model', parts: [{ text: 'Hello there' }] } }] })],
    [
      'streamed content',
      sse(
        { candidates: [{ index: 0, content: { parts: [{ text: 'Hello ' }] } }] },
        { candidates: [{ index: 0, content: { parts: [{ text: 'there' }] } }] },
      ),
    ],
    ['a completion', JSON.stringify({ choices: [{ text: 'Hello there' }] })],
  ])('is read out of %s', (_, body) => {
    expect(answerTurns(body)).toEqual(said);
    expect(answerText(body)).toBe('Hello there');
  });

  test.each([
    [
      'a chat completion',
      sse(
        { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'c1', function: { name: 'find', arguments: '{"a"' } }] } }] },
        { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] } }] },
      ),
    ],
    [
      'a message',
      sse(
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 'c1', name: 'find' } },
        { type: 'content_block_delta', index: 0, delta: { partial_json: '{"a"' } },
        { type: 'content_block_delta', index: 0, delta: { partial_json: ':1}' } },
      ),
    ],
    [
      'a response',
      sse(
        { type: 'response.output_item.added', output_index: 0, item: { type: 'function_call', call_id: 'c1', name: 'find' } },
        { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a":1}' },
      ),
    ],
  ])('keeps the calls that %s streams', (_, body) => {
    expect(answerTurns(body)).toEqual([{ role: 'assistant', parts: [{ type: 'call', name: 'find', id: 'c1', input: '{"a":1}' }] }]);
  });

  test('of no known form is no turn, whatever it is', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), body => void answerTurns(body)));
    expect(answerTurns('<html>')).toEqual([]);
    expect(answerText('<html>')).toBe('<html>');
  });
});

describe('a question', () => {
  test.each([
    [
      'chat',
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
        ],
      },
    ],
    ['messages', { system: 'Be brief.', messages: [{ role: 'user', content: 'Hi' }] }],
    ['responses', { instructions: 'Be brief.', input: 'Hi' }],
    ['responses with items', { instructions: 'Be brief.', input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }] }],
    ['generateContent', { systemInstruction: { parts: [{ text: 'Be brief.' }] }, contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }],
  ])('is read out of the format %s', (_, body) => {
    expect(questionTurns(JSON.stringify(body))).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'user', parts: [{ type: 'text', text: 'Hi' }] },
    ]);
  });

  test('tells of an image what it is, not its bytes', () => {
    const body = {
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(5_000)}` } }] }],
    };
    const [turn] = questionTurns(JSON.stringify(body));
    expect(turn!.parts[0]!.type).toBe('other');
    expect(JSON.stringify(turn).length).toBeLessThan(400);
  });

  test('is [] for whatever is none', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), body => void questionTurns(body)));
  });
});

describe('a visible text', () => {
  test('holds no control character, no mark of direction and no half of a pair; the rest stays as it is', () => {
    const pieces = fc.constantFrom(
      '\u001b',
      '\u202e',
      '\u0000',
      '\u200f',
      '\ud800',
      '\udc00',
      '\u2066',
      '\ufeff',
      '\u{e0001}',
      '\n',
      '\t',
      'é',
      '🦊',
      'word',
    );
    const nasty = fc.array(pieces, { maxLength: 40 }).map(parts => parts.join(''));
    fc.assert(
      fc.property(nasty, text => {
        const shown = visible(text);
        const all = shown.map(piece => piece.text).join('');
        expect(all).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
        expect(all.isWellFormed()).toBe(true);
      }),
    );
    expect(visible('plain\ttext\n')).toEqual([{ text: 'plain\ttext\n', isMark: false }]);
    expect(visible('a\u001b[1m')).toEqual([
      { text: 'a', isMark: false },
      { text: 'ESC', isMark: true },
      { text: '[1m', isMark: false },
    ]);
  });

  test('is cut between characters', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '🦊', 'e\u0301', '中')).map(parts => parts.join('')),
        fc.nat(20),
        (text, length) => {
          expect(head(text, length).isWellFormed()).toBe(true);
          expect(text.startsWith(head(text, length))).toBe(true);
        },
      ),
    );
  });
});

test('a cost that is not known is no zero, and a small one keeps two digits', () => {
  expect([usd(null), usd(0), usd(0.0000159), usd(0.0042), usd(0.123), usd(12.5), usd(1234.5)]).toEqual([
    'unknown',
    '$0',
    '$0.000016',
    '$0.0042',
    '$0.123',
    '$12.50',
    '$1,235',
  ]);
});

test('a duration has a unit that fits', () => {
  expect([duration(null), duration(12.4), duration(1_250), duration(61_000)]).toEqual(['–', '12 ms', '1.25 s', '1 min 1 s']);
});
