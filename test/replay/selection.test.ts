/** The meaning of the selection flags. */
import { describe, expect, test } from 'vitest';
import { CommandError } from '../../gateway/cli/command.ts';
import { parseTime, selectionOf } from '../../replay/recorded/selection.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

describe('times', () => {
  test.each([
    ['30m', '2026-03-01T11:30:00Z'],
    ['1h', '2026-03-01T11:00:00Z'],
    ['7d', '2026-02-22T12:00:00Z'],
    ['1.5h', '2026-03-01T10:30:00Z'],
    ['2026-02-28', '2026-02-28T00:00:00Z'],
    ['2026-02-28T06:00', '2026-02-28T06:00:00Z'],
    ['2026-02-28 06:00:30', '2026-02-28T06:00:30Z'],
    ['2026-02-28T06:00:00+02:00', '2026-02-28T04:00:00Z'],
  ])('%s is %s', (text, expected) => {
    expect(new Date(parseTime(text, '--since', now)).toISOString()).toBe(new Date(expected).toISOString());
  });

  test.each(['', 'yesterday', '1y', '-1h', '2026-13-01', '1'])('%j is rejected with the valid formats', text => {
    expect(() => parseTime(text, '--since', now)).toThrow(/--since .*30m, 1h, 7d/);
  });
});

test('a selection has exactly the given conditions', () => {
  expect(selectionOf({ since: '1h', route: 'chat', tag: ['feature=search', 'x=a=b'], limit: '10' }, now)).toEqual({
    since: now - 3_600_000,
    route: 'chat',
    tags: { feature: 'search', x: 'a=b' },
    limit: 10,
    stratify: [],
    excludeRedacted: false,
  });
});

test.each(['0', '-1', '1.5', 'many'])('--limit %s is rejected', limit => {
  expect(() => selectionOf({ limit }, now)).toThrow(CommandError);
});

test('a tag without a value is rejected', () => {
  expect(() => selectionOf({ tag: ['feature'], limit: '1' }, now)).toThrow(/name=value/);
});
