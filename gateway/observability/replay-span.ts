/** The span of a request that was asked again: nobody called over HTTP, and it leads to the one it repeats. */
import { type Attributes, SpanKind, TraceFlags } from '@opentelemetry/api';
import type { Exchange } from '../core/exchange.ts';
import type { SpanParts } from './trace.ts';
import { attribute as a } from './semconv.ts';

const ofHttp: ReadonlySet<string> = new Set([a.httpMethod, a.httpRoute, a.httpStatus, a.urlPath, a.urlScheme, a.userAgent]);

export function asReplay(parts: SpanParts, exchange: Exchange, original: { traceId: string; spanId: string } | undefined): SpanParts {
  const { replayOf, run, arm, repeat } = exchange;
  const own = Object.entries(parts.attributes).filter(([name]) => !ofHttp.has(name));
  const marks: Attributes = { [a.replayOf]: replayOf!, [a.replayRun]: run ?? '', [a.replayArm]: arm ?? '', [a.replayRepeat]: repeat ?? 0 };
  const context = original && original.traceId !== '' ? { ...original, traceFlags: TraceFlags.SAMPLED, isRemote: true } : undefined;
  return {
    ...parts,
    name: `replay ${exchange.policy.name}`,
    kind: SpanKind.INTERNAL,
    attributes: { ...Object.fromEntries(own), ...marks },
    links: context ? [{ context, attributes: { [a.link]: 'replay_of' } }] : [],
  };
}
