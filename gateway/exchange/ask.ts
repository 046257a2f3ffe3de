/** Asks one question of its route, lets a reader read the answer, and leaves an Exchange behind: the words in which this is arranged. */

import type { Asking, AskWorld, Question, Reader } from './contract.ts';
import { Conversation } from './conversation.ts';

export function ask(question: Question, world: AskWorld, reader: Reader): Asking {
  const conversation = new Conversation(question, world, reader);
  return {
    done: conversation.done,
    leave: () => conversation.leave(),
    resume: () => conversation.resume(),
    answer: () => conversation.answer,
  };
}
