/** `hindcast show ID`: one exchange, with its attempts as a waterfall. */
import type { Attempt, ExchangeDetail } from '../../admin/api/exchanges.ts';
import { CommandError, exit, printResult, table } from '../command.ts';
import { printableLine } from '../printable.ts';
import { type ApiOptions, type LocalAccess, openClient } from './client.ts';

export interface ShowOptions extends ApiOptions {
  readonly json?: boolean;
}

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Prints one exchange. Exit code 0, or 5 when the gateway has no such exchange; other errors throw CommandError. */
export async function runShow(id: string, options: ShowOptions, access: LocalAccess): Promise<number> {
  if (!idPattern.test(id)) throw new CommandError(exit.usage, `${printableLine(id)} is no id: it is the x-request-id of an answer.`);
  const client = openClient(options, access);
  await client.flush();
  const found = await client.get('getExchange', { id: id.toLowerCase() }, {});
  if (!found) throw new CommandError(exit.nothing, `There is no exchange ${id} at ${client.url}.`);
  printResult(options, found, () => exchangeText(found));
  return exit.pass;
}

const usd = (cost: number | null): string => (cost === null ? 'unknown' : `$${cost.toFixed(6)}`);

/** One exchange for the terminal: head, attempts as a waterfall, scores. */
export function exchangeText(exchange: ExchangeDetail): string {
  const { attempt_list: attempts, scores } = exchange;
  const error = exchange.error_message ? ` · ${exchange.error_type}: ${exchange.error_message}` : '';
  const who = [exchange.tenant, exchange.project, exchange.key, exchange.user].filter(part => part !== '').join(' / ');
  const tags = Object.entries(exchange.tags).map(([name, value]) => `${name}=${value}`);
  const rows: readonly (readonly [string, string])[] = [
    ['received', `${exchange.received_at}, by ${who}`],
    ['route', `${exchange.route}${exchange.variant === '' ? '' : `, variant ${exchange.variant}`}; requested ${exchange.requested_model}`],
    ['answer', `${exchange.status} ${exchange.outcome}${error}, from ${exchange.provider}/${exchange.response_model || exchange.model}`],
    [
      'time',
      `${exchange.latency_ms} ms in all, first content after ${exchange.ttft_ms ?? '-'} ms, queued ${exchange.queued_ms} ms, held ${exchange.held_ms} ms, gateway ${(exchange.overhead_us / 1000).toFixed(1)} ms`,
    ],
    [
      'tokens',
      `${exchange.input_tokens} in (${exchange.cached_tokens} cached), ${exchange.output_tokens} out (${exchange.reasoning_tokens} reasoning), counted by ${exchange.usage_source}`,
    ],
    ['cost', usd(exchange.cost_usd)],
    ['config', exchange.config_hash],
    ['trace', exchange.trace_id],
    ...(tags.length > 0 ? [['tags', tags.join(', ')] as const] : []),
    ...(exchange.warnings.length > 0 ? [['losses', exchange.warnings.join('; ')] as const] : []),
    ...scores.map(
      ({ name, value, source, evaluator }) => ['score', `${name} ${value} (${source}${evaluator === '' ? '' : `, ${evaluator}`})`] as const,
    ),
  ];
  const head = `${exchange.operation} ${exchange.id}`;
  return [head, ...rows.map(([name, text]) => `  ${name.padEnd(9)} ${printableLine(text)}`), '', waterfall(exchange, attempts)].join('\n');
}

const barWidth = 40;

/** `░` waits for the response, `▒` for the first content, `█` is the answer. */
export function waterfall({ latency_ms: total }: Pick<ExchangeDetail, 'latency_ms'>, attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return 'No provider was called.';
  const end = Math.max(1, total, ...attempts.map(attempt => attempt.started_ms + attempt.duration_ms));
  const rows = attempts.map(attempt => {
    const confidence = attempt.confidence === null ? '' : attempt.confidence.toFixed(3);
    const why = attempt.reason === '' ? attempt.kind : `${attempt.kind}: ${attempt.reason}`;
    const how = attempt.outcome === 'ok' ? (attempt.accepted ? 'accepted' : 'declined') : attempt.outcome;
    const cells = [
      String(attempt.number),
      attempt.target,
      why,
      bar(attempt, end),
      `${attempt.duration_ms} ms`,
      how,
      confidence,
      usd(attempt.cost_usd),
    ];
    return cells.map(printableLine);
  });
  const errors = attempts.flatMap(({ number, error_type: type, error_message: message }) =>
    message ? [`  ${number}: ${printableLine(type)}: ${printableLine(message)}`] : [],
  );
  const legend = '░ until the response begins, ▒ until the first content, █ the answer';
  const shown = table(['', 'target', 'why', `0 … ${end} ms`, 'took', 'how', 'confidence', 'cost'], rows);
  return [shown, ...(errors.length > 0 ? ['', ...errors] : []), '', legend].join('\n');
}

function bar({ started_ms: start, ttfb_ms: firstByte, ttft_ms: firstToken, duration_ms: duration }: Attempt, end: number): string {
  const column = (ms: number): number => Math.min(barWidth, Math.round((ms / end) * barWidth));
  const from = Math.min(barWidth - 1, column(start));
  const to = Math.max(from + 1, column(start + duration));
  const byte = firstByte === null ? to : Math.min(to, Math.max(from, column(start + firstByte)));
  const token = firstToken === null ? to : Math.min(to, Math.max(byte, column(start + firstToken)));
  return ' '.repeat(from) + '░'.repeat(byte - from) + '▒'.repeat(token - byte) + '█'.repeat(to - token) + ' '.repeat(barWidth - to);
}
