/** `hindcast tail`: a line for each exchange as it finishes. */
import type { ExchangeSummary, TailEvent } from '../../admin/api/exchanges.ts';
import type { QueryFor } from '../../admin/api/table.ts';
import { exit, note } from '../command.ts';
import { printableJson, printableLine } from '../printable.ts';
import { type ApiOptions, type LocalAccess, openClient } from './client.ts';

export interface TailOptions extends ApiOptions {
  readonly json?: boolean;
  readonly last: string;
  readonly route?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly tenant?: string;
  readonly project?: string;
  readonly keyName?: string;
  readonly user?: string;
  readonly conversation?: string;
  readonly outcome?: QueryFor<'tail'>['outcome'];
  readonly errorType?: string;
  readonly tag?: string;
  readonly minCost?: string;
  readonly minLatency?: string;
}

/** Prints exchanges until the gateway ends or a signal comes. Exit code 130 after a signal. */
export async function runTail(options: TailOptions, access: LocalAccess): Promise<number> {
  const client = openClient(options, access);
  const leaving = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
  const filter = filterOf(options);
  const seen = new Set<string>();
  const show = (exchange: ExchangeSummary): void => {
    if (seen.has(exchange.id)) return;
    seen.add(exchange.id);
    // Only the newest may come twice: from the store and as they finish.
    if (seen.size > 2_000) seen.delete(seen.values().next().value!);
    print(options, exchange);
  };
  const early: TailEvent[] = [];
  let isListed = false;
  const onEvent = (event: TailEvent): void => {
    if (!isListed) early.push(event);
    else if (event.type === 'exchange') show(event.exchange);
    else note(`… ${event.count} more were left out; name filters to see less`);
  };
  const listLast = async (): Promise<void> => {
    const limit = Number(options.last);
    if (limit > 0) await client.flush();
    const listed = limit > 0 ? await client.get('listExchanges', {}, { ...filter, limit }) : undefined;
    if (!options.json) process.stdout.write(`${heading}\n`);
    for (const exchange of (listed?.data ?? []).toReversed()) show(exchange);
    isListed = true;
    for (const event of early) onEvent(event);
  };
  try {
    await client.events(filter, leaving.signal, onEvent, listLast);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
  if (leaving.signal.aborted) return exit.interrupted;
  note('The gateway has ended the tail.');
  return exit.pass;
}

function filterOf(options: TailOptions): QueryFor<'tail'> {
  const { route, model, provider, tenant, project, keyName, user, conversation, outcome, errorType, tag, minCost, minLatency } = options;
  const all = {
    ...{ route, model, provider, tenant, project, key: keyName, user, conversation, outcome, error_type: errorType, tag },
    ...{ min_cost_usd: minCost, min_latency_ms: minLatency },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as QueryFor<'tail'>;
}

const columns = [
  ['time', 12],
  ['status', 6],
  ['outcome', 14],
  ['ms', 7],
  ['ttft', 6],
  ['in', 7],
  ['out', 6],
  ['cost', 10],
  ['tries', 5],
  ['route', 16],
  ['model', 30],
  ['id', 36],
] as const;
const isNumber = (name: string): boolean => ['status', 'ms', 'ttft', 'in', 'out', 'cost', 'tries'].includes(name);

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => {
      const [name, width] = columns[i]!;
      return isNumber(name) ? cell.padStart(width) : cell.padEnd(width);
    })
    .join('  ')
    .trimEnd();

const heading = line(columns.map(([name]) => name));

function print(options: TailOptions, exchange: ExchangeSummary): void {
  process.stdout.write(`${options.json ? printableJson(JSON.stringify(exchange)) : exchangeLine(exchange)}\n`);
}

/** One exchange as a line of the tail, its cells under the heading. */
export function exchangeLine(exchange: ExchangeSummary): string {
  const { provider, model, requested_model: requested, cost_usd: cost } = exchange;
  const cells = [
    exchange.received_at.slice(11, 23),
    String(exchange.status),
    exchange.outcome,
    String(exchange.latency_ms),
    exchange.ttft_ms === null ? '-' : String(exchange.ttft_ms),
    String(exchange.input_tokens),
    String(exchange.output_tokens),
    cost === null ? '?' : `$${cost.toFixed(6)}`,
    String(exchange.attempts),
    exchange.route,
    model === '' ? requested : `${provider}/${model}`,
    exchange.id,
  ];
  return line(cells.map(printableLine));
}
