import type { CallerFormat } from '../../core/chat/caller-format.ts';
import { usd } from '../../core/money/price.ts';
import type { Failure } from '../../core/shared/failure.ts';
import type { ResponseHead, RoutedRequest } from '../contract.ts';
import { retryHeaders } from './caller-error.ts';

export interface ResponseSummary {
  readonly status: number;
  readonly attempts: number;
  /** The attempt that answers; absent when none does. */
  readonly target?: string | undefined;
  readonly warnings?: readonly { readonly type: string; readonly field: string }[] | undefined;
  readonly costNanoUsd?: number | undefined;
  readonly failure?: Failure | undefined;
}

/** The content type of every JSON response. */
export const jsonType = 'application/json; charset=utf-8';

/** The content type of a streaming response in the caller's format; server-sent events unless the format has its own. */
export const streamTypeOf = ({ streamType = 'text/event-stream; charset=utf-8' }: CallerFormat): string => streamType;

/** Status, content type and headers of the response; headers are names and values in turn. */
export function headOf(request: RoutedRequest, summary: ResponseSummary): ResponseHead {
  const { id, chat, dialect, onUnsupported } = request;
  const { status, attempts, target, costNanoUsd, failure, warnings } = summary;
  const headers = earlyHeadersOf(request);
  headers.push('x-hindcast-attempts', String(attempts));
  if (target !== undefined) headers.push('x-hindcast-target', headerValue(target));
  if (costNanoUsd !== undefined && !chat.stream) headers.push('x-hindcast-cost-usd', usd(costNanoUsd).toFixed(9));
  if (onUnsupported === 'warn' && warnings && warnings.length > 0) {
    headers.push('x-hindcast-warnings', headerValue(warnings.map(w => `${w.type} ${w.field}`).join(', ')));
  }
  if (failure) for (const [name, value] of Object.entries(retryHeaders(failure, id))) headers.push(name, value);
  return { status, contentType: chat.stream && status === 200 ? streamTypeOf(dialect) : jsonType, headers };
}

/** What is known before any target has answered: names and values in turn. */
export function earlyHeadersOf({ id, policy, configHash, dialect }: RoutedRequest): string[] {
  const headers = ['x-request-id', id];
  if (dialect.idHeader !== undefined) headers.push(dialect.idHeader, id);
  headers.push('x-hindcast-id', id, 'x-hindcast-route', headerValue(policy.name), 'x-hindcast-config', configHash);
  return headers;
}

/** Header values are printable ASCII and bounded. */
const headerValue = (text: string): string => (plainValue.test(text) ? text : text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000));
const plainValue = /^[\x20-\x7e]{0,1000}$/;
