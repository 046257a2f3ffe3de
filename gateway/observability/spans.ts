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
import { attributesText, eventText, linkText, type SpanFrame, SpanWriter, spanKind } from './span-text.ts';

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

/** JSON texts of spans, with commas between them. */
export interface SpanTexts {
  readonly count: number;
  readonly bytes: Buffer;
}

/** One for all: what is written of an exchange is taken before the next. */
const writer = new SpanWriter();

/** The spans of an exchange, the request's own first. */
export function spansOf(exchange: Exchange, details: SpanDetails, settings: SpanSettings): SpanTexts {
  const traceState = details.traceState === '' ? undefined : new TraceState(details.traceState).serialize();
  writeServerSpan(exchange, details, settings, traceState);
  const waits = exchange.queuedMs || exchange.heldMs ? writeWaitSpans(exchange, traceState) : 0;
  for (const attempt of exchange.attempts) writeClientSpan(exchange, attempt, details, settings, traceState);
  return { count: 1 + waits + exchange.attempts.length, bytes: writer.take() };
}

/** The wait for a used-up limit ends where the first attempt after it begins; an answer is held until it is judged good enough. Gives their number. */
function writeWaitSpans(exchange: Exchange, traceState: string | undefined): number {
  const { queuedMs = 0, heldMs = 0, attempts, receivedAt, endedAt, trace } = exchange;
  let count = 0;
  const write = (name: string, key: string, ms: Milliseconds, startedAt: Instant, end: Instant): void => {
    const span: SpanFrame = {
      ...{ name, kind: spanKind.internal, startedAt, endedAt: end, traceState },
      ...{ traceId: trace.traceId, spanId: newSpanId(), parentSpanId: trace.spanId },
    };
    writer.begin(span);
    writer.plain(a.exchange, exchange.id);
    writer.attribute(a.route, exchange.policy.name);
    writer.attribute(key, ms);
    writer.end(span);
    count++;
  };
  if (queuedMs > 0) {
    const end = attempts[0]?.startedAt ?? endedAt;
    write('hindcast.queue', a.queuedMs, queuedMs, Math.max(receivedAt, end - queuedMs), end);
  }
  const acceptedAttempt = attempts.find(({ accepted }) => accepted);
  if (heldMs > 0 && acceptedAttempt?.firstTokenMs !== undefined) {
    const start = acceptedAttempt.startedAt + acceptedAttempt.firstTokenMs;
    write('hindcast.hold', a.heldMs, heldMs, start, Math.min(endedAt, start + heldMs));
  }
  return count;
}

function writeServerSpan(exchange: Exchange, details: SpanDetails, settings: SpanSettings, traceState: string | undefined): void {
  const { trace, caller, decision, outcome, replayOf } = exchange;
  const answered = decision.type === 'answered' ? exchange.attempts.find(({ number }) => number === decision.attempt + 1) : undefined;
  const isReplay = replayOf !== undefined;
  const span: SpanFrame = {
    name: isReplay ? `replay ${exchange.policy.name}` : `POST ${details.path}`,
    kind: isReplay ? spanKind.internal : spanKind.server,
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    traceState,
    isParentRemote: trace.parentSpanId !== '',
    startedAt: exchange.receivedAt,
    endedAt: exchange.endedAt,
    error: outcome === 'ok' || outcome === 'client_error' ? undefined : outcome,
    links: isReplay ? originalLink(details.original) : '',
  };
  writer.begin(span);
  if (!isReplay) writeHttpAttributes(exchange, details.path);
  writer.attribute(a.errorType, outcome === 'ok' ? undefined : outcome);
  writer.attribute(a.endUser, caller.user || undefined);
  writer.attribute(a.conversation, caller.conversation || undefined);
  writer.attribute(a.requestModel, exchange.requestedModel);
  writer.plain(a.exchange, exchange.id);
  writer.plain(a.payload, payloadRef(exchange, 0));
  writer.attribute(a.route, exchange.policy.name);
  writer.attribute(a.target, answered?.target);
  writer.plain(a.configHash, exchange.configHash);
  writer.attribute(a.costUsd, usdOf(exchange.costNanoUsd));
  writer.plain(a.outcome, outcome);
  writer.attribute(a.overheadMs, exchange.overheadMs);
  writer.attribute(a.attempts, exchange.attempts.length);
  writer.attribute(a.tenant, caller.tenant);
  writer.attribute(a.project, caller.project || undefined);
  writer.attribute(a.key, caller.key || undefined);
  if (settings.includesTags) for (const name in caller.tags) writer.attribute(a.tag + name, caller.tags[name]);
  if (isReplay) writeReplayAttributes(exchange);
  writer.end(span);
}

function writeHttpAttributes({ status, requestHeaders }: Exchange, path: string): void {
  writer.plain(a.httpMethod, 'POST');
  writer.attribute(a.httpRoute, path);
  writer.attribute(a.urlPath, path);
  writer.plain(a.urlScheme, 'http');
  writer.attribute(a.httpStatus, status || undefined);
  writer.attribute(a.userAgent, requestHeaders['user-agent']);
}

/** Nobody called over HTTP, and it leads to the exchange that it repeats. */
function writeReplayAttributes({ replayOf, run = '', arm = '', repeat = 0 }: Exchange): void {
  writer.attribute(a.replayOf, replayOf);
  writer.attribute(a.replayRun, run);
  writer.attribute(a.replayArm, arm);
  writer.attribute(a.replayRepeat, repeat);
}

const originalLink = (original: SpanDetails['original']): string =>
  original && original.traceId !== '' ? linkText(original.traceId, original.spanId, attributesText({ [a.link]: 'replay_of' })) : '';

function writeClientSpan(
  exchange: Exchange,
  attempt: AttemptRecord,
  details: SpanDetails,
  settings: SpanSettings,
  traceState: string | undefined,
): void {
  const failed = attempt.outcome !== 'ok' && attempt.outcome !== 'aborted';
  const span: SpanFrame = {
    name: `${exchange.operation} ${attempt.model}`,
    kind: spanKind.client,
    traceId: exchange.trace.traceId,
    spanId: attempt.spanId,
    parentSpanId: exchange.trace.spanId,
    traceState,
    startedAt: attempt.startedAt,
    endedAt: attempt.endedAt,
    error: failed ? attempt.outcome : undefined,
    events: attempt.accepted && settings.capturesContent ? contentEvent(details, attempt.endedAt) : '',
  };
  writer.begin(span);
  writeParameters(details.chat);
  writeCallAttributes(exchange, attempt, details, failed);
  writeUsageAttributes(attempt);
  writeOwnAttributes(exchange, attempt);
  writer.end(span);
}

function writeCallAttributes(exchange: Exchange, attempt: AttemptRecord, details: SpanDetails, failed: boolean): void {
  const endpoint = details.placeOf(attempt.provider);
  const { finish, firstTokenMs } = attempt;
  writer.plain(a.operation, exchange.operation);
  writer.attribute(a.provider, providerNameOf(endpoint?.api ?? attempt.provider));
  writer.attribute(a.requestModel, attempt.model);
  writer.attribute(a.serverAddress, endpoint?.address);
  writer.attribute(a.serverPort, endpoint?.port);
  writer.attribute(a.httpStatus, attempt.status || undefined);
  writer.attribute(a.errorType, failed ? attempt.outcome : undefined);
  writer.attribute(a.conversation, exchange.caller.conversation || undefined);
  writer.attribute(a.responseModel, attempt.servedModel || undefined);
  writer.attribute(a.responseFinish, finish ? [finish.raw || finish.reason] : undefined);
  writer.attribute(a.responseTimeToFirstChunk, firstTokenMs === undefined || !exchange.stream ? undefined : firstTokenMs / 1000);
}

function writeUsageAttributes({ usage, cost }: AttemptRecord): void {
  const costUsd = usdOf(cost?.total);
  writer.attribute(a.usageInput, usage?.input);
  writer.attribute(a.usageOutput, usage?.output);
  writer.attribute(a.usageCacheRead, usage?.cached || undefined);
  writer.attribute(a.usageCacheWrite, usage?.cacheWrite || undefined);
  writer.attribute(a.usageReasoning, usage?.reasoning || undefined);
  writer.attribute(a.usageCost, costUsd);
  writer.attribute(a.costUsd, costUsd);
}

function writeOwnAttributes(exchange: Exchange, attempt: AttemptRecord): void {
  writer.plain(a.exchange, exchange.id);
  writer.plain(a.payload, payloadRef(exchange, attempt.number));
  writer.attribute(a.route, exchange.policy.name);
  writer.attribute(a.target, attempt.target);
  writer.plain(a.configHash, exchange.configHash);
  writer.attribute(a.attemptNumber, attempt.number);
  writer.plain(a.attemptKind, attempt.kind);
  writer.attribute(a.attemptStep, attempt.step);
  writer.plain(a.attemptOutcome, attempt.outcome);
  writer.attribute(a.attemptAccepted, attempt.accepted);
  writer.attribute(a.attemptConfidence, confidenceOf(attempt.signals));
  writer.attribute(a.attemptWarnings, attempt.warnings.length > 0 ? attempt.warnings.map(w => `${w.type} ${w.field}`) : undefined);
  writer.attribute(a.providerRequestId, attempt.providerRequestId || undefined);
}

/** Request attributes, equal on every attempt. Content is not on spans; `hindcast.payload.ref` locates it. */
function writeParameters(chat: ChatRequest): void {
  writer.attribute(a.requestStream, chat.stream || undefined);
  writer.attribute(a.requestTemperature, chat.temperature);
  writer.attribute(a.requestTopP, chat.topP);
  writer.attribute(a.requestTopK, chat.topK);
  writer.attribute(a.requestMaxTokens, chat.maxOutputTokens);
  writer.attribute(a.requestFrequencyPenalty, chat.frequencyPenalty);
  writer.attribute(a.requestPresencePenalty, chat.presencePenalty);
  writer.attribute(a.requestStop, chat.stop.length > 0 ? chat.stop : undefined);
  writer.attribute(a.requestSeed, chat.seed);
  writer.attribute(a.requestChoices, chat.choices === 1 ? undefined : chat.choices);
  writer.attribute(a.outputType, chat.output === undefined || chat.output.type === 'text' ? undefined : 'json');
}

/** Request and response content, for operators who opted in. */
const contentEvent = ({ chat, answer }: SpanDetails, at: Instant): string =>
  eventText('gen_ai.client.inference.operation.details', at, attributesText(contentOf(chat, answer())));

const usdOf = (nano: number | undefined): number | undefined => (nano === undefined ? undefined : usd(nano));
const payloadRef = (exchange: Exchange, attempt: number): string => `payloads/${exchange.id}/${attempt}`;
