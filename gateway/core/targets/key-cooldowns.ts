/** Which of a provider's keys to use: one that the provider refused rests, another takes its place, and after a while it is tried again. */

import { isKeyFault } from '../shared/failure.ts';
import { seededUniform } from '../shared/random.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Observation } from './observation.ts';
import { providerOf } from './target-name.ts';

/** Until when a key rests, by `provider fingerprint`. */
export type KeyCooldowns = ReadonlyMap<string, Instant>;

/** As configured: a provider's name and its keys. */
interface ProviderKeys<K extends { readonly fingerprint: string }> {
  readonly name: string;
  readonly keys: readonly K[];
}

/** A refused key stays refused until somebody mends it; an account without money may be topped up at any minute. */
const keyCooldownMs: Readonly<Record<'authentication' | 'quota-exceeded', Milliseconds>> = {
  authentication: 300_000,
  'quota-exceeded': 60_000,
};
/** Keys come from the configuration; over many reloads the ones that rested first are forgotten. */
const trackedKeysMax = 1_000;

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

/** The keys that do not rest; all of them when all rest. */
export function usableKeys<K extends { readonly fingerprint: string }>(
  provider: ProviderKeys<K>,
  cooldowns: KeyCooldowns,
  at: Instant,
): readonly K[] {
  if (cooldowns.size === 0) return provider.keys;
  const ready = provider.keys.filter(key => (cooldowns.get(keyNameOf(provider.name, key.fingerprint)) ?? 0) <= at);
  return ready.length > 0 ? ready : provider.keys;
}

/** One of the keys that do not rest, chosen by the coin among those whose limits let a call in; when all rest, the one that returns first. Undefined when there is none. */
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
  if (ready.length > 0) return ready[Math.floor(seededUniform(seed, 'key') * ready.length)];
  if (usable.length > 0) return usable.toSorted((a, b) => readyAt(a) - readyAt(b))[0];
  return provider.keys.toSorted((a, b) => cooldownUntil(a) - cooldownUntil(b))[0];
}

/** The providers all of whose keys rest, and until when: to stand beside the targets that the fleet refuses. */
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
