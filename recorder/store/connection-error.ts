/** Tells a store that cannot be reached from one that answers with an error. */
import { exceptionCodeOf } from './insert-error.ts';

const socketCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

export function isConnectionError(error: unknown): boolean {
  if (exceptionCodeOf(error) !== undefined) return false;
  const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: unknown };
  if (typeof code === 'string' && socketCodes.has(code)) return true;
  if (/socket hang up|timeout error|bad gateway|service unavailable/i.test(String(message))) return true;
  return cause !== undefined && isConnectionError(cause);
}
