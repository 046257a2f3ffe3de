/** Builds the matrix from the store: what was recorded, what was replayed since, and what was imported. */

import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Store } from '../../recorder/store/store.ts';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { failureOfKind } from './file.ts';
import { type Cell, type LabellingOptions, labelOutcomes, type UnlabelledItem } from './label.ts';
import type { Outcomes } from './outcomes.ts';
import {
  type AttemptRow,
  chunks,
  minAuditProbability,
  type OriginalRow,
  type ResultRow,
  type RunRow,
  samplingRuns,
  selectAttempts,
  selectOriginals,
  selectResults,
} from './query.ts';

/** A column of the matrix that is no target: a whole exchange, whatever its route made of it. */
export type Column = { readonly name: string } & (
  | { readonly type: 'recorded' }
  | { readonly type: 'arm'; readonly run: string; readonly arm: string }
);

export interface OutcomeQuery extends LabellingOptions {
  readonly targets: readonly string[];
  readonly columns: readonly Column[];
  readonly since?: Instant;
  /** Whose outcomes fill what was not recorded, newest first; `only`: and nothing but the requests in them is judged. */
  readonly runs: readonly RunRow[];
  readonly onlyRuns: boolean;
  /** Of audits and shadows all that is known is judged, each for one over its chance; otherwise a sample of equal chances. */
  readonly weighted?: boolean;
  /** With `weighted`: of the route's requests those alone that were drawn. */
  readonly drawnOnly?: boolean;
  /** The most recent so many requests. */
  readonly limit: number;
  /** Requests of this route alone, where no run is named. */
  readonly route?: string;
  /** This request alone. */
  readonly item?: string;
}

export async function loadOutcomes(store: Store, query: OutcomeQuery): Promise<Outcomes> {
  const replays = query.runs.filter(run => run.kind !== 'import').map(run => run.run_id);
  const weighed = query.weighted ? replays.filter(run => samplingRuns.includes(run)) : [];
  const audited = query.onlyRuns && replays.includes('audit');
  const copies = audited ? [...new Set([...weighed, 'audit'])] : weighed;
  const imports = query.onlyRuns ? query.runs.filter(run => run.kind === 'import').map(run => run.run_id) : [];
  const armRuns = query.columns.flatMap(column => (column.type === 'arm' ? [column.run] : []));
  const found: UnlabelledItem[] = [];
  if (replays.length > 0 || !query.onlyRuns) {
    const rows = await selectOriginals(store, {
      targets: query.targets,
      runs: [...new Set([...replays, ...armRuns])],
      // What was escalated has all its outcomes without a copy.
      onlyRuns: query.drawnOnly || (query.onlyRuns && copies.length === 0) || armRuns.length > 0,
      ...(copies.length === 0 || query.drawnOnly ? {} : { drawnFrom: copies }),
      limit: query.limit,
      ...(query.since === undefined ? {} : { since: query.since }),
      ...(query.item === undefined ? {} : { item: query.item }),
      ...(query.route === undefined || (query.onlyRuns && !query.drawnOnly) ? {} : { route: query.route }),
    });
    const chance = audited && !query.weighted ? await minAuditProbability(store, query.targets) : 1;
    const judged = chance < 1 ? rows.filter(({ id }) => seededUniform(id, 'audit') < chance) : rows;
    for (const part of chunks(judged)) found.push(...(await cellsOf(store, query, part, replays)));
  }
  if (imports.length > 0)
    found.push(...importedCells(await selectResults(store, imports, query.targets, query.item === undefined ? undefined : [query.item])));
  const outcomes = await labelOutcomes(store, query.weighted ? withChances(found, query.targets) : found, query);
  const note = samplingNote(found, query.targets, weighed);
  return note === undefined ? outcomes : { ...outcomes, notes: [note, ...outcomes.notes] };
}

/** A request whose last target is unknown was not drawn; it had the chance that its configuration gives. Escalated ones needed no draw. */
function withChances(found: readonly UnlabelledItem[], targets: readonly string[]): readonly UnlabelledItem[] {
  const chanceMin = found.reduce((least, { weight = 1 }) => Math.min(least, 1 / weight), 1);
  const last = targets.at(-1)!;
  return found.map(item => ({ ...item, chance: item.weight !== undefined ? 1 / item.weight : item.cells.has(last) ? 1 : chanceMin }));
}

/** What was drawn, and what each drawn one stands for. */
function samplingNote(found: readonly UnlabelledItem[], targets: readonly string[], copies: readonly string[]): string | undefined {
  if (copies.length === 0) return undefined;
  const whole = found.filter(({ cells }) => targets.every(target => cells.has(target)));
  const drawn = whole.filter(({ weight }) => weight !== undefined);
  const standFor = drawn.reduce((sum, { weight }) => sum + weight!, 0);
  return `Of ${found.length.toLocaleString('en')} requests ${drawn.length.toLocaleString('en')} were drawn by ${copies.join(' and ')} and stand for about ${Math.round(standFor).toLocaleString('en')}, each for one over its chance; ${(whole.length - drawn.length).toLocaleString('en')} had all outcomes without.`;
}

async function cellsOf(
  store: Store,
  query: OutcomeQuery,
  rows: readonly OriginalRow[],
  replays: readonly string[],
): Promise<UnlabelledItem[]> {
  const ids = rows.map(row => row.id);
  const dialects = new Map(rows.map(row => [row.id, row.dialect]));
  const cells = new Map<string, Map<string, Cell>>(ids.map(id => [id, new Map()]));
  const keep = (item: string, column: string, cell: Cell | undefined): void => {
    const known = cells.get(item);
    if (cell && known && !known.has(column)) known.set(column, cell);
  };
  if (query.targets.length > 0) {
    const attempts = await selectAttempts(store, ids, query.targets, { runs: replays, weighs: query.weighted ?? false });
    for (const tries of attemptGroups(attempts, replays)) keep(tries[0]!.item, tries[0]!.target, cellOf(tries));
    // An arm that is no target of any policy, such as a URL, has its outcome in the results only.
    const replayRuns = query.weighted ? [] : replays;
    for (const row of replayRuns.length === 0 ? [] : await selectResults(store, replayRuns, query.targets, ids))
      keep(row.item, row.arm, resultCell(row, dialects.get(row.item)));
  }
  for (const column of query.columns) {
    if (column.type === 'recorded') for (const row of rows) keep(row.id, column.name, recordedCell(row));
    else
      for (const row of await selectResults(store, [column.run], [column.arm], ids))
        keep(row.item, column.name, resultCell(row, dialects.get(row.item)));
  }
  const known = rows.filter(row => cells.get(row.id)!.size > 0);
  return known.map(row => ({
    id: row.id,
    cluster: row.conversation_id === '' ? row.id : row.conversation_id,
    cells: cells.get(row.id)!,
    ...(query.weighted ? weightOf(cells.get(row.id)!) : {}),
    tags: { ...row.tags, tenant: row.tenant_id, route: row.route, project: row.project_id, user: row.end_user },
  }));
}

/** Copies of one request are drawn independently of one another. */
function weightOf(cells: ReadonlyMap<string, Cell>): { readonly weight?: number } {
  const weight = [...cells.values()].reduce((product, { drawProbability = 1 }) => product / drawProbability, 1);
  return weight === 1 ? {} : { weight };
}

/** The attempts of each exchange at each target, in order. Recorded exchanges come first, then replays, the newest run and its first asking before others. */
function attemptGroups(rows: readonly AttemptRow[], replays: readonly string[]): readonly (readonly AttemptRow[])[] {
  const groups = new Map<string, AttemptRow[]>();
  for (const row of rows) {
    const key = `${row.exchange} ${row.target}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const rank = ([row]: readonly AttemptRow[]): number => (row!.run_id === '' ? -1 : replays.indexOf(row!.run_id));
  return [...groups.values()]
    .map(group => group.toSorted((a, b) => a.attempt_no - b.attempt_no))
    .sort((a, b) => rank(a) - rank(b) || a[0]!.repeat_no - b[0]!.repeat_no);
}

/** Several attempts are one outcome with summed cost and time. An attempt that was aborted by the caller or by another response is not informative. */
function cellOf(tries: readonly AttemptRow[]): Cell | undefined {
  const informative = tries.filter(row => row.outcome !== 'aborted' && row.outcome !== 'cancelled');
  const last = informative.find(row => row.outcome === 'ok') ?? informative.at(-1);
  if (!last) return undefined;
  const before = informative.slice(0, informative.indexOf(last)).reduce((sum, row) => sum + row.duration_ms, 0);
  const billed = tries.filter(row => row.price_id !== '' || row.outcome === 'ok');
  const priced = billed.every(row => row.price_id !== '');
  const ok = last.outcome === 'ok';
  return {
    signals: last.signals,
    latencyMs: before + last.duration_ms,
    ...(priced ? { costNanoUsd: billed.reduce((sum, row) => sum + Number(row.cost_nano), 0) } : {}),
    ...(ok && last.ttft_ms > 0 ? { firstTokenMs: before + last.ttft_ms } : {}),
    ...(last.served_model === '' ? {} : { model: last.served_model }),
    ...(ok ? {} : { failure: failureOfKind(last.outcome) }),
    ...(ok ? { body: { exchange: last.exchange, attempt: last.attempt_no, provider: last.provider } } : {}),
    ...(last.audit_probability > 0 && last.audit_probability < 1 ? { drawProbability: last.audit_probability } : {}),
    // A score is of what the caller got.
    ...(last.accepted ? { scoredExchange: last.exchange } : {}),
  };
}

/** A caller that left saw neither answer nor failure. */
function recordedCell(row: OriginalRow): Cell | undefined {
  if (row.outcome === 'cancelled') return undefined;
  const ok = row.outcome === 'ok';
  return {
    signals: {},
    latencyMs: row.latency_ms,
    ...(row.price_id === '' ? {} : { costNanoUsd: Number(row.cost_nano) }),
    ...(ok && row.ttft_ms > 0 ? { firstTokenMs: row.ttft_ms } : {}),
    ...(ok ? { body: { exchange: row.id, attempt: 0, dialect: row.dialect } } : { failure: failureOfKind(row.error_type || row.outcome) }),
    scoredExchange: row.id,
  };
}

/** A replay answers in the wire format of the original's caller. */
function resultCell(row: ResultRow, dialect?: string): Cell | undefined {
  if (row.outcome === 'cancelled') return undefined;
  const ok = row.outcome === 'ok';
  return {
    signals: row.signals,
    ...(row.latency_ms === 0 ? {} : { latencyMs: row.latency_ms }),
    ...(row.price_id === '' ? {} : { costNanoUsd: Number(row.cost_nano) }),
    ...(row.ttft_ms === 0 ? {} : { firstTokenMs: row.ttft_ms }),
    ...(ok ? {} : { failure: failureOfKind(row.error_type || row.outcome) }),
    ...(ok && row.exchange !== '' && dialect !== undefined ? { body: { exchange: row.exchange, attempt: 0, dialect } } : {}),
    ...(row.exchange === '' ? {} : { scoredExchange: row.exchange }),
    scores: row.scores,
  };
}

function importedCells(rows: readonly ResultRow[]): UnlabelledItem[] {
  const found = new Map<string, { id: string; cluster: string; cells: Map<string, Cell> }>();
  for (const row of rows) {
    const item = found.get(row.item) ?? { id: row.item, cluster: row.cluster === '' ? row.item : row.cluster, cells: new Map() };
    const cell = resultCell(row);
    if (cell && !item.cells.has(row.arm)) item.cells.set(row.arm, cell);
    found.set(row.item, item);
  }
  return [...found.values()];
}
