/** The gateway's log: JSON lines for machines, short lines for a terminal. Only typed fields and our own words go in, never a body or a credential. */
import pino from 'pino';
import type { Exchange } from '../core/exchange.ts';
import { usd } from '../core/money/price.ts';
import type { Log, LogFields } from '../settings/log.ts';

/** Levels of the log, most talkative first. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly isTerminal: boolean;
  write(line: string): void;
}

/** A log that writes each line through `write`: JSON, or short lines for a terminal. Lines below the level are dropped. */
export function createLog({ level, isTerminal, write }: LogOptions): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: name => ({ level: name }) } },
    { write: isTerminal ? line => write(prettyLine(line)) : write },
  );
  const at = (name: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) =>
    fields === undefined ? logger[name](message) : logger[name](fields, message);
  const info = at('info');
  const isPlain = !isTerminal && logger.isLevelEnabled('info');
  return { debug: at('debug'), info: isPlain ? withRequestLines(info, write) : info, warn: at('warn'), error: at('error') };
}

/** Lines with no field but an id, as each request has one, are written by hand: the same bytes for a tenth of the time. */
const withRequestLines =
  (info: Log['info'], write: LogOptions['write']): Log['info'] =>
  (message, fields) => {
    if (typeof fields?.id !== 'string' || hasMore(fields)) return info(message, fields);
    write(`{"level":"info","time":"${new Date().toISOString()}","id":${JSON.stringify(fields.id)},"msg":${JSON.stringify(message)}}\n`);
  };

function hasMore(fields: LogFields): boolean {
  for (const name in fields) if (name !== 'id') return true;
  return false;
}

/** A log that writes nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const levelSymbols: Readonly<Record<string, string>> = { debug: '·', info: ' ', warn: '!', error: '✗' };

/** `12:34:56 ! what happened  id=…` */
function prettyLine(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const rest = Object.entries(fields).map(([name, value]) => `  ${name}=${printable(String(value))}`);
  return `${clock} ${levelSymbols[String(level)] ?? ' '} ${printable(String(msg))}${rest.join('')}\n`;
}

/** A stack keeps its lines; everything else that could move the cursor is taken out. */
const printable = (text: string): string => text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]+/g, ' ');

/** One line for a finished request. */
export function requestLine(exchange: Exchange): string {
  const { status, attempts, usage, costNanoUsd } = exchange;
  const last = attempts.find(attempt => attempt.accepted) ?? attempts.at(-1);
  const route = exchange.policy.name === last?.target ? '' : `${exchange.policy.name} → `;
  const attemptCount = attempts.length > 1 ? `, ${attempts.length} attempts` : '';
  const tokens = usage ? `, ${usage.input}+${usage.output} tokens` : '';
  const price = costNanoUsd === undefined ? '' : `, $${usd(costNanoUsd).toFixed(6)}`;
  const duration = `${Math.round(exchange.endedAt - exchange.receivedAt)} ms`;
  return `${status || '---'} ${exchange.outcome} ${route}${last?.target ?? '(no target)'} ${duration}${attemptCount}${tokens}${price}`;
}
