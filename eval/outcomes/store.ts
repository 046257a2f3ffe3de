/** Builds the outcome matrix from the store: recorded, replayed and imported outcomes. */

import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Store } from '../../recorder/store/store.ts';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { type DrawableItem, withDrawChances } from './chances.ts';
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

/** A column of the matrix that is no target: the whole exchange, with its route's final response. */
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
  /** Requests of this route alone, where no run is named and the route has any. */
  readonly route?: string;
  /** Requests of the newest configuration alone; how many others there are is noted. */
  readonly newestConfiguration?: boolean;
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
  const found: DrawableItem[] = [];
  const notes: string[] = [];
  let source: Outcomes['source'];
  if (replays.length > 0 || !query.onlyRuns) {
    const select = (route: string | undefined): Promise<OriginalRow[]> =>
      selectOriginals(store, {
        targets: query.targets,
        runs: [...new Set([...replays, ...armRuns])],
        // What was escalated has all its outcomes without a copy.
        onlyRuns: query.drawnOnly || (query.onlyRuns && copies.length === 0) || armRuns.length > 0,
        ...(copies.length === 0 || query.drawnOnly ? {} : { drawnFrom: copies }),
        limit: query.limit,
        ...(query.since === undefined ? {} : { since: query.since }),
        ...(query.item === undefined ? {} : { item: query.item }),
        ...(route === undefined || (query.onlyRuns && !query.drawnOnly) ? {} : { route }),
      });
    const own = await select(query.route);
    const all = own.length > 0 || query.route === undefined || query.onlyRuns ? own : await select(undefined);
    if (all.length > own.length) notes.push(`Route ${query.route} has no recorded request; these are of every route.`);
    const rows = query.newestConfiguration ? newestOnly(all, notes) : all;
    source = sourceOf(rows);
    const chance = audited && !query.weighted ? await minAuditProbability(store, query.targets) : 1;
    const judged = chance < 1 ? rows.filter(({ id }) => seededUniform(id, 'audit') < chance) : rows;
    for (const part of chunks(judged)) found.push(...(await cellsOf(store, query, part, replays)));
  }
  if (imports.length > 0)
    found.push(...importedCells(await selectResults(store, imports, query.targets, query.item === undefined ? undefined : [query.item])));
  const outcomes = await labelOutcomes(store, isWeighed(query) ? withDrawChances(found, query.targets) : found.map(withoutDrawing), query);
  return { ...outcomes, ...(source ? { source } : {}), notes: [...notes, ...outcomes.notes] };
}

/** Named runs are judged unweighted unless weights are requested; over all traffic, audits are weighted. */
const isWeighed = ({ weighted, onlyRuns }: OutcomeQuery): boolean => (weighted ?? false) || !onlyRuns;

const withoutDrawing = ({ drawing: _, ...item }: DrawableItem): UnlabelledItem => item;

function sourceOf(rows: readonly OriginalRow[]): Outcomes['source'] {
  if (rows.length === 0) return undefined;
  const times = rows.map(({ at }) => Number(at));
  return {
    routes: [...new Set(rows.map(({ route }) => route))].sort(),
    configurations: new Set(rows.map(({ config_hash: hash }) => hash)).size,
    from: times.reduce((a, b) => Math.min(a, b)),
    to: times.reduce((a, b) => Math.max(a, b)),
    requests: rows.length,
    withoutConversation: rows.filter(({ conversation_id: conversation }) => conversation === '').length,
  };
}

/** Rows come newest first. */
function newestOnly(rows: readonly OriginalRow[], notes: string[]): readonly OriginalRow[] {
  const kept = rows.filter(({ config_hash: hash }) => hash === rows[0]!.config_hash);
  if (kept.length < rows.length)
    notes.push(
      `${(rows.length - kept.length).toLocaleString('en')} requests of earlier configurations are left out; --all-configurations takes them in.`,
    );
  return kept;
}

async function cellsOf(
  store: Store,
  query: OutcomeQuery,
  rows: readonly OriginalRow[],
  replays: readonly string[],
): Promise<DrawableItem[]> {
  const ids = rows.map(row => row.id);
  const dialects = new Map(rows.map(row => [row.id, row.dialect]));
  const cells = new Map<string, Map<string, Cell>>(ids.map(id => [id, new Map()]));
  const keep = (item: string, column: string, cell: Cell | undefined): void => {
    const known = cells.get(item);
    if (cell && known && !known.has(column)) known.set(column, cell);
  };
  if (query.targets.length > 0) {
    const attempts = await selectAttempts(store, ids, query.targets, { runs: replays, weighs: isWeighed(query) });
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
    drawing: `${row.route} ${row.config_hash}`,
    tags: { ...row.tags, tenant: row.tenant_id, route: row.route, project: row.project_id, user: row.end_user },
  }));
}

/** The attempts of each exchange at each target, in order. Recorded exchanges come first, then replays, the newest run and its first repeat before others. */
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
    ...(last.audit_probability > 0 && last.audit_probability < 1 ? { drawProbability: last.audit_probability, drawnBy: last.run_id } : {}),
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

function importedCells(rows: readonly ResultRow[]): DrawableItem[] {
  const found = new Map<string, { id: string; cluster: string; cells: Map<string, Cell>; drawing: string }>();
  for (const row of rows) {
    const item = found.get(row.item) ?? {
      id: row.item,
      cluster: row.cluster === '' ? row.item : row.cluster,
      cells: new Map(),
      drawing: '',
    };
    const cell = resultCell(row);
    if (cell && !item.cells.has(row.arm)) item.cells.set(row.arm, cell);
    found.set(row.item, item);
  }
  return [...found.values()];
}
