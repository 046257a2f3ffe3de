/**
 * Spans as a view of the finished exchange, as OTLP text: one SERVER span for the request (a replay's is INTERNAL, and linked to the
 * original's), one CLIENT span for each attempt, by the GenAI conventions. Pure but for the ids of waits.
 */
import { TraceState } from '@opentelemetry/core';
import type { ChatRequest, ChatResponse } from '../core/chat/chat.ts';
import type { AttemptRecord, Exchange } from '../core/exchange.ts';
import { usd } from '../core/money/price.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import { confidenceOf } from '../core/signals/signal.ts';
import { newSpanId } from '../settings/ids.ts';
import { attribute as a, providerNameOf } from './semconv.ts';
import { contentOf } from './span-content.ts';
import { attribute, attributesText, eventText, linkText, plainAttribute, spanKind, spanText } from './span-text.ts';

/** What the exchange's record does not hold and its spans should. */
export interface SpanDetails {
  readonly chat: ChatRequest;
  /** The complete response, read only where spans may hold content. */
  answer(): ChatResponse | undefined;
  /** The caller's `tracestate`, '' for none. */
  readonly traceState: string;
  readonly path: string;
  placeOf(provider: string): AccountEndpoint | undefined;
  /** The trace of the replayed exchange, where known. */
  readonly original?: { readonly traceId: string; readonly spanId: string } | undefined;
}

/** Where an account's calls go. */
export interface AccountEndpoint {
  /** The wire format's name. */
  readonly api: string;
  /** undefined for providers that need no network. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

export interface SpanSettings {
  /** Questions and answers go along as events. */
  readonly capturesContent: boolean;
  /** The caller's tags are attributes; not where records are redacted, for spans would be the way around it. */
  readonly includesTags: boolean;
}

/** The JSON text of each span, the request's own first. */
export function spansOf(exchange: Exchange, details: SpanDetails, settings: SpanSettings): string[] {
  const traceState = details.traceState === '' ? undefined : new TraceState(details.traceState).serialize();
  const spans = [serverSpan(exchange, details, settings, traceState)];
  if (exchange.queuedMs || exchange.heldMs) spans.push(...waitSpans(exchange, traceState));
  const parameters = parametersOf(details.chat);
  for (const attempt of exchange.attempts) spans.push(clientSpan(exchange, attempt, parameters, details, settings, traceState));
  return spans;
}

/** The wait for a used-up limit ends where the first attempt after it begins; an answer is held until it is judged good enough. */
function waitSpans(exchange: Exchange, traceState: string | undefined): string[] {
  const { queuedMs = 0, heldMs = 0, attempts, receivedAt, endedAt } = exchange;
  const spans: string[] = [];
  const add = (name: string, key: string, ms: Milliseconds, startedAt: Instant, end: Instant): void => {
    spans.push(waitSpan(exchange, traceState, name, startedAt, end, attribute(key, ms)));
  };
  if (queuedMs > 0) {
    const end = attempts[0]?.startedAt ?? endedAt;
    add('hindcast.queue', a.queuedMs, queuedMs, Math.max(receivedAt, end - queuedMs), end);
  }
  const acceptedAttempt = attempts.find(({ accepted }) => accepted);
  if (heldMs > 0 && acceptedAttempt?.firstTokenMs !== undefined) {
    const start = acceptedAttempt.startedAt + acceptedAttempt.firstTokenMs;
    add('hindcast.hold', a.heldMs, heldMs, start, Math.min(endedAt, start + heldMs));
  }
  return spans;
}

const waitSpan = (
  { trace, id, policy }: Exchange,
  traceState: string | undefined,
  name: string,
  startedAt: Instant,
  endedAt: Instant,
  wait: string,
): string =>
  spanText({
    ...{ name, kind: spanKind.internal, startedAt, endedAt, traceState },
    ...{ traceId: trace.traceId, spanId: newSpanId(), parentSpanId: trace.spanId },
    attributes: plainAttribute(a.exchange, id) + attribute(a.route, policy.name) + wait,
  });

function serverSpan(exchange: Exchange, details: SpanDetails, settings: SpanSettings, traceState: string | undefined): string {
  const { trace, caller, decision, outcome, replayOf } = exchange;
  const answered = decision.type === 'answered' ? exchange.attempts.find(({ number }) => number === decision.attempt + 1) : undefined;
  const isReplay = replayOf !== undefined;
  return spanText({
    name: isReplay ? `replay ${exchange.policy.name}` : `POST ${details.path}`,
    kind: isReplay ? spanKind.internal : spanKind.server,
    ...{ traceId: trace.traceId, spanId: trace.spanId, parentSpanId: trace.parentSpanId, traceState },
    isParentRemote: trace.parentSpanId !== '',
    startedAt: exchange.receivedAt,
    endedAt: exchange.endedAt,
    error: outcome === 'ok' || outcome === 'client_error' ? undefined : outcome,
    attributes:
      (isReplay ? '' : httpAttributes(exchange, details.path)) +
      attribute(a.errorType, outcome === 'ok' ? undefined : outcome) +
      attribute(a.endUser, caller.user || undefined) +
      attribute(a.conversation, caller.conversation || undefined) +
      attribute(a.requestModel, exchange.requestedModel) +
      plainAttribute(a.exchange, exchange.id) +
      plainAttribute(a.payload, payloadRef(exchange, 0)) +
      attribute(a.route, exchange.policy.name) +
      attribute(a.target, answered?.target) +
      plainAttribute(a.configHash, exchange.configHash) +
      attribute(a.costUsd, usdOf(exchange.costNanoUsd)) +
      plainAttribute(a.outcome, outcome) +
      attribute(a.overheadMs, exchange.overheadMs) +
      attribute(a.attempts, exchange.attempts.length) +
      attribute(a.tenant, caller.tenant) +
      attribute(a.project, caller.project || undefined) +
      attribute(a.key, caller.key || undefined) +
      (settings.includesTags ? tagAttributes(caller.tags) : '') +
      (isReplay ? replayAttributes(exchange) : ''),
    links: isReplay ? originalLink(details.original) : '',
  });
}

const httpAttributes = ({ status, requestHeaders }: Exchange, path: string): string =>
  plainAttribute(a.httpMethod, 'POST') +
  attribute(a.httpRoute, path) +
  attribute(a.urlPath, path) +
  plainAttribute(a.urlScheme, 'http') +
  attribute(a.httpStatus, status || undefined) +
  attribute(a.userAgent, requestHeaders['user-agent']);

function tagAttributes(tags: Readonly<Record<string, string>>): string {
  let text = '';
  for (const name in tags) text += attribute(a.tag + name, tags[name]);
  return text;
}

/** Nobody called over HTTP, and it leads to the exchange that it repeats. */
const replayAttributes = ({ replayOf, run = '', arm = '', repeat = 0 }: Exchange): string =>
  attribute(a.replayOf, replayOf) + attribute(a.replayRun, run) + attribute(a.replayArm, arm) + attribute(a.replayRepeat, repeat);

const originalLink = (original: SpanDetails['original']): string =>
  original && original.traceId !== '' ? linkText(original.traceId, original.spanId, plainAttribute(a.link, 'replay_of')) : '';

function clientSpan(
  exchange: Exchange,
  attempt: AttemptRecord,
  parameters: string,
  details: SpanDetails,
  settings: SpanSettings,
  traceState: string | undefined,
): string {
  const failed = attempt.outcome !== 'ok' && attempt.outcome !== 'aborted';
  return spanText({
    name: `${exchange.operation} ${attempt.model}`,
    kind: spanKind.client,
    ...{ traceId: exchange.trace.traceId, spanId: attempt.spanId, parentSpanId: exchange.trace.spanId, traceState },
    startedAt: attempt.startedAt,
    endedAt: attempt.endedAt,
    error: failed ? attempt.outcome : undefined,
    events: attempt.accepted && settings.capturesContent ? contentEvent(details, attempt.endedAt) : '',
    attributes:
      parameters + callAttributes(exchange, attempt, details, failed) + usageAttributes(attempt) + ownAttributes(exchange, attempt),
  });
}

function callAttributes(exchange: Exchange, attempt: AttemptRecord, details: SpanDetails, failed: boolean): string {
  const endpoint = details.placeOf(attempt.provider);
  const { finish, firstTokenMs } = attempt;
  return (
    plainAttribute(a.operation, exchange.operation) +
    attribute(a.provider, providerNameOf(endpoint?.api ?? attempt.provider)) +
    attribute(a.requestModel, attempt.model) +
    attribute(a.serverAddress, endpoint?.address) +
    attribute(a.serverPort, endpoint?.port) +
    attribute(a.httpStatus, attempt.status || undefined) +
    attribute(a.errorType, failed ? attempt.outcome : undefined) +
    attribute(a.conversation, exchange.caller.conversation || undefined) +
    attribute(a.responseModel, attempt.servedModel || undefined) +
    attribute(a.responseFinish, finish ? [finish.raw || finish.reason] : undefined) +
    attribute(a.responseTimeToFirstChunk, firstTokenMs === undefined || !exchange.stream ? undefined : firstTokenMs / 1000)
  );
}

function usageAttributes({ usage, cost }: AttemptRecord): string {
  const costUsd = usdOf(cost?.total);
  return (
    attribute(a.usageInput, usage?.input) +
    attribute(a.usageOutput, usage?.output) +
    attribute(a.usageCacheRead, usage?.cached || undefined) +
    attribute(a.usageCacheWrite, usage?.cacheWrite || undefined) +
    attribute(a.usageReasoning, usage?.reasoning || undefined) +
    attribute(a.usageCost, costUsd) +
    attribute(a.costUsd, costUsd)
  );
}

const ownAttributes = (exchange: Exchange, attempt: AttemptRecord): string =>
  plainAttribute(a.exchange, exchange.id) +
  plainAttribute(a.payload, payloadRef(exchange, attempt.number)) +
  attribute(a.route, exchange.policy.name) +
  attribute(a.target, attempt.target) +
  plainAttribute(a.configHash, exchange.configHash) +
  attribute(a.attemptNumber, attempt.number) +
  plainAttribute(a.attemptKind, attempt.kind) +
  attribute(a.attemptStep, attempt.step) +
  plainAttribute(a.attemptOutcome, attempt.outcome) +
  attribute(a.attemptAccepted, attempt.accepted) +
  attribute(a.attemptConfidence, confidenceOf(attempt.signals)) +
  attribute(a.attemptWarnings, attempt.warnings.length > 0 ? attempt.warnings.map(w => `${w.type} ${w.field}`) : undefined) +
  attribute(a.providerRequestId, attempt.providerRequestId || undefined);

/** Request attributes, equal on every attempt. Content is not on spans; `hindcast.payload.ref` locates it. */
const parametersOf = (chat: ChatRequest): string =>
  attribute(a.requestStream, chat.stream || undefined) +
  attribute(a.requestTemperature, chat.temperature) +
  attribute(a.requestTopP, chat.topP) +
  attribute(a.requestTopK, chat.topK) +
  attribute(a.requestMaxTokens, chat.maxOutputTokens) +
  attribute(a.requestFrequencyPenalty, chat.frequencyPenalty) +
  attribute(a.requestPresencePenalty, chat.presencePenalty) +
  attribute(a.requestStop, chat.stop.length > 0 ? chat.stop : undefined) +
  attribute(a.requestSeed, chat.seed) +
  attribute(a.requestChoices, chat.choices === 1 ? undefined : chat.choices) +
  attribute(a.outputType, chat.output === undefined || chat.output.type === 'text' ? undefined : 'json');

/** Request and response content, for operators who opted in. */
const contentEvent = ({ chat, answer }: SpanDetails, at: Instant): string =>
  eventText('gen_ai.client.inference.operation.details', at, attributesText(contentOf(chat, answer())));

const usdOf = (nano: number | undefined): number | undefined => (nano === undefined ? undefined : usd(nano));
const payloadRef = (exchange: Exchange, attempt: number): string => `payloads/${exchange.id}/${attempt}`;
