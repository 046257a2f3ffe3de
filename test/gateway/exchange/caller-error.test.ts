import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FailureKind } from '../../../gateway/core/shared/failure.ts';
import { callerErrorOf, retryHeaders, sanitise } from '../../../gateway/exchange/response/caller-error.ts';
import { Secret } from '../../../gateway/settings/secret.ts';
import { redactor } from '../../../gateway/transport/redact.ts';
import { runs } from '../../runs.ts';

describe('the error response to a caller', () => {
  test.each([
    ['see https://api.example.com/v1/x?key=1 for more', 'see [url] for more'],
    ['host llm-7.prod.internal refused', 'host [host] refused'],
    ['Incorrect API key provided: sk-proj-abcdefgh12345678', 'Incorrect API key provided: [key]'],
    ['token eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9 expired', 'token [token] expired'],
    ['at /srv/app/handlers/chat.py line 3', 'at [path] line 3'],
    ['heap 0x7ffdeadbeef00 is corrupt', 'heap [address] is corrupt'],
    ['a\r\nset-cookie: x\u0000\u0085', 'a set-cookie: x '],
  ])('%s', (sent, reported) => expect(sanitise(sent)).toBe(reported));

  test('is short and free of control characters, whatever the provider sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), message => {
        const reported = callerErrorOf({ kind: 'invalid-request', message }).message;
        expect(reported.length).toBeLessThanOrEqual(500);
        expect(reported).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
      runs(500),
    );
  });

  test('is linear in the length of hostile text', () => {
    for (const hostile of ['a.'.repeat(50_000), '/a'.repeat(50_000), 'a-'.repeat(50_000), '0x'.repeat(50_000)]) {
      const before = performance.now();
      sanitise(hostile);
      expect(performance.now() - before).toBeLessThan(1_000);
    }
  });

  test('is only our own words when the fault is not the caller’s', () => {
    for (const kind of ['server-error', 'unreachable', 'authentication', 'internal', 'timeout'] satisfies FailureKind[]) {
      expect(JSON.stringify(callerErrorOf({ kind, message: 'SECRET-DETAIL' }))).not.toContain('SECRET-DETAIL');
    }
  });

  test('about waiting is a whole number of seconds from 1 to 30, and the same for the same request', () => {
    fc.assert(
      fc.property(fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined }), fc.uuid(), (requested, seed) => {
        const failure = { kind: 'rate-limited', message: '', ...(requested === undefined ? {} : { retryAfterMs: requested }) } as const;
        const headers = retryHeaders(failure, seed);
        expect(headers['retry-after']).toMatch(/^([1-9]|[12]\d|30)$/);
        expect(headers['x-should-retry']).toBe('false');
        expect(retryHeaders(failure, seed)).toEqual(headers);
      }),
      runs(500),
    );
    expect(retryHeaders({ kind: 'invalid-request', message: '' }, 'x')).toEqual({});
  });
});

describe('a secret', () => {
  const secret = new Secret('sk-very-SECRET');

  test('does not show itself when printed', () => {
    expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).toBe('[secret] {"secret":"[secret]"} { secret: [secret] }');
    expect(secret.fingerprint).toMatch(/^[0-9a-f]{8}$/);
    expect(Object.values(secret)).not.toContain('sk-very-SECRET');
  });

  test('is taken out of failures, and out of bytes without changing their number', () => {
    const { failure, bytes } = redactor(secret);
    expect(failure({ kind: 'server-error', message: 'a sk-very-SECRET b', code: 'sk-very-SECRET', param: 'sk-very-SECRET' })).toEqual({
      kind: 'server-error',
      message: 'a [secret] b',
      code: '[secret]',
      param: '[secret]',
    });
    const echoed = Buffer.from('é sk-very-SECRETsk-very-SECRET é');
    expect(bytes(echoed).toString()).toBe('é **************************** é');
    expect(echoed.toString()).toContain('SECRET');
    const innocent = Buffer.from('nothing here');
    expect(bytes(innocent)).toBe(innocent);
  });

  test('is taken out of a stream however it is cut, and nothing is held back for long', () => {
    const sent = 'é sk-very-SECRET and sk-very, sk-verysk-very-SECRET s';
    const complete = Buffer.from(sent);
    fc.assert(
      fc.property(fc.array(fc.nat(complete.length), { maxLength: 12 }), cuts => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), complete.length];
        const stream = redactor(secret).stream();
        const parts = places.slice(1).map((to, i) => Buffer.from(stream.chunk(complete.subarray(places[i], to))));
        expect(Buffer.concat([...parts, stream.end()]).toString()).toBe(sent.replaceAll('sk-very-SECRET', '**************'));
      }),
      runs(200),
    );
  });

  test('of several parts is taken out by each', () => {
    const { bytes } = redactor(new Secret('AKIA0123456789ABCDEF:abcdefghijklmnopqrst'));
    expect(bytes(Buffer.from('x AKIA0123456789ABCDEF y')).toString()).toBe('x ******************** y');
  });

  test('that is only a placeholder is left alone', () => {
    expect(redactor(new Secret('none')).bytes(Buffer.from('none of it')).toString()).toBe('none of it');
    expect(redactor(undefined).failure({ kind: 'timeout', message: 'x' })).toEqual({ kind: 'timeout', message: 'x' });
  });
});
