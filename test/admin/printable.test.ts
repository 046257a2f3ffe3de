/** Nothing that came from outside acts on a terminal. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExchangeDetail } from '../../gateway/admin/api/exchanges.ts';
import { summaryOf } from '../../gateway/admin/live/summary.ts';
import { exchangeText } from '../../gateway/cli/admin/show.ts';
import { exchangeLine } from '../../gateway/cli/admin/tail.ts';
import { printable, printableJson, printableLine } from '../../gateway/cli/printable.ts';
import { plainExchange } from '../recorder/plain-exchange.ts';
import { runs } from '../runs.ts';

const hostile = [
  '\u001b]0;title\u0007',
  '\u001b[2J',
  '\u001b]52;c;aGk=\u0007',
  '\u202etxt.exe',
  '\u009b31m',
  'a\rb',
  'a\bb',
  '\u0000',
  '\u2066',
  '\ufeff',
  '\ud800',
];
const acts = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])/;

test('escapes, marks of direction and invisible characters are shown instead of sent', () => {
  for (const text of hostile) expect(printable(text), JSON.stringify(text)).not.toMatch(acts);
  expect(printable('\u001b[31mred')).toBe('␛[31mred');
  expect(printable('\u202eabc')).toBe('\\u{202e}abc');
  expect(printableLine('a\nb\tc')).toBe('a␊b␉c');
});

test('what people write stays as it is: lines, tabs, accents, other scripts and emojis', () => {
  for (const text of ['a\nb\tc', 'Zoë', 'שלום', '日本語', '👩‍💻 ✌️ 🏳️‍🌈', 'e\u0301']) expect(printable(text)).toBe(text);
});

test('no text at all acts on a terminal, and JSON means the same', () => {
  const text = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostile))).map(parts => parts.join(''));
  fc.assert(
    fc.property(text, any => {
      expect(printable(any)).not.toMatch(acts);
      const json = printableJson(JSON.stringify({ any }));
      expect(json).not.toMatch(acts);
      expect(JSON.parse(json)).toEqual({ any });
    }),
    runs(100),
  );
});

test('tail and show print hostile names of models, tags and messages harmlessly, one line for each exchange', () => {
  const evil = hostile.join('\n');
  const summary = { ...summaryOf(plainExchange()), route: evil, model: evil, provider: evil, tags: { [evil]: evil } };
  expect(exchangeLine(summary)).not.toMatch(acts);
  expect(exchangeLine(summary)).not.toContain('\n');
  const attempt = {
    number: 1,
    target: evil,
    kind: 'primary',
    reason: evil,
    outcome: evil,
    error_type: evil,
    error_message: evil,
    started_ms: 0,
    ttfb_ms: null,
    ttft_ms: null,
    duration_ms: 5,
    confidence: null,
    cost_usd: null,
    accepted: false,
  };
  const detail = {
    ...summary,
    error_message: evil,
    error_type: evil,
    warnings: [evil],
    scores: [{ name: evil, value: 1, source: 'human', evaluator: evil }],
    attempt_list: [attempt],
  };
  const rest = { response_model: evil, queued_ms: 0, held_ms: 0, overhead_us: 0, usage_source: 'none', config_hash: evil, trace_id: evil };
  expect(exchangeText({ ...detail, ...rest } as unknown as ExchangeDetail)).not.toMatch(acts);
});
