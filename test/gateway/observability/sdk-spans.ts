/** The same spans as OpenTelemetry's SDK has them: what its serializer makes of them is what ours must be, byte for byte. */
import { type Attributes, type Link, type SpanContext, SpanKind, type SpanStatus, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { TraceState } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace';
import type { ChatRequest } from '../../../gateway/core/chat/chat.ts';
import type { AttemptRecord, Exchange } from '../../../gateway/core/exchange.ts';
import { usd } from '../../../gateway/core/money/price.ts';
import type { Instant } from '../../../gateway/core/shared/time.ts';
import { confidenceOf } from '../../../gateway/core/signals/signal.ts';
import { attribute as a, providerNameOf } from '../../../gateway/observability/semconv.ts';
import { contentOf } from '../../../gateway/observability/span-content.ts';
import type { SpanDetails } from '../../../gateway/observability/spans.ts';
import { newSpanId } from '../../../gateway/settings/ids.ts';

export interface SpanSettings {
  readonly resource: Resource;
  readonly scope: { readonly name: string; readonly version: string };
  /** Questions and answers go along as events. */
  readonly capturesContent: boolean;
  /** The caller's tags are attributes; not where records are redacted, for spans would be the way around it. */
  readonly includesTags: boolean;
}

export function spansOf(exchange: Exchange, details: SpanDetails, settings: SpanSettings): ReadableSpan[] {
  const parameters = parametersOf(details.chat);
  const attempts = exchange.attempts.map(attempt => clientSpan(exchange, attempt, parameters, details, settings));
  return [serverSpan(exchange, details, settings), ...waitSpans(exchange, details, settings), ...attempts];
}

/** The wait for a used-up limit ends where the first attempt after it begins; an answer is held until it is judged good enough. */
function waitSpans(exchange: Exchange, details: SpanDetails, origin: SpanSettings): ReadableSpan[] {
  const { queuedMs = 0, heldMs = 0, attempts, receivedAt, endedAt } = exchange;
  const spans: ReadableSpan[] = [];
  if (queuedMs > 0) {
    const end = attempts[0]?.startedAt ?? endedAt;
    spans.push(
      waitSpan('hindcast.queue', Math.max(receivedAt, end - queuedMs), end, { [a.queuedMs]: queuedMs }, exchange, details, origin),
    );
  }
  const acceptedAttempt = attempts.find(({ accepted }) => accepted);
  if (heldMs > 0 && acceptedAttempt?.firstTokenMs !== undefined) {
    const start = acceptedAttempt.startedAt + acceptedAttempt.firstTokenMs;
    spans.push(waitSpan('hindcast.hold', start, Math.min(endedAt, start + heldMs), { [a.heldMs]: heldMs }, exchange, details, origin));
  }
  return spans;
}

function waitSpan(
  name: string,
  startedAt: Instant,
  endedAt: Instant,
  extra: Attributes,
  { trace, id, policy }: Exchange,
  { traceState }: SpanDetails,
  origin: SpanSettings,
): ReadableSpan {
  return span(origin, {
    ...{ name, kind: SpanKind.INTERNAL, startedAt, endedAt, status: unset },
    context: contextOf(trace.traceId, newSpanId(), traceState),
    parent: contextOf(trace.traceId, trace.spanId, traceState),
    attributes: { [a.exchange]: id, [a.route]: policy.name, ...extra },
  });
}

function serverSpan(exchange: Exchange, details: SpanDetails, origin: SpanSettings): ReadableSpan {
  const { trace, caller, decision } = exchange;
  const answered = decision.type === 'answered' ? exchange.attempts.find(({ number }) => number === decision.attempt + 1) : undefined;
  const tags = Object.entries(origin.includesTags ? caller.tags : {}).map(([name, value]) => [a.tag + name, value] as const);
  const parts: SpanParts = {
    name: `POST ${details.path}`,
    kind: SpanKind.SERVER,
    context: contextOf(trace.traceId, trace.spanId, details.traceState),
    parent: trace.parentSpanId === '' ? undefined : { ...contextOf(trace.traceId, trace.parentSpanId, details.traceState), isRemote: true },
    startedAt: exchange.receivedAt,
    endedAt: exchange.endedAt,
    status:
      exchange.outcome === 'ok' || exchange.outcome === 'client_error' ? unset : { code: SpanStatusCode.ERROR, message: exchange.outcome },
    attributes: defined({
      [a.httpMethod]: 'POST',
      [a.httpRoute]: details.path,
      [a.urlPath]: details.path,
      [a.urlScheme]: 'http',
      [a.httpStatus]: exchange.status || undefined,
      [a.userAgent]: exchange.requestHeaders['user-agent'],
      [a.errorType]: exchange.outcome === 'ok' ? undefined : exchange.outcome,
      [a.endUser]: caller.user || undefined,
      [a.conversation]: caller.conversation || undefined,
      [a.requestModel]: exchange.requestedModel,
      [a.exchange]: exchange.id,
      [a.payload]: payloadRef(exchange, 0),
      [a.route]: exchange.policy.name,
      [a.target]: answered?.target,
      [a.configHash]: exchange.configHash,
      [a.costUsd]: usdOf(exchange.costNanoUsd),
      [a.outcome]: exchange.outcome,
      [a.overheadMs]: exchange.overheadMs,
      [a.attempts]: exchange.attempts.length,
      [a.tenant]: caller.tenant,
      [a.project]: caller.project || undefined,
      [a.key]: caller.key || undefined,
      ...Object.fromEntries(tags),
    }),
  };
  return span(origin, exchange.replayOf === undefined ? parts : toReplaySpan(parts, exchange, details.original));
}

function clientSpan(
  exchange: Exchange,
  attempt: AttemptRecord,
  parameters: Attributes,
  details: SpanDetails,
  origin: SpanSettings,
): ReadableSpan {
  const { traceId, spanId } = exchange.trace;
  const endpoint = details.placeOf(attempt.provider);
  const { usage, finish, cost } = attempt;
  const failed = attempt.outcome !== 'ok' && attempt.outcome !== 'aborted';
  const firstChunkMs = attempt.firstTokenMs;
  return span(origin, {
    name: `${exchange.operation} ${attempt.model}`,
    kind: SpanKind.CLIENT,
    context: contextOf(traceId, attempt.spanId, details.traceState),
    parent: contextOf(traceId, spanId, details.traceState),
    startedAt: attempt.startedAt,
    endedAt: attempt.endedAt,
    status: failed ? { code: SpanStatusCode.ERROR, message: attempt.outcome } : unset,
    events: attempt.accepted && origin.capturesContent ? [contentEvent(details, attempt.endedAt)] : [],
    attributes: defined({
      ...parameters,
      [a.operation]: exchange.operation,
      [a.provider]: providerNameOf(endpoint?.api ?? attempt.provider),
      [a.requestModel]: attempt.model,
      [a.serverAddress]: endpoint?.address,
      [a.serverPort]: endpoint?.port,
      [a.httpStatus]: attempt.status || undefined,
      [a.errorType]: failed ? attempt.outcome : undefined,
      [a.conversation]: exchange.caller.conversation || undefined,
      [a.responseModel]: attempt.servedModel || undefined,
      [a.responseFinish]: finish ? [finish.raw || finish.reason] : undefined,
      [a.responseTimeToFirstChunk]: firstChunkMs === undefined || !exchange.stream ? undefined : firstChunkMs / 1000,
      [a.usageInput]: usage?.input,
      [a.usageOutput]: usage?.output,
      [a.usageCacheRead]: usage?.cached || undefined,
      [a.usageCacheWrite]: usage?.cacheWrite || undefined,
      [a.usageReasoning]: usage?.reasoning || undefined,
      [a.usageCost]: usdOf(cost?.total),
      [a.costUsd]: usdOf(cost?.total),
      [a.exchange]: exchange.id,
      [a.payload]: payloadRef(exchange, attempt.number),
      [a.route]: exchange.policy.name,
      [a.target]: attempt.target,
      [a.configHash]: exchange.configHash,
      [a.attemptNumber]: attempt.number,
      [a.attemptKind]: attempt.kind,
      [a.attemptStep]: attempt.step,
      [a.attemptOutcome]: attempt.outcome,
      [a.attemptAccepted]: attempt.accepted,
      [a.attemptConfidence]: confidenceOf(attempt.signals),
      [a.attemptWarnings]: attempt.warnings.length > 0 ? attempt.warnings.map(w => `${w.type} ${w.field}`) : undefined,
      [a.providerRequestId]: attempt.providerRequestId || undefined,
    }),
  });
}

/** The caller's parameters, as every attempt sent them. Contents are never on spans; `hindcast.payload.ref` says where they lie. */
function parametersOf(chat: ChatRequest): Attributes {
  return defined({
    [a.requestStream]: chat.stream || undefined,
    [a.requestTemperature]: chat.temperature,
    [a.requestTopP]: chat.topP,
    [a.requestTopK]: chat.topK,
    [a.requestMaxTokens]: chat.maxOutputTokens,
    [a.requestFrequencyPenalty]: chat.frequencyPenalty,
    [a.requestPresencePenalty]: chat.presencePenalty,
    [a.requestStop]: chat.stop.length > 0 ? [...chat.stop] : undefined,
    [a.requestSeed]: chat.seed,
    [a.requestChoices]: chat.choices === 1 ? undefined : chat.choices,
    [a.outputType]: chat.output === undefined || chat.output.type === 'text' ? undefined : 'json',
  });
}

function span({ resource, scope }: SpanSettings, { context, parent, startedAt, endedAt, ...parts }: SpanParts): ReadableSpan {
  return {
    ...parts,
    spanContext: () => context,
    ...(parent ? { parentSpanContext: parent } : {}),
    startTime: hrTimeOf(startedAt),
    endTime: hrTimeOf(endedAt),
    duration: hrTimeOf(endedAt - startedAt),
    links: parts.links ?? [],
    events: parts.events ?? [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Request and response, for those who opted in to see them in their traces. */
const contentEvent = ({ chat, answer }: SpanDetails, at: Instant): TimedEvent => ({
  time: hrTimeOf(at),
  name: 'gen_ai.client.inference.operation.details',
  attributes: contentOf(chat, answer()),
  droppedAttributesCount: 0,
});

const unset: SpanStatus = { code: SpanStatusCode.UNSET };
const usdOf = (nano: number | undefined): number | undefined => (nano === undefined ? undefined : usd(nano));
const payloadRef = (exchange: Exchange, attempt: number): string => `payloads/${exchange.id}/${attempt}`;

function contextOf(traceId: string, spanId: string, traceState: string): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, ...(traceState === '' ? {} : { traceState: new TraceState(traceState) }) };
}

/** Seconds and nanoseconds. */
function hrTimeOf(ms: number): [number, number] {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

function defined(attributes: Attributes): Attributes {
  const out: Attributes = {};
  for (const name of Object.keys(attributes)) if (attributes[name] !== undefined) out[name] = attributes[name];
  return out;
}

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
