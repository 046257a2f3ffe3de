/** The quality of a response by comparison with another response, without a judge. */
import type { Likeness } from '../../replay/comparison/diff.ts';
import { diff } from '../../replay/comparison/diff.ts';
import type { Answer } from '../../replay/recorded/answer.ts';

/** The compared content of a response: text and tool calls of the first choice. */
export type Content = Pick<Answer, 'text' | 'toolCalls'>;

const equivalentLikeness: ReadonlySet<Likeness> = new Set(['same', 'equivalent']);

/**
 * 1 when both have the same content, else 0: the same text but for white space and typography, the same JSON in any key order, the same tool
 * calls with the same arguments. Replay's diff decides, so that `replay diff` and `eval` never disagree about what is different.
 */
export const agreement = (answer: Content, reference: Content): 0 | 1 =>
  equivalentLikeness.has(diff(asAnswer(answer), asAnswer(reference)).likeness) ? 1 : 0;

/** diff compares whole answers; nothing but the content is at stake here. */
const asAnswer = (content: Content): Answer => ({
  ...content,
  outcome: 'ok',
  target: '',
  finish: '',
  inputTokens: 0,
  outputTokens: 0,
  latencyMs: 0,
});
