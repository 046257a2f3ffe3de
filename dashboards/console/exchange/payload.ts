/** The bytes of a request and its answer, as texts; and whether they are what the caller was sent. */
import { useQuery } from '@tanstack/react-query';
import type { AnswerOf } from '../api/client.ts';
import { query } from '../api/queries.ts';

export type Payload = AnswerOf<'getPayload'>;

/** Attempt 0 is the caller. Each view of a payload stands in the audit, so it is asked for once. */
export const usePayload = (id: string, attempt: number, isAllowed: boolean) =>
  useQuery({
    ...query('getPayload', { params: { id }, query: { attempt } }),
    enabled: isAllowed,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

const bytesOf = (text: string, encoding: Payload['encoding']): Uint8Array<ArrayBuffer> =>
  encoding === 'utf8' ? new TextEncoder().encode(text) : Uint8Array.from(atob(text), character => character.charCodeAt(0));

/** Bytes that are no UTF-8 read as U+FFFD. */
export const readable = (text: string, encoding: Payload['encoding']): string =>
  encoding === 'utf8' ? text : new TextDecoder().decode(bytesOf(text, encoding));

/** Bytes of a text. */
export const sizeOf = (text: string, encoding: Payload['encoding']): number => bytesOf(text, encoding).length;

/** Hex; undefined where the browser gives no digests, as over http from another machine. */
export async function sha256(text: string, encoding: Payload['encoding']): Promise<string | undefined> {
  if (!crypto.subtle) return undefined;
  const digest = await crypto.subtle.digest('SHA-256', bytesOf(text, encoding));
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
