/** The rows of `attempts` and `payloads` that an exchange leaves. */
import { type AttemptRecord, type Exchange, outcomeLabel, priceStateOf } from '../../gateway/core/exchange.ts';
import { confidenceOf } from '../../gateway/core/signals/signal.ts';
import type { AttemptKind } from '../../gateway/core/targets/attempt-kind.ts';
import { packTokens, priceStates } from './pack-requests.ts';
import type { PieceWriter } from './piece-writer.ts';
import type { PromptHashes } from './prompt-hashes.ts';
import { atLeastOne, attemptReason, chunkTimings, errorType, warningText } from './row-values.ts';
import { numbered, type RowWriter } from './row-writer.ts';

const kindNames: readonly AttemptKind[] = ['primary', 'retry', 'fallback', 'escalation', 'hedge', 'shadow', 'judge'];
const kinds = numbered(kindNames);

/** Writes the row of `attempts` for one attempt of the exchange. */
export function packAttemptRow(to: RowWriter, exchange: Exchange, index: number): void {
  const attempt = exchange.attempts[index]!;
  packCall(to, exchange, attempt, attemptReason(exchange.attempts, index));
  packAnswer(to, attempt);
  packTokens(to, attempt.usage);
  const { cost, signals } = attempt;
  to.dollars(cost?.total ?? 0);
  to.dollars(cost?.input ?? 0);
  to.dollars(cost?.output ?? 0);
  to.text(cost?.priceId ?? '');
  to.optionalF64(confidenceOf(signals));
  to.floatMap(signals as Readonly<Record<string, number>>);
  to.bool(attempt.accepted);
  to.f64(exchange.auditProbability ?? 0);
  to.texts(attempt.warnings.map(warningText));
  to.texts(attempt.flags);
  to.text(exchange.run ?? '');
  to.choice(priceStates, priceStateOf(attempt) ?? 'unset');
  to.text(attempt.serviceTier ?? '');
  to.u32(attempt.usage?.cacheWriteHour ?? 0);
  to.u16(0);
}

function packCall(to: RowWriter, { caller, receivedAt, id, policy, configHash }: Exchange, attempt: AttemptRecord, reason: string): void {
  to.text(caller.tenant);
  to.text(caller.project);
  to.dateTime(receivedAt);
  to.uuid(id);
  to.u8(attempt.number);
  to.u32(attempt.startedAt - receivedAt);
  to.text(attempt.spanId);
  to.choice(kinds, attempt.kind);
  to.u8(attempt.step);
  to.text(reason);
  to.text(policy.name);
  to.text(attempt.target);
  to.text(attempt.provider);
  to.text(attempt.credential);
  to.text(attempt.model);
  to.text(attempt.servedModel);
  to.text(configHash);
}

function packAnswer(to: RowWriter, attempt: AttemptRecord): void {
  const { failure, redaction } = attempt;
  to.u16(attempt.status);
  to.text(outcomeLabel(attempt));
  to.text(errorType(failure));
  to.text(failure?.message ?? '');
  to.text(attempt.finish?.reason ?? '');
  to.text(attempt.providerRequestId);
  to.u32(failure?.retryAfterMs ?? 0);
  to.u32(atLeastOne(attempt.firstByteMs));
  to.u32(atLeastOne(attempt.firstTokenMs));
  to.u32(attempt.endedAt - attempt.startedAt);
  to.u32(attempt.chunks.length);
  to.u32(redaction?.requestBytes ?? attempt.request.byteLength);
  to.u32(redaction?.responseBytes ?? attempt.response.byteLength);
}

const noHeaders = {};

/** Number 0 is the caller's own request and what it was sent. No rows for an exchange that was recorded without its texts. */
export function packPayloadRows(to: PieceWriter, exchange: Exchange, { group }: PromptHashes): void {
  if (exchange.redaction?.type === 'metadata') return;
  packPayloadRow(to, exchange, exchange, 0, group);
  for (const attempt of exchange.attempts) packPayloadRow(to, exchange, attempt, attempt.number, group);
}

function packPayloadRow(to: PieceWriter, exchange: Exchange, part: Exchange | AttemptRecord, number: number, group: Uint8Array): void {
  to.beginRow('payloads');
  to.text(exchange.caller.tenant);
  to.dateTime(exchange.receivedAt);
  to.uuid(exchange.id);
  to.u8(number);
  to.bytes(group);
  to.body(part.request);
  to.body(part.response);
  to.textMap(number === 0 ? exchange.requestHeaders : noHeaders);
  to.text('chunks' in part ? chunkTimings(part.chunks) : '');
  to.u16(part.redaction?.count ?? 0);
  to.text(exchange.run ?? '');
  to.u16(0);
  to.endRow();
}
