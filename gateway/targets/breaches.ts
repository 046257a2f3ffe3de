/** Which routes have a breached certificate, and the thresholds that they get by it. Read from the state store, so that all gateways agree. */
import { readFile } from 'node:fs/promises';
import type { Cancel, Clock, Milliseconds } from '../core/shared/time.ts';
import type { AcceptRule } from '../core/signals/signal.ts';
import type { Log } from '../settings/log.ts';
import type { CertificateSettings, Route } from '../settings/settings.ts';
import type { Breach, BreachStore } from './breach-store.ts';

const readEveryMs: Milliseconds = 5_000;
const readyMsMax: Milliseconds = 2_000;

/** What `persistTo` sets. */
export interface BreachPersistence {
  readonly store: BreachStore;
  readonly clock: Clock;
  readonly log: Log;
}

export class Breaches {
  #persistence: BreachPersistence | undefined;
  #certificates: ReadonlyMap<string, CertificateSettings> = new Map();
  /** By route: those of the certificates in force. */
  #active: ReadonlyMap<string, Breach> = new Map();
  #strict = new WeakMap<Route, Route>();
  #timer: Cancel | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Sets the store; call it before the first `configure`. Without one no breach is known. */
  persistTo(persistence: BreachPersistence | undefined): void {
    this.#persistence = persistence;
  }

  configure(certificates: ReadonlyMap<string, CertificateSettings>): void {
    this.#certificates = certificates;
    if (this.#persistence) this.#read();
  }

  /** Resolves when the store has answered, or after two seconds. */
  async ready(): Promise<void> {
    await Promise.race([this.#reading, new Promise(resolve => setTimeout(resolve, readyMsMax).unref())]);
  }

  /** The route itself, or with the thresholds of `strict` after a breach. */
  routeInForce(route: Route): Route {
    if (!this.#active.has(route.name)) return route;
    const { onBreach = 'warn', strict = 0 } = this.#certificates.get(route.name) ?? {};
    if (onBreach !== 'strict') return route;
    const known = this.#strict.get(route);
    if (known) return known;
    const created = strictRoute(route, strict);
    this.#strict.set(route, created);
    return created;
  }

  /** A sentence for each breach. */
  warnings(): readonly string[] {
    return [...this.#active.values()].map(breach => sentenceOf(breach, this.#certificates.get(breach.route)?.onBreach === 'strict'));
  }

  report(): readonly { readonly route: string; readonly isBreached: boolean }[] {
    return [...this.#certificates.keys()].map(route => ({ route, isBreached: this.#active.has(route) }));
  }

  #read(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#reading = this.#reading.then(() => this.#readOnce());
  }

  async #readOnce(): Promise<void> {
    const { store, clock, log } = this.#persistence!;
    const certificates = this.#certificates;
    if (this.#isClosed) return;
    try {
      const known = certificates.size === 0 ? [] : await store.all();
      const active = new Map<string, Breach>();
      for (const [route, { file }] of certificates) {
        const own = known.filter(breach => breach.route === route);
        const issuedAt = own.length === 0 ? undefined : await issuedAtOf(file);
        // A certificate that cannot be read is not a new one.
        const breach = issuedAt === undefined ? own.at(-1) : own.find(one => one.issuedAt === issuedAt);
        if (breach) active.set(route, breach);
      }
      const before = this.#active;
      this.#active = active;
      this.#strict = new WeakMap();
      for (const [route, breach] of active)
        if (before.get(route)?.issuedAt !== breach.issuedAt) log.warn(sentenceOf(breach, certificates.get(route)!.onBreach === 'strict'));
      for (const route of before.keys())
        if (certificates.has(route) && !active.has(route)) log.info(`routes.${route}: a new certificate replaces the breached one`);
    } catch (error) {
      log.warn(`breaches of certificates cannot be read: ${error instanceof Error ? error.message : error}`);
    }
    if (this.#certificates.size > 0 && !this.#isClosed) this.#timer ??= clock.at(clock.now() + readEveryMs, () => this.#read());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.();
    if (!this.#persistence) return;
    await this.ready();
    await this.#persistence.store.close();
  }
}

const sentenceOf = ({ route, harm, bound, audited, issuedAt }: Breach, isStrict: boolean): string =>
  `routes.${route}.certificate: breached: ${audited} audits show harm in ${(harm * 100).toFixed(1)} % of requests, certified was at most ${Number((bound * 100).toPrecision(3))} % (issued ${issuedAt.slice(0, 10)}); ${isStrict ? 'its thresholds are strict until' : 'certify anew:'} ${isStrict ? 'a new certificate is issued' : `hindcast eval certify --chain ${route}`}`;

async function issuedAtOf(file: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { readonly issued_at?: string }).issued_at;
  } catch {
    return undefined;
  }
}

/** No threshold before the last step is below `atLeast`. */
function strictRoute(route: Route, atLeast: number): Route {
  const last = route.steps.length - 1;
  return {
    ...route,
    steps: route.steps.map((step, i) => (i < last && step.accept ? { ...step, accept: strictRule(step.accept, atLeast) } : step)),
  };
}

function strictRule(rule: AcceptRule, atLeast: number): AcceptRule {
  if ('all' in rule) return { all: rule.all.map(one => strictRule(one, atLeast)) };
  if ('any' in rule) return { any: rule.any.map(one => strictRule(one, atLeast)) };
  return { ...rule, atLeast: Math.max(rule.atLeast, atLeast) };
}
