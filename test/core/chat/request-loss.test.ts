/** Request fidelity: whether each field was sent exactly, approximated or dropped. */
import { expect, test } from 'vitest';
import { altered, approximated, dropped } from '../../../gateway/core/chat/provider.ts';
import { fidelityOf, rejectedWarnings, withCallerFieldNames } from '../../../gateway/core/chat/request-loss.ts';

const warnings = [
  dropped('seed', 'Nothing like it.'),
  approximated('max_tokens', 'A limit is demanded.'),
  altered('messages[2].content[0]', 'Moved.'),
];

test('every field of the caller is reported, as exact unless a warning names it', () => {
  const report = fidelityOf(['model', 'messages', 'seed', 'temperature'], warnings);
  expect(report.map(({ field, fidelity }) => `${fidelity} ${field}`)).toEqual([
    'exact model',
    'exact temperature',
    'dropped seed',
    'approximated max_tokens',
    'approximated messages[2].content[0]',
  ]);
});

test('dropped fields and altered approximations are refused; equivalent approximations are not', () => {
  expect(rejectedWarnings(warnings).map(({ field }) => field)).toEqual(['seed', 'messages[2].content[0]']);
});

test("warnings carry the caller's own field names, in nested paths too", () => {
  const names = { max_tokens: 'maxOutputTokens', messages: 'contents' };
  expect(withCallerFieldNames(warnings, names).map(({ field }) => field)).toEqual(['seed', 'maxOutputTokens', 'contents[2].content[0]']);
  expect(withCallerFieldNames(warnings, undefined)).toBe(warnings);
});
