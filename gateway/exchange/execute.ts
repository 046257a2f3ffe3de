/** Asks one question of its route, lets a reader read the answer, and leaves an Exchange behind: the words in which this is arranged. */

import type { ExecutionEnvironment, ExecutionHandle, ResponseSink, RoutedRequest } from './contract.ts';
import { Execution } from './execution.ts';

export function execute(question: RoutedRequest, world: ExecutionEnvironment, reader: ResponseSink): ExecutionHandle {
  const conversation = new Execution(question, world, reader);
  return {
    done: conversation.done,
    cancel: () => conversation.cancel(),
    resume: () => conversation.resume(),
    response: () => conversation.response,
  };
}
