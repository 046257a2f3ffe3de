/** The list of models in OpenAI's shape: the routes, and the targets that they name. */
import { isAllowed, knownTargets } from './resolve.ts';
import type { Settings } from './settings.ts';

export interface ModelEntry {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since the epoch: when this gateway started. */
  readonly created: number;
  readonly owned_by: string;
}

/** What the tenant may ask. */
export function modelsOf(settings: Settings, tenant: string, created: number): readonly ModelEntry[] {
  const entry = (id: string, owner: string): ModelEntry => ({ id, object: 'model', created, owned_by: owner });
  const routes = [...settings.routes.keys()].map(name => entry(name, 'hindcast'));
  const targets = knownTargets(settings)
    .filter(target => !settings.routes.has(target))
    .map(target => entry(target, target.slice(0, target.indexOf('/'))));
  return [...routes, ...targets].filter(({ id }) => isAllowed(settings, tenant, id));
}
