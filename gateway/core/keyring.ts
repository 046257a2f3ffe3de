/** Which of a provider's keys to use: one that the provider refused rests, another takes its place, and after a while it is tried again. */
import { blamesKey } from './failure.ts';
import type { Observation } from './fleet.ts';
import { coin } from './random.ts';
import { providerOf } from './target.ts';
import type { Instant, Milliseconds } from './time.ts';

/** Until when a key rests, by `provider fingerprint`. */
export type Keyring = ReadonlyMap<string, Instant>;

/** As configured: a provider's name and its keys. */
interface KeyHolder<K extends { readonly fingerprint: string }> {
  readonly name: string;
  readonly keys: readonly K[];
}

/** A refused key stays refused until somebody mends it; an account without money may be topped up at any minute. */
const restMs: Readonly<Record<'authentication' | 'quota-exceeded', Milliseconds>> = {
  authentication: 300_000,
  'quota-exceeded': 60_000,
};
/** Keys come from the configuration; over many reloads the ones that rested first are forgotten. */
const keysMax = 1_000;

export function observeKey(ring: Keyring, seen: Observation): Keyring {
  const failure = seen.type === 'failed' || seen.type === 'probed' ? seen.failure : undefined;
  if (ring.size === 0 && !failure) return ring;
  const key = nameOf(providerOf(seen.target), seen.credential);
  if (seen.type === 'answered' || (seen.type === 'probed' && !failure)) return ring.has(key) ? without(ring, key) : ring;
  if (seen.credential === '' || !failure || !blamesKey(failure.kind)) return ring;
  const next = without(ring, key).set(key, seen.at + restMs[failure.kind]);
  return next.size > keysMax ? without(next, next.keys().next().value!) : next;
}

/** The keys that do not rest; all of them when all rest. */
export function usableKeys<K extends { readonly fingerprint: string }>(holder: KeyHolder<K>, ring: Keyring, at: Instant): readonly K[] {
  if (ring.size === 0) return holder.keys;
  const ready = holder.keys.filter(key => (ring.get(nameOf(holder.name, key.fingerprint)) ?? 0) <= at);
  return ready.length > 0 ? ready : holder.keys;
}

/** One of the keys that do not rest, chosen by the coin among those whose limits let a call in; when all rest, the one that returns first. Undefined when there is none. */
export function chooseKey<K extends { readonly fingerprint: string }>(
  holder: KeyHolder<K>,
  ring: Keyring,
  seed: string,
  at: Instant,
  readyAt: (key: K) => Instant = () => at,
): K | undefined {
  if (ring.size === 0 && holder.keys.length < 2) return holder.keys[0];
  const restsUntil = (key: K): Instant => ring.get(nameOf(holder.name, key.fingerprint)) ?? 0;
  const awake = holder.keys.filter(key => restsUntil(key) <= at);
  const ready = awake.length > 1 ? awake.filter(key => readyAt(key) <= at) : awake;
  if (ready.length > 0) return ready[Math.floor(coin(seed, 'key') * ready.length)];
  if (awake.length > 0) return awake.toSorted((a, b) => readyAt(a) - readyAt(b))[0];
  return holder.keys.toSorted((a, b) => restsUntil(a) - restsUntil(b))[0];
}

/** The providers all of whose keys rest, and until when: to stand beside the targets that the fleet refuses. */
export function closedByKeys(
  holders: Iterable<KeyHolder<{ readonly fingerprint: string }>>,
  ring: Keyring,
  at: Instant,
): Readonly<Record<string, Instant>> {
  const closed: Record<string, Instant> = {};
  if (ring.size === 0) return closed;
  for (const { name, keys } of holders) {
    const until = Math.min(...keys.map(key => ring.get(nameOf(name, key.fingerprint)) ?? 0));
    if (keys.length > 0 && until > at) closed[name] = until;
  }
  return closed;
}

const nameOf = (provider: string, fingerprint: string): string => `${provider} ${fingerprint}`;

function without(ring: Keyring, key: string): Map<string, Instant> {
  const next = new Map(ring);
  next.delete(key);
  return next;
}
