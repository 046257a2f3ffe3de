/** The loss report: for each field of a request, whether it went exactly, nearly, or not at all. */
import { expect, test } from 'vitest';
import { altered, approximated, dropped } from '../../../gateway/core/chat/provider.ts';
import { fidelityOf, rejectedWarnings, withCallerFieldNames } from '../../../gateway/core/chat/request-loss.ts';

const warnings = [
  dropped('seed', 'Nothing like it.'),
  approximated('max_tokens', 'A limit is demanded.'),
  altered('messages[2].content[0]', 'Moved.'),
];

test('every field of the caller is in the report, exact where no warning is about it', () => {
  const report = fidelityOf(['model', 'messages', 'seed', 'temperature'], warnings);
  expect(report.map(({ field, fidelity }) => `${fidelity} ${field}`)).toEqual([
    'exact model',
    'exact temperature',
    'dropped seed',
    'approximated max_tokens',
    'approximated messages[2].content[0]',
  ]);
});

test('what is left out or comes to mean something else is refused, and what only is said in another way is not', () => {
  expect(rejectedWarnings(warnings).map(({ field }) => field)).toEqual(['seed', 'messages[2].content[0]']);
});

test("a caller of another dialect reads its own names, in its fields' inner places, too", () => {
  const names = { max_tokens: 'maxOutputTokens', messages: 'contents' };
  expect(withCallerFieldNames(warnings, names).map(({ field }) => field)).toEqual(['seed', 'maxOutputTokens', 'contents[2].content[0]']);
  expect(withCallerFieldNames(warnings, undefined)).toBe(warnings);
});
