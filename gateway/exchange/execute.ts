/** Asks one question of its route, lets a sink read the answer, and leaves an Exchange behind. */

import type { ExecutionEnvironment, ExecutionHandle, ExecutionObserver, ResponseSink, RoutedRequest } from './contract.ts';
import { Execution } from './execution.ts';

/** `observer` hears of the end at once, `done` of what is returned by a promise. */
export function execute(
  request: RoutedRequest,
  environment: ExecutionEnvironment,
  sink: ResponseSink,
  observer?: ExecutionObserver,
): ExecutionHandle {
  const execution = new Execution(request, environment, sink, observer);
  execution.start();
  return execution;
}
