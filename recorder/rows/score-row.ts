/** The rows of `scores` that feedback leaves. */
import { type Feedback, scoreSources } from '../../gateway/core/signals/feedback.ts';
import { numbered, RowWriter } from './row-writer.ts';

const sources = numbered(scoreSources);
const writer = new RowWriter();

/** RowBinary of all scores, in their order. */
export function packScores({ request, tenant, scores }: Feedback): Buffer {
  writer.rewind();
  writer.begin();
  for (const { at, name, id, source, value, label, explanation, evaluator } of scores) {
    writer.text(tenant);
    writer.uuid(request);
    writer.dateTime(at);
    writer.text(name);
    writer.uuid(id);
    writer.choice(sources, source);
    writer.f64(value);
    writer.text(label);
    writer.text(explanation);
    writer.text(evaluator);
  }
  return Buffer.from(writer.block.subarray(writer.from, writer.at));
}
