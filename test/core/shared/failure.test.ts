/** Every failure kind has a public message and a retry rule. */
import { describe, expect, test } from 'vitest';
import {
  type Failure,
  type FailureKind,
  isKeyFault,
  isTargetFault,
  publicErrorOf,
  retryScopeOf,
} from '../../../gateway/core/shared/failure.ts';

/** The retry scope, whether the target is at fault, and the status that callers see. */
const kinds: Readonly<Record<FailureKind, readonly [retry: string, blames: boolean, status: number]>> = {
  unreachable: ['same', true, 502],
  timeout: ['same', true, 504],
  'rate-limited': ['same', true, 429],
  overloaded: ['same', true, 503],
  'server-error': ['same', true, 502],
  truncated: ['same', true, 502],
  'invalid-response': ['same', true, 502],
  'invalid-request': ['never', false, 400],
  'context-exceeded': ['other', false, 400],
  'content-filtered': ['other', false, 400],
  unsupported: ['other', false, 400],
  authentication: ['other', false, 502],
  permission: ['other', false, 502],
  'not-found': ['other', false, 404],
  'quota-exceeded': ['other', false, 402],
  cancelled: ['never', false, 499],
  internal: ['never', false, 500],
};
const types = [
  'invalid_request_error',
  'permission_error',
  'requests',
  'tokens',
  'insufficient_quota',
  'server_error',
  'upstream_error',
  'timeout_error',
];
const secret = 'upstream said sk-secret at https://internal.example.com';

describe.each(Object.entries(kinds))('%s', (kind, [retry, blames, status]) => {
  const failure: Failure = { kind: kind as FailureKind, message: secret, status: 418, code: 'their_code', param: 'their_param' };

  test(`has retry scope ${retry}, target fault ${blames} and public status ${status}`, () => {
    expect(retryScopeOf(failure)).toBe(retry);
    expect(isTargetFault(failure)).toBe(blames);
    expect(publicErrorOf(failure).status).toBe(status);
  });

  test("has a fixed public message of a known type, without the provider's text", () => {
    const error = publicErrorOf(failure);
    expect(types).toContain(error.type);
    expect(error.code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(error.message).toMatch(/^[A-Z].{5,200}\.$/);
    expect(JSON.stringify(error)).not.toMatch(/secret|their|418/);
  });
});

test('only a refused key and an exhausted quota are key faults', () => {
  expect(Object.keys(kinds).filter(kind => isKeyFault(kind as FailureKind))).toEqual(['authentication', 'quota-exceeded']);
});

test('no two kinds share a code', () => {
  const codes = Object.keys(kinds).map(kind => publicErrorOf({ kind: kind as FailureKind, message: '' }).code);
  expect(new Set(codes).size).toBe(codes.length);
});
