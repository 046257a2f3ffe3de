/** Which requests are equal for an exact response cache. Pure. */
import type { Json, JsonObject } from '../chat/json.ts';

/** Fields that change how an answer travels, is stored or billed, but not what it says. */
const silentFields: ReadonlySet<string> = new Set([
  ...['stream', 'stream_options', 'user', 'metadata', 'safety_identifier', 'store', 'service_tier'],
  ...['prompt_cache_key', 'prompt_cache_retention'],
]);

/** Whose answers a request may get: the tenant's, the project's, the user's, or anybody's. */
export type CacheScope = 'tenant' | 'project' | 'user' | 'global';

/** Who asks, as far as scopes tell callers apart. */
export interface CacheCaller {
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
}

/** The parts of a scope, each of them in the key: no answer passes from one to another. */
export function scopeParts(scope: CacheScope, { tenant, project, user }: CacheCaller): readonly string[] {
  switch (scope) {
    case 'global':
      return [];
    case 'tenant':
      return [tenant];
    case 'project':
      return [tenant, project];
    case 'user':
      return [tenant, project, user];
  }
}

/**
 * The text that equal requests share: route, caller's format, scope, and the body with its keys in order, without the fields that change nothing
 * in the answer. Hash it for a key. Bodies that differ in anything else, a space in a prompt included, have different texts.
 */
export const exactKeyText = (
  { route, format, body }: { readonly route: string; readonly format: string; readonly body: JsonObject },
  scope: readonly string[],
): string =>
  JSON.stringify([scope, route, format, ordered(Object.fromEntries(Object.entries(body).filter(([name]) => !silentFields.has(name))))]);

function ordered(value: Json): Json {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  return Object.fromEntries(
    Object.keys(object)
      .toSorted()
      .map(name => [name, ordered(object[name]!)]),
  );
}
