/** What `hindcast serve` is told beside its configuration: where it listens, and how it logs. */

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

/** What the command line says goes over the file. */
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
      `--host ${address} would let everybody in: configure keys first (hindcast keys create), or stay on 127.0.0.1.`,
    );
  }
  return { ...settings, server: { ...settings.server, host: address, port: number } };
}

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

/** The lines of one turn of the event loop go out together: each write is a call of the system. */
function batchLines(write: (lines: string) => void): (line: string) => void {
  let waiting = '';
  const flush = (): void => {
    const lines = waiting;
    waiting = '';
    if (lines !== '') write(lines);
  };
  process.once('exit', flush);
  return line => {
    if (waiting === '') setImmediate(flush);
    waiting += line;
  };
}
