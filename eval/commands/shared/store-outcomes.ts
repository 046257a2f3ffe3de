/** Loads a command's outcomes from the store, with the runs that the flags name. */

import { CommandError, exit } from '../../../gateway/cli/command.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import type { Settings } from '../../../gateway/settings/settings.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { contentOf, readAnswer } from '../../../replay/recorded/answer.ts';
import { wireProviderOf } from '../../../replay/recorded/dialects.ts';
import { parseTime } from '../../../replay/recorded/selection.ts';
import { kishEffectiveSampleSize } from '../../../statistics/index.ts';
import type { BodyReference } from '../../outcomes/label.ts';
import type { CompleteItems, Dropped, Outcomes } from '../../outcomes/outcomes.ts';
import { type RunRow, samplingRuns, selectRuns } from '../../outcomes/query.ts';
import { type Column, loadOutcomes } from '../../outcomes/store.ts';
import { count, droppedText } from '../../report/shared/format.ts';
import type { Content } from '../../scores/agreement.ts';

export interface OutcomeRequest {
  readonly targets: readonly string[];
  readonly columns: readonly Column[];
  /** All columns that need a quality, the strongest last. */
  readonly judged: readonly string[];
  readonly quality: string;
  readonly since: string | undefined;
  readonly runs: readonly string[];
  readonly limit: number;
  readonly scores?: readonly string[];
  /** This request alone. */
  readonly item?: string;
  /** Requests of this route alone, where no run is named. */
  readonly route?: string;
  /** Requests of the newest configuration alone. */
  readonly newestConfiguration?: boolean;
  /** Nothing but what callers got: no replay, audit or shadow. */
  readonly liveOnly?: boolean;
  /** Items carry weights from their sampling probability. */
  readonly weighted?: boolean;
  /** Of the route's requests those alone that the named run drew. */
  readonly drawnOnly?: boolean;
}

/** Gives an open store to `work` and closes it afterwards, whatever happens. */
export async function withStore<Result>(settings: Settings, work: (store: Store) => Promise<Result>): Promise<Result> {
  // Loaded when it is needed: a file of outcomes is judged without any database.
  const { openStore } = await import('../../../recorder/process/open-store.ts');
  const store = await openStore(settings);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Outcomes of the selected requests and runs. Throws CommandError for runs that do not exist or do not fit. */
export async function loadStoreOutcomes(store: Store, settings: Settings, request: OutcomeRequest): Promise<Outcomes> {
  const all = await selectRuns(store);
  if (request.weighted && !(request.runs.length === 1 && samplingRuns.includes(request.runs[0]!)))
    throw new CommandError(exit.usage, weighUsage);
  const named = request.runs.map(name => continuousRun(name) ?? runNamed(all, name, run => hasArmFor(run, request.targets)));
  const { targets, columns, judged, quality, limit, scores = [] } = request;
  return loadOutcomes(store, {
    ...{ targets, columns, judged, quality, limit, scores },
    runs: named.length > 0 ? named : request.liveOnly ? [] : [...all, ...samplingRuns.map(continuousRunRow)],
    ...(request.route === undefined ? {} : { route: request.route }),
    newestConfiguration: request.newestConfiguration ?? false,
    onlyRuns: named.length > 0,
    weighted: request.weighted ?? false,
    drawnOnly: request.drawnOnly ?? false,
    ...(request.item === undefined ? {} : { item: request.item }),
    read: (body, text) => readContent(settings, body, text),
    ...(request.since === undefined ? {} : { since: parseTime(request.since, '--since', wallClock.now()) }),
  });
}

/** Runs of the gateway itself, which never end: a route's `shadow` and its audits. */
const continuousRunRow = (name: string): RunRow => ({
  run_id: name,
  kind: name,
  name,
  arms: [],
  state: 'running',
  cost_usd: 0,
  seconds: 0,
  done: 0,
  failed: 0,
});

/** The run of shadows or audits by its name; undefined for any other name. */
export const continuousRun = (name: string): RunRow | undefined => (samplingRuns.includes(name) ? continuousRunRow(name) : undefined);

const weighUsage = '--weigh goes with --run audit or --run shadow alone: their requests were drawn with known chances.';

/** `latest` is the newest run that `matches`; any run by default. */
export function runNamed(runs: readonly RunRow[], name: string, matches: (run: RunRow) => boolean = () => true): RunRow {
  const found =
    name === 'latest' ? (runs.find(run => run.state !== 'planned' && matches(run)) ?? runs[0]) : runs.find(run => run.run_id === name);
  if (found) return found;
  const hint = 'hindcast replay run --since 1h --against provider/model makes one, hindcast eval import FILE another';
  const known = runs.slice(0, 5).map(run => run.run_id);
  throw new CommandError(
    exit.nothing,
    known.length === 0 ? `There is no run yet: ${hint}.` : `There is no run ${name}. The newest are ${known.join(', ')}.`,
  );
}

/** A replay of a configuration may have called any target. */
const hasArmFor = ({ arms }: RunRow, targets: readonly string[]): boolean =>
  targets.length === 0 || arms.some(arm => targets.includes(arm) || arm.startsWith('config:'));

/** A stream is recognised by its first byte: no SSE line starts with a bracket. */
function readContent(settings: Settings, { provider, dialect }: BodyReference, text: string): Content | undefined {
  const wire = dialect === undefined ? settings.providers.get(provider ?? '')?.provider : wireProviderOf(dialect);
  if (!wire) return undefined;
  const response = readAnswer(wire, !/^\s*[[{]/.test(text), Buffer.from(text));
  return 'kind' in response ? undefined : contentOf(response);
}

/** Exit 5, with what is missing and what would bring it. */
export function noCompleteItemsError(
  targets: readonly string[],
  { known, coverage, dropped }: CompleteItems,
  fromFile: boolean,
): CommandError {
  const names = targets.join(', ');
  if (known === 0) {
    const where = fromFile ? 'The file has no outcome of' : 'Nothing is recorded of';
    const remedy = fromFile
      ? 'Check the names against those in the file.'
      : 'Ask the gateway something, or replay: hindcast replay run --against PROVIDER/MODEL, or hindcast eval import FILE.';
    return new CommandError(exit.nothing, `${where} ${names}. ${remedy}`);
  }
  const lines = [...coverage].map(([target, n]) => `  ${target}: ${n} of ${count(known, 'request')}`);
  return new CommandError(
    exit.nothing,
    [`No request has an outcome of each of ${names}:`, ...lines, ...dropped.map(droppedText)].join('\n'),
  );
}

/** A live chain selects the requests that reach the strong target, so the others differ. */
export function selectionNote(dropped: readonly Dropped[], known: number, weights?: Float64Array): readonly string[] {
  if (weights)
    return [
      `The requests weigh unequally: together they say as much as ${count(Math.floor(kishEffectiveSampleSize(weights)), 'equal one')}.`,
    ];
  const missing = dropped.filter(({ why }) => why.startsWith('no outcome of')).reduce((sum, { count: n }) => sum + n, 0);
  if (missing <= known / 100) return [];
  return [
    `Careful: ${count(missing, 'request')} of ${known} lack some target's outcome. They are seldom a random sample (a live chain escalates just what it doubts): replay them before you believe the numbers.`,
  ];
}
