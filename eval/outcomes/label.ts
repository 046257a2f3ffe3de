/** Gives each response its quality: from scores where there are any, else from agreement with the strongest target. */
import type { Store } from '../../recorder/store/store.ts';
import { agreement, type Content } from '../scores/agreement.ts';
import type { Item, Outcome, Outcomes } from './outcomes.ts';
import { type BodyRow, chunks, selectBodies, selectScores } from './query.ts';

/** An outcome, and where its answer and its scores are found. */
export interface Cell extends Outcome {
  /** Attempt 0 is what the caller was sent, in the wire format of its dialect; others are in that of their provider. */
  readonly body?: BodyReference;
  /** The exchange whose scores are about this answer. */
  readonly scoredExchange?: string;
  readonly scores?: Readonly<Record<string, number>>;
  /** The probability with which this copy was drawn. */
  readonly drawProbability?: number;
  /** `audit` or `shadow`. */
  readonly drawnBy?: string;
}

export interface BodyReference {
  readonly exchange: string;
  readonly attempt: number;
  readonly provider?: string;
  readonly dialect?: string;
}

export interface UnlabelledItem {
  readonly id: string;
  readonly cluster: string;
  readonly cells: ReadonlyMap<string, Cell>;
  readonly weight?: number;
  /** As of an item: with which its missing outcome was, or would have been, drawn. */
  readonly chance?: number;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface LabellingOptions {
  /** The name of a score, `agreement`, or `auto`: scores named quality, and agreement when no item has them for every column. */
  readonly quality: string;
  /** Further scores, by name. */
  readonly scores?: readonly string[];
  /** The columns that must have a quality; the last is the one to agree with. */
  readonly judged: readonly string[];
  /** Reads the content of a recorded answer; undefined when its wire format is not known here. */
  readonly read: (body: BodyReference, bytes: string) => Content | undefined;
}

/** Scores of other names are laid beside the quality. */
export async function labelOutcomes(store: Store, found: readonly UnlabelledItem[], labelling: LabellingOptions): Promise<Outcomes> {
  return withQuality(store, await withNamedScores(store, found, labelling.scores ?? []), labelling);
}

async function withNamedScores(
  store: Store,
  found: readonly UnlabelledItem[],
  names: readonly string[],
): Promise<readonly UnlabelledItem[]> {
  if (names.length === 0) return found;
  const known = new Map<string, ReadonlyMap<string, RankedScore>>();
  for (const name of names) known.set(name, await rankedScores(store, found, name));
  const scored = (cell: Cell): Cell => {
    const own = names.flatMap(name => {
      const score = cell.scoredExchange === undefined ? undefined : known.get(name)!.get(cell.scoredExchange)?.score;
      return score === undefined ? [] : [[name, score] as const];
    });
    return own.length === 0 ? cell : { ...cell, scores: { ...cell.scores, ...Object.fromEntries(own) } };
  };
  return found.map(item => ({ ...item, cells: new Map([...item.cells].map(([column, cell]) => [column, scored(cell)])) }));
}

async function withQuality(store: Store, found: readonly UnlabelledItem[], labelling: LabellingOptions): Promise<Outcomes> {
  const { quality, judged } = labelling;
  const strongest = judged.at(-1)!;
  let scoredNote: string | undefined;
  if (quality !== 'agreement') {
    const name = quality === 'auto' ? 'quality' : quality;
    const { items, outside, sources } = await qualityByScores(store, found, name);
    scoredNote = oneSidedNote(items, judged, name);
    const isJudgedThroughout = items.some(item => judged.every(column => isJudged(item.outcomes.get(column))));
    if (isJudgedThroughout || quality !== 'auto') {
      const notes = [
        ...(outside > 0 ? [`${outside} scores named ${name} lie outside 0 to 1 and were not used.`] : []),
        ...judgeNote(sources),
      ];
      return { items, label: `scores named ${name}`, notes };
    }
  }
  const items: Item[] = [];
  let unread = 0;
  for (const part of chunks(found)) {
    const read = await qualityByAgreement(store, part, labelling);
    items.push(...read.items);
    unread += read.unread;
  }
  const notes = [
    `${scoredNote ?? 'No answer was scored'}: quality is whether an answer says the same as that of ${strongest}, which may itself be wrong.`,
  ];
  if (unread > 0)
    notes.push(`${unread} recorded answers cannot be read any more (not stored whole, or their provider is not in this config).`);
  return { items, label: `agreement with ${strongest}`, notes };
}

/** Scores of one side alone compare nothing. Undefined where none is known. */
function oneSidedNote(items: readonly Item[], judged: readonly string[], name: string): string | undefined {
  const scored = judged.map(column => ({ column, n: items.filter(({ outcomes }) => outcomes.get(column)?.quality !== undefined).length }));
  const known = scored.filter(({ n }) => n > 0);
  if (known.length === 0) return undefined;
  const lacking = scored.filter(({ n }) => n === 0).map(({ column }) => column);
  const which = known.map(({ column, n }) => `${n} answers of ${column}`).join(', ');
  const remedy = lacking.length > 0 ? `score those of ${lacking.join(', ')} too` : 'score both answers of the same requests';
  return `Scores named ${name} are known for ${which}, and for no request of every target (${remedy}: hindcast eval score, hindcast eval label)`;
}

const isJudged = (outcome: Outcome | undefined): boolean =>
  outcome !== undefined && (outcome.failure !== undefined || outcome.quality !== undefined);

/** What an outcome is once it has been labelled. */
function outcomeOf(
  { body: _, scoredExchange: __, drawProbability, drawnBy: _by, scores, ...plain }: Cell,
  quality: number | undefined,
): Outcome {
  const cell: Outcome = drawProbability === undefined ? plain : { ...plain, drawn: true };
  const { quality: ___, ...others } = scores ?? {};
  const outcome = Object.keys(others).length === 0 ? cell : { ...cell, scores: others };
  return quality === undefined ? outcome : { ...outcome, quality };
}

/** In order of trust: client feedback, rules, human labels, judges, evaluations. */
const sourcePrecedence = ['client', 'rule', 'human', 'judge', 'eval'];

interface RankedScore {
  readonly rank: number;
  readonly score: number;
}

/** The most trusted score of each exchange. */
async function rankedScores(store: Store, found: readonly UnlabelledItem[], name: string): Promise<ReadonlyMap<string, RankedScore>> {
  const exchanges = [...new Set(found.flatMap(({ cells }) => [...cells.values()].flatMap(cell => cell.scoredExchange ?? [])))];
  const scores = new Map<string, RankedScore>();
  for (const part of chunks(exchanges)) {
    for (const { exchange, source, score } of await selectScores(store, part, name)) {
      const rank = sourcePrecedence.indexOf(source);
      const known = scores.get(exchange);
      if (!known || rank < known.rank) scores.set(exchange, { rank, score });
    }
  }
  return scores;
}

/** A judge is not people: what rests on it alone must not look as if it did not. */
function judgeNote(sources: ReadonlyMap<string, number>): readonly string[] {
  const sourceCounts = sourcePrecedence.flatMap(source => (sources.has(source) ? [`${source} ${sources.get(source)}`] : []));
  const judged = sources.get('judge') ?? 0;
  const human = (sources.get('human') ?? 0) + (sources.get('client') ?? 0) + (sources.get('rule') ?? 0);
  if (judged === 0) return [];
  const warning = human === 0 ? ' These results hold for the judge, not for people: hindcast eval label, then hindcast eval audit.' : '';
  return [`Labels come from: ${sourceCounts.join(', ')}.${warning}`];
}

async function qualityByScores(
  store: Store,
  found: readonly UnlabelledItem[],
  name: string,
): Promise<{ readonly items: Item[]; readonly outside: number; readonly sources: ReadonlyMap<string, number> }> {
  const scores = await rankedScores(store, found, name);
  let outside = 0;
  const sources = new Map<string, number>();
  const items = found.map(({ id, cluster, cells, weight, chance, tags }): Item => {
    const outcomes = [...cells].map(([column, cell]): [string, Outcome] => {
      const score = cell.scores?.[name] ?? (cell.scoredExchange === undefined ? undefined : scores.get(cell.scoredExchange)?.score);
      const usable = score !== undefined && score >= 0 && score <= 1;
      if (score !== undefined && !usable) outside++;
      const source = usable && cell.scores?.[name] === undefined ? sourcePrecedence[scores.get(cell.scoredExchange!)!.rank]! : undefined;
      if (source !== undefined) sources.set(source, (sources.get(source) ?? 0) + 1);
      return [column, outcomeOf(cell, usable ? score : undefined)];
    });
    return {
      id,
      cluster,
      outcomes: new Map(outcomes),
      ...(weight === undefined ? {} : { weight }),
      ...(chance === undefined ? {} : { chance }),
      ...(tags ? { tags } : {}),
    };
  });
  return { items, outside, sources };
}

async function qualityByAgreement(
  store: Store,
  found: readonly UnlabelledItem[],
  { judged, read }: LabellingOptions,
): Promise<{ readonly items: Item[]; readonly unread: number }> {
  const strongest = judged.at(-1)!;
  const bodies = found.flatMap(({ cells }) => [...cells.values()].flatMap(cell => cell.body ?? []));
  const rows: BodyRow[] = [];
  for (const part of chunks([...new Set(bodies.map(body => body.exchange))])) rows.push(...(await selectBodies(store, part)));
  const bytes = new Map(rows.map(row => [`${row.exchange} ${row.attempt_no}`, row.response_body]));
  let unread = 0;
  const contentOf = (cell: Cell | undefined): Content | undefined => {
    if (!cell?.body) return undefined;
    const stored = bytes.get(`${cell.body.exchange} ${cell.body.attempt}`);
    const content = stored === undefined ? undefined : read(cell.body, stored);
    if (content === undefined) unread++;
    return content;
  };
  const items = found.map(({ id, cluster, cells, weight, chance, tags }): Item => {
    const best = contentOf(cells.get(strongest));
    const outcomes = [...cells].map(([column, cell]): [string, Outcome] => {
      if (cell.failure || best === undefined) return [column, outcomeOf(cell, undefined)];
      const content = column === strongest ? best : contentOf(cell);
      return [column, outcomeOf(cell, content === undefined ? undefined : agreement(content, best))];
    });
    return {
      id,
      cluster,
      outcomes: new Map(outcomes),
      ...(weight === undefined ? {} : { weight }),
      ...(chance === undefined ? {} : { chance }),
      ...(tags ? { tags } : {}),
    };
  });
  return { items, unread };
}
