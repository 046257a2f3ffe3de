/** The result of an import: a Hindcast configuration, and every setting of the source that it does not support. */
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';

export interface SkippedSetting {
  /** In the source file: `model_list[0].litellm_params.organization`. */
  readonly path: string;
  readonly why: string;
}

export interface ImportResult {
  readonly config: JsonObject;
  readonly left: readonly SkippedSetting[];
}

/** Reads a map of the source file, and lists the members that were never read. */
export class SectionReader {
  readonly path: string;
  readonly #members: JsonObject;
  readonly #read = new Set<string>();

  constructor(value: Json | undefined, path: string) {
    this.#members = isObject(value) ? value : {};
    this.path = path;
  }

  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  read(name: string): Json | undefined {
    this.#read.add(name);
    return this.#members[name] ?? undefined;
  }

  text(name: string): string | undefined {
    const value = this.read(name);
    return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
  }

  number(name: string): number | undefined {
    const value = this.read(name);
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  }

  map(name: string): SectionReader {
    return new SectionReader(this.read(name), this.pathOf(name));
  }

  list(name: string): readonly Json[] {
    const value = this.read(name);
    return Array.isArray(value) ? (value as readonly Json[]) : [];
  }

  /** The members that were not read, each with its reason by name, else `otherwise`. */
  *unread(reasons: Readonly<Record<string, string>>, otherwise: string): Generator<SkippedSetting> {
    for (const name of Object.keys(this.#members)) {
      if (!this.#read.has(name)) yield { path: this.pathOf(name), why: reasons[name] ?? otherwise };
    }
  }
}

interface Account {
  readonly name: string;
  readonly entry: Record<string, Json>;
}

const nameMax = 100;

/** Collects the parts of the configuration. */
export class ConfigDraft {
  readonly skipped: SkippedSetting[] = [];
  readonly #accounts = new Map<string, Account>();
  readonly #routes: Record<string, Json> = {};
  readonly #prices: Record<string, Json> = {};
  readonly #models: Record<string, Json> = {};
  readonly #names = new Set<string>();
  state: string | undefined;

  skip(path: string, why: string): void {
    this.skipped.push({ path, why });
  }

  /** Adds a provider and returns its name: the same for an equal account, with a number for another of the same kind. */
  account(kind: string, entry: Readonly<Record<string, Json | undefined>>): string {
    const given = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as Record<string, Json>;
    const { limits: _, ...identity } = given;
    const key = JSON.stringify(identity);
    const known = this.#accounts.get(key);
    if (known) return known.name;
    let name = kind;
    for (let n = 2; this.#names.has(name); n++) name = `${kind}-${n}`;
    this.#names.add(name);
    this.#accounts.set(key, { name, entry: given });
    return name;
  }

  /** Sets the rate limits of one model of an account. */
  limit(account: string, model: string, limits: Readonly<Record<string, number | undefined>>): void {
    const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as Record<string, Json>;
    if (Object.keys(given).length === 0) return;
    const found = [...this.#accounts.values()].find(({ name }) => name === account)!;
    const before = isObject(found.entry.limits) ? found.entry.limits : {};
    const models = isObject(before.models) ? before.models : {};
    found.entry.limits = { ...before, models: { ...models, [model]: given } };
  }

  price(target: string, price: Readonly<Record<string, number | undefined>>): void {
    const given = Object.fromEntries(Object.entries(price).filter(([, value]) => value !== undefined)) as Record<string, Json>;
    if (given.input !== undefined && given.output !== undefined) this.#prices[target] = given;
  }

  facts(target: string, facts: Readonly<Record<string, Json | undefined>>): void {
    const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Record<string, Json>;
    if (Object.keys(given).length > 0) this.#models[target] = given;
  }

  /** Adds a route and returns its name, which differs from `requested` where that is not a valid route name. */
  route(requested: string, entry: Json, path: string): string {
    const name =
      requested
        .replace(/[/,\s]+/g, '-')
        .replace(/[^!-~]/g, '')
        .slice(0, nameMax) || 'route';
    if (name !== requested)
      this.skip(path, `${JSON.stringify(requested)} is not a valid route name: callers use ${name}, or provider/model`);
    if (this.#routes[name] === undefined) this.#routes[name] = entry;
    else this.skip(path, `duplicate route ${name}`);
    return name;
  }

  toResult(): ImportResult {
    const providers = Object.fromEntries([...this.#accounts.values()].map(({ name, entry }) => [name, entry]));
    const config: Record<string, Json> = {
      ...(this.state === undefined ? {} : { state: { url: this.state } }),
      providers,
      ...(Object.keys(this.#routes).length > 0 ? { routes: this.#routes } : {}),
      ...(Object.keys(this.#models).length > 0 ? { models: this.#models } : {}),
      ...(Object.keys(this.#prices).length > 0 ? { prices: this.#prices } : {}),
    };
    return { config, left: this.skipped };
  }
}

/** A reference to the secret's environment variable. A secret in the source file is not copied: the operator sets `name` instead. */
export function secretReference(draft: ConfigDraft, value: string | undefined, path: string, name: string): string | undefined {
  if (value === undefined) return undefined;
  const variable = /^os\.environ\/([A-Za-z_]\w*)$/.exec(value)?.[1] ?? /^\$\{?([A-Za-z_]\w*)\}?$/.exec(value)?.[1];
  if (variable !== undefined) return `\${${variable}}`;
  draft.skip(path, `secrets are not copied: set the environment variable ${name}`);
  return `\${${name}}`;
}

/** Rewrites LiteLLM's `os.environ/NAME` of a value that is not secret. */
export const toVariableReference = (value: string | undefined): string | undefined =>
  value?.replace(/^os\.environ\/([A-Za-z_]\w*)$/, '${$1}');

/** Seconds as a duration of the configuration; undefined for none and for 0. */
export const formatDuration = (seconds: number | undefined): string | undefined =>
  seconds === undefined || seconds <= 0 ? undefined : Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1000)}ms`;

/** A number of retries within what the configuration allows, 0 to 10; undefined stays undefined. */
export const clampRetries = (count: number | undefined): number | undefined =>
  count === undefined ? undefined : Math.min(10, Math.max(0, Math.round(count)));

/** A target of a route, with its weight where targets share the load. */
export interface ImportedStep {
  readonly target: string;
  readonly weight?: number;
}

/** The shortest form of a route: a target, a list of targets, or steps with options. */
export function buildRouteEntry(
  first: readonly ImportedStep[],
  fallbacks: readonly string[],
  strategy: string | undefined,
  more: Readonly<Record<string, Json | undefined>>,
): Json {
  const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)) as Record<string, Json>;
  const spread = first.length > 1 ? strategy : undefined;
  const fallbackTargets = fallbacks.filter(target => !first.some(step => step.target === target));
  const steps: Json[] = [
    ...first.map(({ target, weight }) => ({ target, ...(spread === 'weighted' && weight !== undefined ? { weight } : {}) })),
    // The default weight would let a fallback be tried first.
    ...fallbackTargets.map(target => ({ target, ...(spread === 'weighted' ? { weight: 0 } : {}) })),
  ];
  const isPlain = spread === undefined && Object.keys(given).length === 0;
  if (isPlain) return steps.length === 1 ? first[0]!.target : [...first.map(step => step.target), ...fallbackTargets];
  return { ...(spread === undefined ? {} : { strategy: spread }), ...given, steps };
}
