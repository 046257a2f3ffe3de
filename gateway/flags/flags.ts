/** Feature flags through OpenFeature: which variant of a route a request takes. An evaluation has a timeout and never fails a request. */
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Client, EvaluationContext, Provider } from '@openfeature/server-sdk';
import type { Caller } from '../core/exchange.ts';
import type { FlagEvaluation } from '../core/routing/variants.ts';
import type { Log } from '../settings/log.ts';
import type { FlagSettings } from '../settings/settings.ts';

export interface FlagContext {
  readonly caller: Caller;
  readonly route: string;
  readonly model: string;
  /** The same for all requests of a conversation. */
  readonly stickyKey: string;
}

/** `taken`: the flag named one of the routes. `unknown`: it named another. `late`: it timed out. `failed`: the evaluation failed. */
export type FlagOutcome = 'taken' | 'unknown' | 'late' | 'failed';

export interface FeatureFlags {
  /** The route that the flag names; undefined when it names no given route, times out or fails. Never rejects. */
  evaluate(flag: string, routes: readonly string[], context: FlagContext): Promise<FlagEvaluation | undefined>;
  readonly counts: ReadonlyMap<string, Readonly<Record<FlagOutcome, number>>>;
  close(): Promise<void>;
}

const startMsMax = 5_000;
const domain = 'hindcast';

/** Rejects when the provider cannot be loaded. While it cannot be reached, evaluations fail and variants' shares decide. */
export async function openFeatureFlags(settings: FlagSettings, log: Pick<Log, 'warn'>): Promise<FeatureFlags> {
  const { OpenFeature } = await import('@openfeature/server-sdk').catch(() => {
    throw new Error('flags.provider needs the package @openfeature/server-sdk. Run: npm install @openfeature/server-sdk');
  });
  const provider = await providerOf(settings);
  const started = OpenFeature.setProviderAndWait(domain, provider).then(
    () => undefined,
    (problem: unknown) => messageOf(problem),
  );
  const problem = await within(started, startMsMax, `it is not ready after ${startMsMax / 1000} s`);
  if (problem !== undefined) log.warn(`the flag provider is not ready, shares decide: ${problem.slice(0, 200)}`);
  return new OpenFeatureFlags(OpenFeature.getClient(domain), settings.timeoutMs, () => OpenFeature.clearProviders());
}

class OpenFeatureFlags implements FeatureFlags {
  readonly counts = new Map<string, Record<FlagOutcome, number>>();
  readonly #client: Client;
  readonly #timeoutMs: number;
  readonly #shutDown: () => Promise<void>;

  constructor(client: Client, timeoutMs: number, shutDown: () => Promise<void>) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#shutDown = shutDown;
  }

  async evaluate(flag: string, routes: readonly string[], context: FlagContext): Promise<FlagEvaluation | undefined> {
    const evaluation = this.#client.getStringDetails(flag, '', contextOf(context)).catch(() => undefined);
    const details = await within(evaluation, this.#timeoutMs, 'late' as const);
    if (details === 'late') return this.#count(flag, 'late');
    if (details === undefined || details.errorCode !== undefined) return this.#count(flag, 'failed');
    if (!routes.includes(details.value)) return this.#count(flag, 'unknown');
    this.#count(flag, 'taken');
    return { flag, route: details.value, reason: String(details.reason ?? '').slice(0, reasonLengthMax) };
  }

  async close(): Promise<void> {
    await within(
      this.#shutDown().catch(() => {}),
      startMsMax,
      undefined,
    );
  }

  #count(flag: string, outcome: FlagOutcome): undefined {
    const counts = this.counts.get(flag) ?? { taken: 0, unknown: 0, late: 0, failed: 0 };
    counts[outcome]++;
    this.counts.set(flag, counts);
  }
}

const reasonLengthMax = 100;

function contextOf({ caller, route, model, stickyKey }: FlagContext): EvaluationContext {
  const { tenant, project, user, key, conversation, tags } = caller;
  return { targetingKey: stickyKey, tenant, project, user, key, conversation, route, model, tags };
}

/** A module's default export is the provider, or a function from `flags.options` to it. */
async function providerOf({ provider, directory, options }: FlagSettings): Promise<Provider> {
  let exported: unknown;
  try {
    const path = isAbsolute(provider) ? provider : createRequire(join(directory, 'hindcast.yaml')).resolve(provider);
    exported = ((await import(pathToFileURL(path).href)) as { readonly default?: unknown }).default;
  } catch (problem) {
    throw new Error(`flags.provider cannot be loaded: ${messageOf(problem).slice(0, 300)}`);
  }
  const instance: unknown = typeof exported === 'function' ? await (exported as (options: unknown) => unknown)(options) : exported;
  if (!isProvider(instance)) {
    throw new Error(
      `flags.provider: the default export of ${provider} must be an OpenFeature server provider, or a function that returns one`,
    );
  }
  return instance;
}

const isProvider = (value: unknown): value is Provider =>
  typeof value === 'object' && value !== null && 'resolveStringEvaluation' in value && typeof value.resolveStringEvaluation === 'function';

const messageOf = (problem: unknown): string => (problem instanceof Error ? problem.message : String(problem));

function within<Value, Late>(promise: Promise<Value>, ms: number, late: Late): Promise<Value | Late> {
  const { promise: timer, resolve } = Promise.withResolvers<Late>();
  const timeout = setTimeout(() => resolve(late), ms);
  return Promise.race([promise, timer]).finally(() => clearTimeout(timeout));
}
