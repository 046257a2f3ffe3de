/** The span of a request that was asked again: nobody called over HTTP, and it leads to the one it repeats. */
import { type Attributes, type Link, type SpanContext, SpanKind, type SpanStatus, TraceFlags } from '@opentelemetry/api';
import type { TimedEvent } from '@opentelemetry/sdk-trace';
import type { Exchange } from '../core/exchange.ts';
import type { Instant } from '../core/shared/time.ts';
import { attribute as a } from './semconv.ts';

const httpAttributes: ReadonlySet<string> = new Set([a.httpMethod, a.httpRoute, a.httpStatus, a.urlPath, a.urlScheme, a.userAgent]);

export function toReplaySpan(parts: SpanParts, exchange: Exchange, original: { traceId: string; spanId: string } | undefined): SpanParts {
  const { replayOf, run, arm, repeat } = exchange;
  const remaining = Object.entries(parts.attributes).filter(([name]) => !httpAttributes.has(name));
  const replayAttributes: Attributes = {
    [a.replayOf]: replayOf!,
    [a.replayRun]: run ?? '',
    [a.replayArm]: arm ?? '',
    [a.replayRepeat]: repeat ?? 0,
  };
  const context = original && original.traceId !== '' ? { ...original, traceFlags: TraceFlags.SAMPLED, isRemote: true } : undefined;
  return {
    ...parts,
    name: `replay ${exchange.policy.name}`,
    kind: SpanKind.INTERNAL,
    attributes: { ...Object.fromEntries(remaining), ...replayAttributes },
    links: context ? [{ context, attributes: { [a.link]: 'replay_of' } }] : [],
  };
}

export interface SpanParts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly events?: TimedEvent[];
  readonly links?: Link[];
}
