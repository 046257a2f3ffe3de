/** The signals that end `serve`. */
import type { Log } from '../settings/log.ts';
import { exit } from './exit.ts';

/** A second signal ends the shutdown; requests in flight have this long to be recorded. */
const forcedExitMs = 1_000;
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal starts a graceful shutdown, the second ends it at once. An uncaught error ends the process. */
export function stopSignal(forceClose: () => void, log: Log): { readonly signal: Promise<void>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (!isStopping) log.info(`${signal}: finishing requests in flight, then stopping`);
    else {
      forceClose();
      setTimeout(() => process.exit(exit.interrupted), forcedExitMs).unref();
    }
    isStopping = true;
    resolve();
  };
  const crash = (problem: unknown): void => {
    log.error('an uncaught error ends the gateway', { stack: problem instanceof Error ? problem.stack : String(problem) });
    process.exit(exit.internal);
  };
  for (const signal of stopSignals) process.on(signal, stop);
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  return {
    signal: promise,
    dispose: () => {
      for (const signal of stopSignals) process.off(signal, stop);
      process.off('uncaughtException', crash).off('unhandledRejection', crash);
    },
  };
}
