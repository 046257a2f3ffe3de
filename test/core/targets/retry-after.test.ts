/** Waits are parsed in the forms that providers send, and in no other. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { parseDuration, retryAfterMs } from '../../../gateway/core/targets/retry-after.ts';
import { longTimeout, runs } from '../../runs.ts';

vi.setConfig({ testTimeout: longTimeout });
const { numRuns } = runs(2_000, 50_000);
const date = 'Wed, 21 Oct 2026 07:28:00 GMT';

describe('Recorded forms', () => {
  test.each([
    ['17', 17_000],
    ['1', 1_000],
    ['0', 0],
    ['17.379', 17_379],
    [' 20 ', 20_000],
    ['2ms', 2],
    ['0s', 0],
    ['6s', 6_000],
    ['17.379s', 17_379],
    ['20m52.666s', 1_252_666],
    ['6m0s', 360_000],
    ['1m11.339s', 71_339],
    ['83h10m39.057s', 299_439_057],
    ['224.999999ms', 224.999999],
    ['1h35m2.4s', 5_702_400],
    ['45.837906927s', 45_837.906927],
    ['58s', 58_000],
    ['500us', 0.5],
    ['500µs', 0.5],
    ['500μs', 0.5],
    ['1000000ns', 1],
  ])('%s', (text, ms) => {
    expect(retryAfterMs({ 'retry-after': text })).toBeCloseTo(ms, 6);
    expect(retryAfterMs({}, text)).toBeCloseTo(ms, 6);
  });

  test('milliseconds have their own headers', () => {
    expect(retryAfterMs({ 'retry-after-ms': '43' })).toBe(43);
    expect(retryAfterMs({ 'x-ms-retry-after-ms': '43.5' })).toBe(43.5);
  });

  test("a date is relative to the response's own date", () => {
    expect(retryAfterMs({ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT', date })).toBe(30_000);
    expect(retryAfterMs({ 'retry-after': 'Wed, 21 Oct 2026 07:27:30 GMT', date })).toBe(0);
    expect(retryAfterMs({ 'retry-after': '2026-10-21T07:28:10Z', date })).toBe(10_000);
    expect(retryAfterMs({ 'retry-after': '2026-10-21T09:28:10.5+02:00', date })).toBe(10_500);
    expect(retryAfterMs({ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT' })).toBeUndefined();
    expect(retryAfterMs({ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT', date: 'yesterday' })).toBeUndefined();
  });

  test('the most exact header wins, and the body comes last', () => {
    expect(retryAfterMs({ 'retry-after': '1', 'retry-after-ms': '0' }, '5s')).toBe(0);
    expect(retryAfterMs({ 'retry-after': '1', 'x-ms-retry-after-ms': '700' }, '5s')).toBe(700);
    expect(retryAfterMs({ 'retry-after': '1' }, '5s')).toBe(1_000);
    expect(retryAfterMs({ 'retry-after': 'soon', 'retry-after-ms': '-1' }, '5s')).toBe(5_000);
    expect(retryAfterMs({})).toBeUndefined();
  });
});

describe('Any other form counts as absent', () => {
  test.each([
    '',
    ' ',
    '-1',
    '+1',
    '1e3',
    '0x10',
    'Infinity',
    'NaN',
    '1,5',
    '1, 2',
    '1 2',
    '.5',
    '5.',
    '١٢',
    'soon',
    'try again in 5s',
    '5 s',
    '5sec',
    's5',
    '5s,',
    '-5s',
    '1d',
    '5m-3s',
    'Wed Oct 21 2026',
    'Wednesday, 21-Oct-26 07:28:00 GMT',
    'Wed, 21 Oct 2026 07:28:00 CET',
    'Wed, 41 Oct 2026 07:28:00 GMT',
    '2026-10-21',
    '2026-10-21T07:28:00',
    '1761031680000 ms',
    `${'9'.repeat(65)}`,
    `${'1s'.repeat(40)}`,
  ])('%j', text => {
    expect(retryAfterMs({ 'retry-after': text, 'retry-after-ms': text.replace(/^$/, 'x'), date })).toBeUndefined();
    expect(parseDuration(text)).toBeUndefined();
  });

  test('any text gives a finite wait of at least 0, or none', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.hmsuµn -+e'), maxLength: 80 }));
    fc.assert(
      fc.property(text, text, text, (first, second, hint) => {
        const wait = retryAfterMs({ 'retry-after': first, 'retry-after-ms': second, date }, hint);
        if (wait === undefined) return;
        expect(Number.isFinite(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
      }),
      { numRuns },
    );
  });

  test('a long text is cheap', () => {
    const start = performance.now();
    expect(parseDuration(`${'1h'.repeat(1_000_000)}x`)).toBeUndefined();
    expect(parseDuration(`${'1'.repeat(1_000_000)}s`)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(200);
  });
});
