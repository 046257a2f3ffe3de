/** The error response for a failure: status, message, and headers for the caller's SDK; never an upstream secret. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import type { CallerError } from '../../core/chat/caller-format.ts';
import { type Failure, type FailureKind, publicErrorOf } from '../../core/shared/failure.ts';

/** Kinds caused by the request itself, where the provider's message helps the caller to correct it. */
const callerFaultKinds: readonly FailureKind[] = ['invalid-request', 'context-exceeded', 'content-filtered'];
const messageLengthMax = 500;

/** Status, type, code and message for the caller. The provider's own words are added only where the caller is at fault. */
export function callerErrorOf(failure: Failure): CallerError {
  const { status, type, code, message } = publicErrorOf(failure);
  const reason =
    callerFaultKinds.includes(failure.kind) && failure.message !== '' ? `${message} It says: ${sanitise(failure.message)}` : message;
  return { status, type, code, message: reason.slice(0, messageLengthMax), param: failure.param ?? null };
}

export const recordingUnavailable: CallerError = {
  status: 503,
  type: 'server_error',
  code: 'recording_unavailable',
  message: 'The answer could not be recorded, and this gateway does not answer without a record.',
  param: null,
};

/** Hosts, keys, paths and control characters are taken out of a provider's sentence. */
export function sanitise(text: string): string {
  return text
    .slice(0, 2 * messageLengthMax)
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '[url]')
    .replace(/\b(?:[a-z0-9-]{1,63}\.){1,8}(?:com|net|org|io|ai|dev|cloud|internal|local)\b\S*/gi, '[host]')
    .replace(/\b(?:sk|pk|key|hc|gsk|xai|AIza)[-_]?[A-Za-z0-9_-]{8,}/g, '[key]')
    .replace(/\b[A-Za-z0-9_-]{32,}\b/g, '[token]')
    .replace(/(?:^|\s)\/[\w.-]+\/\S+/g, ' [path]')
    .replace(/0x[0-9a-f]{6,}/gi, '[address]')
    .slice(0, messageLengthMax);
}

/** Retry-After for callers: whole seconds in 1..30, jittered so that callers do not return at once. */
export function retryHeaders(failure: Failure, seed: string): Record<string, string> {
  const { status } = publicErrorOf(failure);
  if (status !== 429 && status !== 502 && status !== 503 && status !== 504) return {};
  // The gateway has already retried: an SDK that retries on top would multiply the load.
  const headers: Record<string, string> = { 'x-should-retry': 'false' };
  if (status === 429 || status === 503) {
    const waitSeconds = (failure.retryAfterMs ?? 1000) / 1000;
    headers['retry-after'] = String(Math.min(30, Math.max(1, Math.ceil(waitSeconds * (1 + seededUniform(seed, 'retry-after') / 4)))));
  }
  return headers;
}
