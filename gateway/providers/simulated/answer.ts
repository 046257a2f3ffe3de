/** One answer of the simulation, from what it is asked to the last of its tokens. */
import type { Asked } from './asked.ts';
import { toolsToCall } from './calling.ts';
import { call, greets, say } from './content.ts';
import type { Directives } from './directives.ts';
import { logprobsOf } from './logprobs.ts';
import { judge, judgeAs, type Traits, type Verdict } from './mind.ts';
import { type Ended, end } from './piece.ts';

export interface Thinker {
  readonly name: string;
  readonly traits: Traits;
  readonly directives: Directives;
}

/** `choice` numbers the answers to one question. Undefined when the schema that the answer must have cannot be filled. */
export function answer(asked: Asked, thinker: Thinker, choice: number): Ended | undefined {
  const own = `${asked.seed} ${thinker.name} ${choice}`;
  const verdict = verdictOf(asked, thinker, own);
  const tools = toolsToCall(asked);
  const thought = tools.length > 0 ? call(tools, asked.seed, verdict, own) : say(asked, verdict, own, thinker.directives.tokens);
  if (!thought) return undefined;
  const ended = end(thought, asked.tokensMax, asked.stop);
  return asked.top === undefined ? ended : { ...ended, pieces: logprobsOf(ended.pieces, verdict.confidence, asked.top, own) };
}

function verdictOf(asked: Asked, { traits, directives }: Thinker, own: string): Verdict {
  const ordered = directives.right || greets(asked) ? true : directives.wrong ? false : undefined;
  const verdict = ordered === undefined ? judge(traits, asked.seed, own) : judgeAs(ordered, traits, own);
  return directives.logprob === undefined ? verdict : { ...verdict, confidence: directives.logprob };
}
