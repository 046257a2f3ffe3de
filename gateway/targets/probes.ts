/** Health probes: requests to providers at a configured interval, at no cost, so that no caller finds an outage first. */
import type { Failure } from '../core/shared/failure.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import { isFailing, needsProbe } from '../core/targets/health.ts';
import { chooseKey } from '../core/targets/key-cooldowns.ts';
import { providerOf } from '../core/targets/target-name.ts';
import type { Account, ProbePolicy, Settings } from '../settings/settings.ts';
import { type ModelsResponse, modelsPath, requestModels } from '../transport/models-request.ts';
import type { TargetRegistry } from './registry.ts';

/** `refused`: the provider responded, but rejected the key. */
export type ProbeOutcome = 'alive' | 'dead' | 'refused';

export interface ProbeStatus {
  readonly outcome: ProbeOutcome;
  readonly at: Instant;
  readonly counts: Readonly<Record<ProbeOutcome, number>>;
}

const recheckMs: Milliseconds = 1_000;

/** Runs the probes of all providers that have one, and reports each result to the registry. */
export class Probes {
  /** By provider: the last outcome, and the count of each outcome. */
  readonly seen = new Map<string, ProbeStatus>();
  readonly #registry: TargetRegistry;
  readonly #clock: Clock;
  readonly #timers = new Map<string, Cancel>();
  #settings: Pick<Settings, 'providers' | 'routes'> | undefined;
  #count = 0;

  constructor(registry: TargetRegistry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Starts the probes of these providers, the first at once, and ends the earlier ones. */
  configure(settings: Pick<Settings, 'providers' | 'routes'>): void {
    this.close();
    this.#settings = settings;
    for (const account of settings.providers.values()) if (account.probe) void this.#probe(account, account.probe);
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#settings = undefined;
  }

  async #probe(account: Account, probe: ProbePolicy): Promise<void> {
    const settings = this.#settings;
    const path = probe.path ?? modelsPath(account);
    const targets = this.#targetsOf(account);
    const startedAt = this.#clock.now();
    // A provider that has answered a caller recently needs no probe.
    const isNeeded = targets.some(target => needsProbe(this.#registry.health, target, startedAt, probe.everyMs));
    if (path !== undefined && isNeeded) {
      const key = chooseKey(account, this.#registry.keyCooldowns, `probe ${++this.#count}`, startedAt);
      const response = await requestModels(path, account, key, probe.timeoutMs);
      if (settings !== this.#settings) return;
      this.#report(account.name, targets, key?.fingerprint ?? '', response, probe);
    }
    // A failing target is probed again soon, until its circuit opens.
    const isSuspect = targets.some(target => isFailing(this.#registry.health, target));
    const next = startedAt + (isSuspect ? Math.min(recheckMs, probe.everyMs) : probe.everyMs);
    this.#timers.set(
      account.name,
      this.#clock.at(Math.max(next, this.#clock.now() + 1), () => void this.#probe(account, probe)),
    );
  }

  #report(
    provider: string,
    targets: readonly string[],
    credential: string,
    response: ModelsResponse,
    { everyMs, timeoutMs }: ProbePolicy,
  ): void {
    const at = this.#clock.now();
    const failure = failureIn(response);
    const outcome: ProbeOutcome = !failure ? 'alive' : failure.kind === 'authentication' ? 'refused' : 'dead';
    const counts = this.seen.get(provider)?.counts ?? { alive: 0, dead: 0, refused: 0 };
    this.seen.set(provider, { outcome, at, counts: { ...counts, [outcome]: counts[outcome] + 1 } });
    // The next probe may take until its timeout.
    const againMs = everyMs + timeoutMs;
    for (const target of targets) {
      this.#registry.observe({ type: 'probed', target, credential, at, againMs, ...(failure ? { failure } : {}) });
    }
  }

  /** The provider's targets in routes, and those that callers have named directly. */
  #targetsOf({ name }: Account): readonly string[] {
    const configured = [...(this.#settings?.routes.values() ?? [])].flatMap(({ steps }) => steps.map(({ target }) => target));
    return [...new Set([...configured, ...this.#registry.health.keys()])].filter(target => providerOf(target) === name);
  }
}

/** Any response below 500 but 401 and 403 means alive, a 404 included. */
function failureIn(response: ModelsResponse): Failure | undefined {
  if ('problem' in response) return { kind: response.isLate ? 'timeout' : 'unreachable', message: response.problem.slice(0, 300) };
  const { status } = response;
  if (status === 401 || status === 403) return { kind: 'authentication', message: `probe response ${status}`, status };
  return status >= 500 ? { kind: 'server-error', message: `probe response ${status}`, status } : undefined;
}
