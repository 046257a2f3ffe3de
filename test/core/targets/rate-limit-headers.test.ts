/** Rate-limit headers of providers, as recorded; unknown forms give nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exhaustedMs, rateLimitsOf } from '../../../gateway/core/targets/rate-limit-headers.ts';
import { isRetryAfterUnreadable } from '../../../gateway/core/targets/retry-after.ts';

const date = 'Mon, 23 Jun 2025 10:26:00 GMT';

describe('Recorded rate-limit headers', () => {
  test('OpenAI, Groq: a duration for each dimension', () => {
    expect(
      rateLimitsOf({
        'x-ratelimit-limit-requests': '200',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '20m52.666s',
        'x-ratelimit-limit-tokens': '150000000',
        'x-ratelimit-remaining-tokens': '149999000',
        'x-ratelimit-reset-tokens': '26ms',
      }),
    ).toEqual({
      requests: { limit: 200, remaining: 0, resetMs: 1_252_666 },
      tokens: { limit: 150_000_000, remaining: 149_999_000, resetMs: 26 },
    });
  });

  test('Azure: a reset without a unit is ignored', () => {
    const headers = { 'x-ratelimit-limit-requests': '500', 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '500' };
    expect(rateLimitsOf(headers)).toEqual({ requests: { limit: 500, remaining: 0 } });
    expect(exhaustedMs(headers)).toBeUndefined();
  });

  test('Anthropic: instants, relative to the response’s own date; the tightest kind of tokens counts', () => {
    const headers = {
      date,
      'anthropic-ratelimit-requests-limit': '4000',
      'anthropic-ratelimit-requests-remaining': '3999',
      'anthropic-ratelimit-requests-reset': '2025-06-23T10:26:53Z',
      'anthropic-ratelimit-input-tokens-limit': '400000',
      'anthropic-ratelimit-input-tokens-remaining': '400000',
      'anthropic-ratelimit-output-tokens-limit': '80000',
      'anthropic-ratelimit-output-tokens-remaining': '0',
      'anthropic-ratelimit-output-tokens-reset': '2025-06-23T10:26:30Z',
    };
    expect(rateLimitsOf(headers)).toEqual({
      requests: { limit: 4000, remaining: 3999, resetMs: 53_000 },
      tokens: { limit: 80_000, remaining: 0, resetMs: 30_000 },
    });
    expect(exhaustedMs(headers)).toBe(30_000);
  });

  test('Anthropic’s plans: seconds since the epoch, when rejected', () => {
    const reset = String(Date.parse(date) / 1000 + 90);
    expect(exhaustedMs({ date, 'anthropic-ratelimit-unified-status': 'rejected', 'anthropic-ratelimit-unified-reset': reset })).toBe(
      90_000,
    );
    expect(
      exhaustedMs({ date, 'anthropic-ratelimit-unified-status': 'allowed', 'anthropic-ratelimit-unified-reset': reset }),
    ).toBeUndefined();
  });

  test('Mistral: the window is part of the name', () => {
    expect(
      rateLimitsOf({
        'x-ratelimit-limit-req-10-second': '60',
        'x-ratelimit-remaining-req-10-second': '45',
        'x-ratelimit-limit-tokens-minute': '2000000',
        'x-ratelimit-remaining-tokens-minute': '1000000',
        'x-ratelimit-limit-tokens-month': '10000000000',
      }),
    ).toEqual({
      requests: { limit: 60, remaining: 45, resetMs: 2_500 },
      tokens: { limit: 2_000_000, remaining: 1_000_000, resetMs: 30_000 },
    });
  });

  test('Together, Replicate: names without a dimension, and seconds', () => {
    expect(rateLimitsOf({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '2' })).toEqual({
      requests: { limit: 2, remaining: 0, resetMs: 2_000 },
    });
    expect(rateLimitsOf({ 'ratelimit-remaining': '599', 'ratelimit-reset': '1' })).toEqual({
      requests: { remaining: 599, resetMs: 1_000 },
    });
  });

  test('IETF: structured fields', () => {
    expect(rateLimitsOf({ ratelimit: '"api";r=999;t=295', 'ratelimit-policy': '"fixed window";"api";q=1000;w=300' })).toEqual({
      requests: { limit: 1000, remaining: 999, resetMs: 295_000 },
    });
    expect(exhaustedMs({ ratelimit: '"api";r=0;t=295' })).toBe(295_000);
    expect(rateLimitsOf({ ratelimit: '"a";r=1;t=2, "b";r=3;t=4' })).toBeUndefined();
  });

  test.each(['-1', '1e3', 'Infinity', '', ' ', '1, 2', '0x10', '9'.repeat(40)])('%j is not a count', value => {
    expect(rateLimitsOf({ 'x-ratelimit-limit-requests': value, 'x-ratelimit-remaining-requests': value })).toBeUndefined();
  });

  test('any text gives finite numbers of at least 0, or none', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789.hmsrt;="-+e'), maxLength: 60 });
    fc.assert(
      fc.property(text, text, text, (limit, remaining, reset) => {
        const seen = rateLimitsOf({
          'x-ratelimit-limit-tokens': limit,
          'x-ratelimit-remaining-tokens': remaining,
          'x-ratelimit-reset-tokens': reset,
          ratelimit: reset,
        });
        for (const dimension of Object.values(seen ?? {})) {
          for (const value of Object.values(dimension)) expect(Number.isFinite(value) && (value as number) >= 0).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

test('a wait in an unknown form is detected', () => {
  expect(isRetryAfterUnreadable({ 'retry-after': 'soon' })).toBe(true);
  expect(isRetryAfterUnreadable({ 'retry-after': 'soon', 'retry-after-ms': '5' })).toBe(false);
  expect(isRetryAfterUnreadable({})).toBe(false);
});
