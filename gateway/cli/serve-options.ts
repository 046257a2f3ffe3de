/** The options of `hindcast serve` beside its configuration: host, port and log. */

import { isLoopbackHost } from '../http/guard.ts';
import { createLog, type LogLevel, logLevels } from '../observability/logs.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { CommandError, exit } from './command.ts';

export interface ServeOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly json?: boolean;
}

/** The settings with --host and --port applied. Throws a CommandError for an invalid port or an exposed host without keys. */
export function withOptions(settings: Settings, { host, port }: ServeOptions): Settings {
  if (host === undefined && port === undefined) return settings;
  const number = port === undefined ? settings.server.port : Number(port);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new CommandError(exit.usage, `--port must be a number from 0 to 65535, not ${JSON.stringify(port)}.`);
  }
  const address = host ?? settings.server.host;
  if (!isLoopbackHost(address) && settings.keys.size === 0) {
    throw new CommandError(
      exit.usage,
      `--host ${address} would serve requests without a key: configure keys first (hindcast keys create), or use 127.0.0.1.`,
    );
  }
  return { ...settings, server: { ...settings.server, host: address, port: number } };
}

/** The log on stderr at the level of HINDCAST_LOG. Throws a CommandError for an unknown level. */
export function openLog({ json }: ServeOptions): Log {
  const requested = process.env.HINDCAST_LOG ?? 'info';
  const level = logLevels.find(name => name === requested);
  if (!level) throw new CommandError(exit.usage, `HINDCAST_LOG must be one of ${logLevels.join(', ')}, not ${JSON.stringify(requested)}.`);
  return createLog({
    level: level satisfies LogLevel,
    isTerminal: process.stderr.isTTY && !json,
    write: batchLines(lines => process.stderr.write(lines)),
  });
}

/** Writes the lines of one turn of the event loop together, to save system calls. */
function batchLines(write: (lines: string) => void): (line: string) => void {
  let pending = '';
  const flush = (): void => {
    const lines = pending;
    pending = '';
    if (lines !== '') write(lines);
  };
  process.once('exit', flush);
  return line => {
    if (pending === '') setImmediate(flush);
    pending += line;
  };
}
