/** The row of `requests` that an exchange leaves. */
import { hash } from 'node:crypto';
import type { Usage } from '../../gateway/core/chat/chat.ts';
import type { AttemptRecord, Exchange, ExchangeOutcome } from '../../gateway/core/exchange.ts';
import { failureLabel } from '../../gateway/core/shared/failure.ts';
import { confidenceOf } from '../../gateway/core/signals/signal.ts';
import type { PromptHashes } from './prompt-hashes.ts';
import { atLeastOne, cacheStatus, exchangePriceState, payloadState, priceId, warningText } from './row-values.ts';
import { numbered, type RowWriter } from './row-writer.ts';

const outcomeNames: readonly ExchangeOutcome[] = [
  'ok',
  'client_error',
  'upstream_error',
  'timeout',
  'cancelled',
  'rate_limited',
  'budget',
  'internal',
  'truncated',
];
const outcomes = numbered(outcomeNames);
const usageSources = numbered(['provider', 'estimated', 'none']);
const cacheStatuses = numbered(['none', 'miss', 'hit', 'semantic_hit', 'bypass']);
export const priceStates = numbered(['unset', 'stated', 'table', 'config', 'estimated', 'unknown']);
const payloadStates = numbered(['none', 'stored', 'redacted', 'object', 'dropped']);

/** Writes the token columns; zeros when the usage is not known. */
export function packTokens(to: RowWriter, usage: Usage | undefined): void {
  to.u32(usage?.input ?? 0);
  to.u32(usage?.cached ?? 0);
  to.u32(usage?.cacheWrite ?? 0);
  to.u32(usage?.output ?? 0);
  to.u32(usage?.reasoning ?? 0);
  to.choice(usageSources, usage?.source ?? 'none');
}

/** Writes the row of `requests`. `kept` is the attempt whose response the caller got, undefined when there is none. */
export function packRequestRow(to: RowWriter, exchange: Exchange, kept: AttemptRecord | undefined, hashes: PromptHashes): void {
  packIdentity(to, exchange, kept);
  packResult(to, exchange, kept);
  packUsage(to, exchange, kept);
  packBytes(to, exchange, hashes);
  packRouting(to, exchange);
  to.choice(priceStates, exchangePriceState(exchange.attempts, kept));
  to.text(kept?.serviceTier ?? '');
  to.u32(exchange.usage?.cacheWriteHour ?? 0);
  to.f64(1);
  to.u16(0);
}

function packIdentity(to: RowWriter, exchange: Exchange, kept: AttemptRecord | undefined): void {
  const { caller, trace, policy } = exchange;
  to.text(caller.tenant);
  to.text(caller.project);
  to.dateTime(exchange.receivedAt);
  to.uuid(exchange.id);
  to.text(trace.traceId);
  to.text(trace.spanId);
  to.text(trace.parentSpanId);
  to.text(caller.requestId);
  to.text(caller.conversation);
  to.text(caller.user);
  to.text(caller.key);
  to.text(policy.name);
  to.text(policy.variant?.name ?? '');
  to.text(exchange.configHash);
  to.text(exchange.operation);
  to.text(exchange.dialect);
  to.text(exchange.requestedModel);
  to.text(kept?.provider ?? '');
  to.text(kept?.model ?? '');
  to.text(kept?.servedModel ?? '');
  to.bool(exchange.stream);
}

function packResult(to: RowWriter, exchange: Exchange, kept: AttemptRecord | undefined): void {
  const { attempts, decision, overheadMs } = exchange;
  const failure = decision.type === 'failed' ? decision.failure : undefined;
  let [fallbacks, escalations, hedges] = [0, 0, 0];
  for (const { kind } of attempts) {
    if (kind === 'fallback') fallbacks += 1;
    else if (kind === 'escalation') escalations += 1;
    else if (kind === 'hedge') hedges += 1;
  }
  to.u8(attempts.length);
  to.u8(fallbacks);
  to.u8(escalations);
  to.bool(hedges > 0);
  to.optionalF64(kept && confidenceOf(kept.signals));
  to.u16(exchange.status);
  to.choice(outcomes, exchange.outcome);
  to.text(failure ? failureLabel(failure.kind) : '');
  to.text(failure?.message ?? '');
  to.text(exchange.finish?.reason ?? '');
  const latencyMs = exchange.endedAt - exchange.receivedAt;
  to.u32(latencyMs);
  to.u32(atLeastOne(exchange.firstTokenMs));
  to.u32(latencyMs - overheadMs);
  to.u32(overheadMs * 1000);
  to.u32(exchange.queuedMs ?? 0);
  to.u32(exchange.heldMs ?? 0);
  to.u32(exchange.delivered?.events ?? 0);
}

function packUsage(to: RowWriter, exchange: Exchange, kept: AttemptRecord | undefined): void {
  const { usage, attempts } = exchange;
  packTokens(to, usage);
  const { audioInput, audioOutput } = usage ?? {};
  to.varint(Number(audioInput !== undefined) + Number(audioOutput !== undefined));
  if (audioInput !== undefined) {
    to.text('audio_input');
    to.count(audioInput);
  }
  if (audioOutput !== undefined) {
    to.text('audio_output');
    to.count(audioOutput);
  }
  let [input, output, saved] = [0, 0, 0];
  for (const { cost } of attempts) {
    input += cost?.input ?? 0;
    output += cost?.output ?? 0;
    saved += cost?.saved ?? 0;
  }
  to.dollars(exchange.costNanoUsd ?? 0);
  to.dollars(input);
  to.dollars(output);
  to.dollars(saved);
  to.choice(cacheStatuses, cacheStatus(attempts));
  to.text(priceId(exchange, kept));
}

function packBytes(to: RowWriter, exchange: Exchange, hashes: PromptHashes): void {
  const { redaction, request, response, delivered } = exchange;
  to.u32(redaction?.requestBytes ?? request.byteLength);
  to.u32(redaction?.responseBytes ?? response.byteLength);
  to.bytes(hashes.prompt);
  to.text(redaction?.deliveredSha256 ?? delivered?.sha256 ?? hash('sha256', response));
}

function packRouting(to: RowWriter, exchange: Exchange): void {
  to.textMap(exchange.caller.tags);
  to.texts(exchange.warnings.map(warningText));
  to.texts(exchange.flags);
  to.blob(policyJson(exchange.policy));
  to.text(JSON.stringify(exchange.events));
  to.choice(payloadStates, payloadState(exchange));
  to.text(exchange.run ?? '');
  to.text(exchange.replayOf ?? '');
  to.text(exchange.arm ?? '');
  to.u16(exchange.repeat ?? 0);
}

const policyTexts = new WeakMap<object, Buffer>();

/** All requests of a route share one policy, which nobody changes. */
function policyJson(policy: Exchange['policy']): Buffer {
  const known = policyTexts.get(policy);
  if (known) return known;
  const text = Buffer.from(JSON.stringify(policy));
  policyTexts.set(policy, text);
  return text;
}
