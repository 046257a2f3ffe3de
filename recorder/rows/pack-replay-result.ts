/** The row of `replay_results` that a replayed exchange leaves. */
import type { AttemptRecord, Exchange } from '../../gateway/core/exchange.ts';
import { failureLabel } from '../../gateway/core/shared/failure.ts';
import { confidenceOf } from '../../gateway/core/signals/signal.ts';
import { priceStates } from './pack-requests.ts';
import type { PieceWriter } from './piece-writer.ts';
import { atLeastOne, exchangePriceState, priceId, timeOfId } from './row-values.ts';

const noSignals = {};

export function packReplayRow(to: PieceWriter, exchange: Exchange, kept: AttemptRecord | undefined): void {
  const { caller, decision, usage, attempts } = exchange;
  to.text(caller.tenant);
  to.text(exchange.run ?? '');
  to.text(exchange.arm ?? '');
  to.text(exchange.replayOf ?? '');
  to.u16(exchange.repeat ?? 0);
  to.text(exchange.id);
  to.text(caller.conversation);
  to.dateTime(exchange.receivedAt);
  to.dateTime(timeOfId(exchange.replayOf) ?? exchange.receivedAt);
  to.text(kept?.provider ?? '');
  to.text(kept?.model ?? '');
  to.text(exchange.configHash);
  to.text(exchange.outcome);
  to.text(decision.type === 'failed' ? failureLabel(decision.failure.kind) : '');
  to.u16(exchange.status);
  to.text(exchange.finish?.reason ?? '');
  to.u32(exchange.endedAt - exchange.receivedAt);
  to.u32(atLeastOne(exchange.firstTokenMs));
  to.u32(usage?.input ?? 0);
  to.u32(usage?.cached ?? 0);
  to.u32(usage?.output ?? 0);
  to.u32(usage?.reasoning ?? 0);
  to.dollars(exchange.costNanoUsd ?? 0);
  to.text(priceId(exchange, kept));
  to.optionalF64(kept && confidenceOf(kept.signals));
  to.floatMap((kept?.signals ?? noSignals) as Readonly<Record<string, number>>);
  to.u8(attempts.length);
  to.u8(attempts.filter(({ kind }) => kind === 'escalation').length);
  to.body(exchange.response);
  to.choice(priceStates, exchangePriceState(attempts, kept));
}
