/** Asks providers now and then whether they live, so that no caller has to find out: in a configured interval, with a question that costs nothing. */
import type { Failure } from '../core/shared/failure.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import { isFailing, needsProbe } from '../core/targets/health.ts';
import { chooseKey } from '../core/targets/key-cooldowns.ts';
import { providerOf } from '../core/targets/target-name.ts';
import type { Account, ProbePolicy, Settings } from '../settings/settings.ts';
import { type ModelsResponse, modelsPath, requestModels } from '../transport/models-request.ts';
import type { TargetRegistry } from './registry.ts';

export type ProbeOutcome = 'alive' | 'dead' | 'refused';

export interface ProbeStatus {
  readonly outcome: ProbeOutcome;
  readonly at: Instant;
  readonly counts: Readonly<Record<ProbeOutcome, number>>;
}

const recheckMs: Milliseconds = 1_000;

export class Probes {
  /** The last of each provider, and how many of each outcome there were. */
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

  /** From now on these providers are asked; the first time at once. */
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
    // Whoever answered callers lately need not be asked.
    const isNeeded = targets.some(target => needsProbe(this.#registry.health, target, startedAt, probe.everyMs));
    if (path !== undefined && isNeeded) {
      const key = chooseKey(account, this.#registry.keyCooldowns, `probe ${++this.#count}`, startedAt);
      const response = await requestModels(path, account, key, probe.timeoutMs);
      if (settings !== this.#settings) return;
      this.#report(account.name, targets, key?.fingerprint ?? '', response, probe);
    }
    // What seems dead is asked again soon, until the breaker knows.
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
    // The next one may take its time.
    const againMs = everyMs + timeoutMs;
    for (const target of targets) {
      this.#registry.observe({ type: 'probed', target, credential, at, againMs, ...(failure ? { failure } : {}) });
    }
  }

  /** What routes name, and what callers have asked directly. */
  #targetsOf({ name }: Account): readonly string[] {
    const configured = [...(this.#settings?.routes.values() ?? [])].flatMap(({ steps }) => steps.map(({ target }) => target));
    return [...new Set([...configured, ...this.#registry.health.keys()])].filter(target => providerOf(target) === name);
  }
}

/** Whoever answers anything but a failure of its own lives, even when it does not know the path. */
function failureIn(response: ModelsResponse): Failure | undefined {
  if ('problem' in response) return { kind: response.isLate ? 'timeout' : 'unreachable', message: response.problem.slice(0, 300) };
  const { status } = response;
  if (status === 401 || status === 403) return { kind: 'authentication', message: `a probe was answered ${status}`, status };
  return status >= 500 ? { kind: 'server-error', message: `a probe was answered ${status}`, status } : undefined;
}
