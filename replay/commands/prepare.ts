/** What every command of replay begins with: the selected requests, and the arms that shall answer them. */
import { CommandError, exit, loadSettings, note } from '../../gateway/cli/command.ts';
import type { ExchangeSink } from '../../gateway/core/exchange.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { httpUpstream, type Upstream } from '../../gateway/transport/upstream.ts';
import type { Store } from '../../recorder/store/store.ts';
import { type Arm, armOf, noiseFloorArm } from '../arms/arm.ts';
import type { Transforms } from '../arms/transform.ts';
import { type RunItem, readDataset } from '../recorded/dataset.ts';
import { fileCandidates, readRequests } from '../recorded/request-file.ts';
import { loadRequests, type RecordedRequest, selectCandidates } from '../recorded/requests.ts';
import { sample, type WeightedRequestId } from '../recorded/sample.ts';
import { type SelectionOptions, samplingOf, selectionOf } from '../recorded/selection.ts';
import type { ToolMatching } from '../recorded/turns.ts';

export interface ReplayOptions extends SelectionOptions {
  readonly against: readonly string[];
  readonly config?: string;
  readonly json?: boolean;
  readonly aa?: string;
  readonly temperature?: string;
  readonly hosted?: string;
  readonly maxCost?: string;
  readonly conversation?: string;
  readonly tools?: string;
}

export interface SelectedRequests {
  readonly requests: readonly RecordedRequest[];
  /** Selected before duplicates were collapsed and a sample was drawn. */
  readonly candidates: number;
  /** They lie in files, and nothing of them in the store. */
  readonly fromFile: boolean;
}

/** In order of arrival, each with its weight. */
export async function selectRequests(
  store: Store,
  settings: Settings,
  options: SelectionOptions,
  paced: boolean,
): Promise<SelectedRequests> {
  const chosen =
    options.dataset === undefined ? await drawSample(store, options, paced) : await requestsOfDataset(store, settings, options.dataset);
  if (chosen.requests.length === 0) {
    throw new CommandError(exit.nothing, 'No recorded request matches. Widen --since, drop a filter, or ask the gateway something first.');
  }
  return chosen;
}

async function drawSample(store: Store, options: SelectionOptions, paced: boolean): Promise<SelectedRequests> {
  const selection = selectionOf(options, wallClock.now());
  const sampling = samplingOf(options, paced);
  if (options.from === undefined) {
    const all = await selectCandidates(store, selection).catch(error => throwWhereError(options, error));
    const taken = sample(all, sampling);
    return {
      requests: withWeights(
        await loadRequests(
          store,
          taken.map(({ id }) => id),
        ),
        taken,
      ),
      candidates: all.length,
      fromFile: false,
    };
  }
  const { requests, left } = await readRequests(options.from);
  for (const [reason, count] of Object.entries(left)) note(`${count} rows of the file left out: ${reason}`);
  const all = fileCandidates(requests, selection);
  const taken = sample(all, sampling);
  const byId = new Map(requests.map(request => [request.id, request]));
  return {
    requests: withWeights(
      taken.map(({ id }) => byId.get(id)!),
      taken,
    ),
    candidates: all.length,
    fromFile: true,
  };
}

async function requestsOfDataset(store: Store, settings: Settings, named: string): Promise<SelectedRequests> {
  const dataset = readDataset(settings.store.path, named);
  const requests = await loadRunRequests(store, dataset.items);
  const gone = dataset.items.length - requests.length;
  if (gone > 0) note(`${gone} requests of ${dataset.name}@${dataset.version} are no longer in the store, and are left out.`);
  return { requests, candidates: dataset.items.length, fromFile: dataset.items.some(item => item.request) };
}

/** What a run or dataset kept, read again: those of a file from it, the others from the store as far as it still has them. */
export async function loadRunRequests(store: Store, items: readonly RunItem[]): Promise<readonly RecordedRequest[]> {
  const stored = items.filter(item => !item.request);
  const found = await loadRequests(
    store,
    stored.map(({ id }) => id),
  );
  const kept = items.flatMap(({ request, weight }) => (request ? [{ ...request, weight }] : []));
  return [...withWeights(found, stored), ...kept].sort((a, b) => a.receivedAt - b.receivedAt || (a.id < b.id ? -1 : 1));
}

/** How calls of tools are matched where turns are asked whole; undefined where each request is asked with its recorded history. */
export function toolMatchingOf({ conversation = 'turn', tools = 'block', from }: ReplayOptions): ToolMatching | undefined {
  if (conversation !== 'turn' && conversation !== 'free')
    throw new CommandError(exit.usage, `--conversation ${conversation}: write turn or free.`);
  const matching = /^mock:(fifo|strict)$/.exec(tools)?.[1] as ToolMatching | undefined;
  if (!matching && tools !== 'block') throw new CommandError(exit.usage, `--tools ${tools}: write block, mock:fifo or mock:strict.`);
  if (conversation === 'free' && !matching)
    throw new CommandError(
      exit.usage,
      'No tool is ever executed: --conversation free needs --tools mock:fifo or mock:strict, to give what was recorded.',
    );
  if (conversation === 'free' && from !== undefined)
    throw new CommandError(exit.usage, '--conversation free finds what tools gave in the store, and does not go with --from.');
  return conversation === 'free' ? matching : undefined;
}

export const itemsOf = ({ requests, fromFile }: SelectedRequests): readonly RunItem[] =>
  requests.map(request => ({ id: request.id, weight: request.weight ?? 1, ...(fromFile ? { request } : {}) }));

function withWeights(requests: readonly RecordedRequest[], weights: readonly WeightedRequestId[]): readonly RecordedRequest[] {
  const byId = new Map(weights.map(({ id, weight }) => [id, weight]));
  return requests.map(request => (byId.get(request.id) === 1 ? request : { ...request, weight: byId.get(request.id)! }));
}

function throwWhereError(options: SelectionOptions, error: unknown): never {
  if (options.where === undefined) throw error;
  const message = error instanceof Error ? error.message : String(error);
  throw new CommandError(
    exit.usage,
    `--where ${options.where}: the store does not take it as a condition on requests. ${message.split('\n')[0]}`,
  );
}

export function armsOf(
  options: ReplayOptions,
  settings: Settings,
  sink: ExchangeSink,
  upstream: Upstream = httpUpstream(),
): readonly Arm[] {
  const shared = { clock: wallClock, upstream, sink };
  const arms = [...new Set(options.against)].map(against => armOf(against, settings, shared, process.env));
  return options.aa === undefined ? arms : [...arms, noiseFloorArm(parseShare(options.aa, '--aa'), options.seed ?? '0', settings, shared)];
}

export function parseShare(text: string, flag: string): number {
  const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]) / 100;
  if (!(share > 0 && share <= 1)) throw new CommandError(exit.usage, `${flag} ${text}: write a share such as 10%.`);
  return share;
}

/** An answer without a limit of its own is taken to end here, in tokens; under a cap it is told so. */
const outputTokensMax = 16_384;

export function transformsOf({ temperature, hosted = 'block', maxCost }: ReplayOptions): Transforms {
  if (hosted !== 'block' && hosted !== 'strip' && hosted !== 'allow')
    throw new CommandError(exit.usage, `--hosted ${hosted}: write block, strip or allow.`);
  const degrees = temperature === undefined ? undefined : Number(temperature);
  if (degrees !== undefined && !(degrees >= 0 && degrees <= 2))
    throw new CommandError(exit.usage, `--temperature ${temperature}: write a number from 0 to 2.`);
  return {
    hosted,
    ...(degrees === undefined ? {} : { temperature: degrees }),
    ...(maxCost === undefined ? {} : { outputTokensMax }),
  };
}

export const settingsFor = (options: { readonly config?: string }): Settings => loadSettings(options);
