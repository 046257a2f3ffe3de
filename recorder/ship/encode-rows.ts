/** Rows of records that the spool holds in the older form, as JSON: exchanges that version 0.1.0 wrote, and feedback. */
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { PieceWriter } from '../rows/piece-writer.ts';
import { packScores } from '../rows/score-row.ts';
import { type PackedRows, packExchange, unpackRows } from '../spool/packed-rows.ts';
import type { RetentionDays } from '../store/retention.ts';

const writer = new PieceWriter();

/** Throws when the tables cannot hold the exchange. */
export function rowsOf(exchange: Exchange, daysOf: (tenant: string) => RetentionDays): PackedRows['rows'] {
  writer.rewind();
  packExchange(writer, exchange, 0);
  const payload = Buffer.concat([writer.block.subarray(writer.from, writer.at), ...writer.externals]);
  return unpackRows(payload, daysOf).rows;
}

/** Throws when the table cannot hold a score. */
export function rowsOfFeedback(feedback: Feedback): PackedRows['rows'] {
  const source = packScores(feedback);
  return { scores: { count: feedback.scores.length, source, positions: [0, source.length] } };
}
