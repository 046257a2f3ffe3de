/** Attempts as bars over the time of their exchange, and why each began and ended. Pure. */
import type { AnswerOf } from '../api/client.ts';
import { confidence, duration } from '../text/format.ts';

export type ExchangeDetail = AnswerOf<'getExchange'>;
export type Attempt = ExchangeDetail['attempt_list'][number];

export interface Span {
  /** `waiting` for headers, `thinking` until the first content, `writing` until the last byte. */
  readonly kind: 'waiting' | 'thinking' | 'writing';
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where each part of an attempt lies, in milliseconds after the arrival of the request. */
export function spansOf({ started_ms, ttfb_ms, ttft_ms, duration_ms }: Attempt): readonly Span[] {
  const end = started_ms + duration_ms;
  const headers = Math.min(end, started_ms + (ttfb_ms ?? duration_ms));
  const content = Math.min(end, Math.max(headers, started_ms + (ttft_ms ?? ttfb_ms ?? duration_ms)));
  const spans: readonly Span[] = [
    { kind: 'waiting', fromMs: started_ms, toMs: headers },
    { kind: 'thinking', fromMs: headers, toMs: content },
    { kind: 'writing', fromMs: content, toMs: end },
  ];
  return spans.filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** Length of the axis. */
export const spanOfAll = ({ latency_ms, attempt_list }: ExchangeDetail): number =>
  Math.max(1, latency_ms, ...attempt_list.map(({ started_ms, duration_ms }) => started_ms + duration_ms));

const begins: Readonly<Record<string, string>> = {
  primary: 'first target of the route',
  retry: 'same target again',
  fallback: 'the one before failed',
  escalation: 'the answer before was declined',
  hedge: 'the one before took long',
  shadow: 'a copy; its answer goes nowhere',
  judge: 'asked to judge an answer',
};

/** Why an attempt began, in words. */
export const beginOf = ({ kind, reason }: Attempt): string =>
  [begins[kind] ?? kind, reason === 'declined' ? '' : reason.replaceAll('_', ' ')].filter(text => text !== '').join(': ');

/** The signal and the least value that a step accepts; undefined when it accepts every answer. */
export function thresholdOf({ policy }: ExchangeDetail, step: number): { readonly signal: string; readonly atLeast: number } | undefined {
  const { steps } = (policy ?? {}) as {
    readonly steps?: readonly { readonly accept?: { readonly signal?: string; readonly atLeast?: number } }[];
  };
  const accept = steps?.[step]?.accept;
  return typeof accept?.signal === 'string' && typeof accept.atLeast === 'number'
    ? { signal: accept.signal, atLeast: accept.atLeast }
    : undefined;
}

/** How an attempt ended, in words: the failure, or its signal against the threshold. */
export function endOf(exchange: ExchangeDetail, attempt: Attempt): string {
  if (attempt.outcome !== 'ok')
    return [attempt.error_type || attempt.outcome.replaceAll('_', ' '), attempt.status > 0 ? `status ${attempt.status}` : '']
      .filter(text => text !== '')
      .join(', ');
  const threshold = thresholdOf(exchange, attempt.step);
  const value = threshold && (threshold.signal === 'confidence' ? attempt.confidence : (attempt.signals[threshold.signal] ?? null));
  const compared = threshold
    ? `${threshold.signal.replaceAll('_', ' ')} ${confidence(value)} ${attempt.accepted ? '≥' : '<'} ${threshold.atLeast}`
    : '';
  if (attempt.accepted) return compared === '' ? 'accepted' : `accepted: ${compared}`;
  return compared === '' ? 'not used' : `declined: ${compared}`;
}

/** Round places for the axis, four or so. */
export function ticksOf(totalMs: number): readonly { readonly ms: number; readonly label: string }[] {
  const rough = totalMs / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough) ?? rough;
  return Array.from({ length: Math.floor(totalMs / step) + 1 }, (_, i) => ({ ms: i * step, label: i === 0 ? '0' : duration(i * step) }));
}
