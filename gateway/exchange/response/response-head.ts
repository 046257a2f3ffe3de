import type { CallerFormat } from '../../core/chat/caller-format.ts';
import { usd } from '../../core/money/price.ts';
import type { Failure } from '../../core/shared/failure.ts';
import type { ResponseHead, RoutedRequest } from '../contract.ts';
import { retryHeaders } from './caller-error.ts';

export interface ResponseSummary {
  readonly status: number;
  readonly attempts: number;
  /** The attempt that answers; absent when none does. */
  readonly target?: string;
  readonly warnings?: readonly { readonly type: string; readonly field: string }[];
  readonly costNanoUsd?: number;
  readonly failure?: Failure;
}

export const jsonType = 'application/json; charset=utf-8';
export const streamTypeOf = ({ streamType = 'text/event-stream; charset=utf-8' }: CallerFormat): string => streamType;

export function headOf(request: RoutedRequest, summary: ResponseSummary): ResponseHead {
  const { id, chat, dialect, onUnsupported } = request;
  const { status, attempts, target, costNanoUsd, failure } = summary;
  const warnings = onUnsupported === 'warn' ? (summary.warnings ?? []) : [];
  return {
    status,
    contentType: chat.stream && status === 200 ? streamTypeOf(dialect) : jsonType,
    headers: {
      ...earlyHeadersOf(request),
      'x-hindcast-attempts': String(attempts),
      ...(target === undefined ? {} : { 'x-hindcast-target': headerValue(target) }),
      ...(costNanoUsd !== undefined && !chat.stream ? { 'x-hindcast-cost-usd': usd(costNanoUsd).toFixed(9) } : {}),
      ...(warnings.length > 0 ? { 'x-hindcast-warnings': headerValue(warnings.map(w => `${w.type} ${w.field}`).join(', ')) } : {}),
      ...(failure ? retryHeaders(failure, id) : {}),
    },
  };
}

/** What is known before any target has answered. */
export const earlyHeadersOf = ({ id, policy, configHash, dialect }: RoutedRequest): Readonly<Record<string, string>> => ({
  'x-request-id': id,
  ...(dialect.idHeader === undefined ? {} : { [dialect.idHeader]: id }),
  'x-hindcast-id': id,
  'x-hindcast-route': headerValue(policy.name),
  'x-hindcast-config': configHash,
});

/** Header values are printable ASCII and bounded. */
const headerValue = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000);
