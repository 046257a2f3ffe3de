/** Choice of a provider's key: a refused key cools down while another one is used, and is tried again afterwards. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import { isKeyFault } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Observation } from './observation.ts';
import { providerOf } from './target-name.ts';

/** The end of a key's cooldown, by `provider fingerprint`. */
export type KeyCooldowns = ReadonlyMap<string, Instant>;

/** As configured: a provider's name and keys. */
interface ProviderKeys<K extends { readonly fingerprint: string }> {
  readonly name: string;
  readonly keys: readonly K[];
  /** By fingerprint; absent where keys are used in order of preference. */
  readonly weights?: ReadonlyMap<string, number>;
}

/** A refused key stays refused until an operator corrects it; an account without credit may be topped up at any minute. */
const keyCooldownMs: Readonly<Record<'authentication' | 'quota-exceeded', Milliseconds>> = {
  authentication: 300_000,
  'quota-exceeded': 60_000,
};
/** Keys come from the config. Over many reloads the oldest cooldowns are evicted. */
const trackedKeysMax = 1_000;

/** The cooldowns after one observation: a key fault starts one, a success ends it. */
export function observeKeyCooldown(cooldowns: KeyCooldowns, observation: Observation): KeyCooldowns {
  const failure = observation.type === 'failed' || observation.type === 'probed' ? observation.failure : undefined;
  if (cooldowns.size === 0 && !failure) return cooldowns;
  const key = keyNameOf(providerOf(observation.target), observation.credential);
  if (observation.type === 'answered' || (observation.type === 'probed' && !failure))
    return cooldowns.has(key) ? without(cooldowns, key) : cooldowns;
  if (observation.credential === '' || !failure || !isKeyFault(failure.kind)) return cooldowns;
  const next = without(cooldowns, key).set(key, observation.at + keyCooldownMs[failure.kind]);
  return next.size > trackedKeysMax ? without(next, next.keys().next().value!) : next;
}

/** The keys that are not cooling down; all keys when all are. */
export function usableKeys<K extends { readonly fingerprint: string }>(
  provider: ProviderKeys<K>,
  cooldowns: KeyCooldowns,
  at: Instant,
): readonly K[] {
  if (cooldowns.size === 0) return provider.keys;
  const ready = provider.keys.filter(key => (cooldowns.get(keyNameOf(provider.name, key.fingerprint)) ?? 0) <= at);
  return ready.length > 0 ? ready : provider.keys;
}

/**
 * Of the usable keys whose rate limits admit a call, the first; with weights, one by seed. Undefined when there is none.
 * When all are cooling down, the one whose cooldown ends first.
 */
export function chooseKey<K extends { readonly fingerprint: string }>(
  provider: ProviderKeys<K>,
  cooldowns: KeyCooldowns,
  seed: string,
  at: Instant,
  readyAt: (key: K) => Instant = () => at,
): K | undefined {
  if (cooldowns.size === 0 && provider.keys.length < 2) return provider.keys[0];
  const cooldownUntil = (key: K): Instant => cooldowns.get(keyNameOf(provider.name, key.fingerprint)) ?? 0;
  const usable = provider.keys.filter(key => cooldownUntil(key) <= at);
  const ready = usable.length > 1 ? usable.filter(key => readyAt(key) <= at) : usable;
  if (ready.length > 0) return provider.weights ? weighted(ready, provider.weights, seed) : ready[0];
  if (usable.length > 0) return usable.toSorted((a, b) => readyAt(a) - readyAt(b))[0];
  return provider.keys.toSorted((a, b) => cooldownUntil(a) - cooldownUntil(b))[0];
}

function weighted<K extends { readonly fingerprint: string }>(ready: readonly K[], weights: ReadonlyMap<string, number>, seed: string): K {
  const weightOf = (key: K): number => weights.get(key.fingerprint) ?? 1;
  let left = seededUniform(seed, 'key') * ready.reduce((sum, key) => sum + weightOf(key), 0);
  for (const key of ready) {
    left -= weightOf(key);
    if (left < 0) return key;
  }
  return ready.at(-1)!;
}

/** The providers whose keys are all cooling down, and until when; added to the targets' cooldowns. */
export function providersCoolingDown(
  providers: Iterable<ProviderKeys<{ readonly fingerprint: string }>>,
  cooldowns: KeyCooldowns,
  at: Instant,
): Readonly<Record<string, Instant>> {
  const cooldownEnds: Record<string, Instant> = {};
  if (cooldowns.size === 0) return cooldownEnds;
  for (const { name, keys } of providers) {
    const until = Math.min(...keys.map(key => cooldowns.get(keyNameOf(name, key.fingerprint)) ?? 0));
    if (keys.length > 0 && until > at) cooldownEnds[name] = until;
  }
  return cooldownEnds;
}

const keyNameOf = (provider: string, fingerprint: string): string => `${provider} ${fingerprint}`;

function without(cooldowns: KeyCooldowns, key: string): Map<string, Instant> {
  const next = new Map(cooldowns);
  next.delete(key);
  return next;
}
