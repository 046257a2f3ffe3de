/** The preparation that replay commands share: selecting requests, and building arms and transforms. */

import { CommandError, exit, loadSettings, note } from '../../gateway/cli/command.ts';
import type { ExchangeSink } from '../../gateway/core/exchange.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { httpUpstream, type Upstream } from '../../gateway/transport/upstream.ts';
import { ConditionError } from '../../recorder/store/condition.ts';
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
  /** The number selected before collapsing and sampling. */
  readonly candidates: number;
  /** The requests are from files, not from the store. */
  readonly fromFile: boolean;
}

/** The selected requests in order of arrival, with weights. Throws a CommandError when there are none. */
export async function selectRequests(
  store: Store,
  settings: Settings,
  options: SelectionOptions,
  paced: boolean,
): Promise<SelectedRequests> {
  const chosen =
    options.dataset === undefined ? await drawSample(store, options, paced) : await requestsOfDataset(store, settings, options.dataset);
  if (chosen.requests.length === 0) {
    throw new CommandError(
      exit.nothing,
      'No recorded request matches. Widen --since, remove a filter, or send the gateway a request first.',
    );
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
  for (const [reason, count] of Object.entries(left)) note(`Skipped ${count} rows of the file: ${reason}`);
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

async function requestsOfDataset(store: Store, settings: Settings, reference: string): Promise<SelectedRequests> {
  const dataset = readDataset(settings.store.path, reference);
  const requests = await loadRunRequests(store, dataset.items);
  const missing = dataset.items.length - requests.length;
  if (missing > 0) note(`${missing} requests of ${dataset.name}@${dataset.version} are no longer in the store and are skipped.`);
  return { requests, candidates: dataset.items.length, fromFile: dataset.items.some(item => item.request) };
}

/** The requests of a run or dataset. Those from files are in its items; the others are loaded from the store, where they still exist. */
export async function loadRunRequests(store: Store, items: readonly RunItem[]): Promise<readonly RecordedRequest[]> {
  const stored = items.filter(item => !item.request);
  const found = await loadRequests(
    store,
    stored.map(({ id }) => id),
  );
  const included = items.flatMap(({ request, weight }) => (request ? [{ ...request, weight }] : []));
  return [...withWeights(found, stored), ...included].sort((a, b) => a.receivedAt - b.receivedAt || (a.id < b.id ? -1 : 1));
}

/** How tool calls are matched when complete turns are replayed; undefined when each request has its recorded history. */
export function toolMatchingOf({ conversation = 'turn', tools = 'block', from }: ReplayOptions): ToolMatching | undefined {
  if (conversation !== 'turn' && conversation !== 'free')
    throw new CommandError(exit.usage, `--conversation ${conversation}: write turn or free.`);
  const matching = /^mock:(fifo|strict)$/.exec(tools)?.[1] as ToolMatching | undefined;
  if (!matching && tools !== 'block') throw new CommandError(exit.usage, `--tools ${tools}: write block, mock:fifo or mock:strict.`);
  if (conversation === 'free' && !matching)
    throw new CommandError(
      exit.usage,
      'Tools are never executed: --conversation free needs --tools mock:fifo or mock:strict for recorded results.',
    );
  if (conversation === 'free' && from !== undefined)
    throw new CommandError(exit.usage, '--conversation free reads tool results from the store, so it cannot be combined with --from.');
  return conversation === 'free' ? matching : undefined;
}

/** The run's items. Requests from a file are kept whole, recorded ones by id. */
export const itemsOf = ({ requests, fromFile }: SelectedRequests): readonly RunItem[] =>
  requests.map(request => ({ id: request.id, weight: request.weight ?? 1, ...(fromFile ? { request } : {}) }));

function withWeights(requests: readonly RecordedRequest[], weights: readonly WeightedRequestId[]): readonly RecordedRequest[] {
  const byId = new Map(weights.map(({ id, weight }) => [id, weight]));
  return requests.map(request => (byId.get(request.id) === 1 ? request : { ...request, weight: byId.get(request.id)! }));
}

function throwWhereError(options: SelectionOptions, error: unknown): never {
  if (options.where === undefined) throw error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConditionError) throw new CommandError(exit.usage, `--where ${options.where} is no single condition: ${message}.`);
  throw new CommandError(exit.usage, `--where ${options.where}: the store rejects this condition on requests. ${message.split('\n')[0]}`);
}

/** The arms of --against and --aa, without duplicates. */
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

/** `10%` as 0.1. Throws a CommandError that names the flag. */
export function parseShare(text: string, flag: string): number {
  const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]) / 100;
  if (!(share > 0 && share <= 1)) throw new CommandError(exit.usage, `${flag} ${text}: write a share such as 10%.`);
  return share;
}

/** The output limit that a run with a cap adds to requests without one. */
const outputTokensMax = 16_384;

/** The changes that the flags ask for. Throws a CommandError for invalid values. */
export function transformsOf({ temperature, hosted = 'block', maxCost }: ReplayOptions): Transforms {
  if (hosted !== 'block' && hosted !== 'strip' && hosted !== 'allow')
    throw new CommandError(exit.usage, `--hosted ${hosted}: write block, strip or allow.`);
  const temperatureValue = temperature === undefined ? undefined : Number(temperature);
  if (temperatureValue !== undefined && !(temperatureValue >= 0 && temperatureValue <= 2))
    throw new CommandError(exit.usage, `--temperature ${temperature}: write a number from 0 to 2.`);
  return {
    hosted,
    ...(temperatureValue === undefined ? {} : { temperature: temperatureValue }),
    ...(maxCost === undefined ? {} : { outputTokensMax }),
  };
}

/** The settings of `--config`, or of the default config. Throws CommandError for an invalid one. */
export const settingsFor = (options: { readonly config?: string }): Settings => loadSettings(options);
