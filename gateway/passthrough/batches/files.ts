/** Access to files and batches: which tenant may use an id, and what a response reveals of others. */
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { invalid, type Refusal } from '../../exchange/response/refusal.ts';
import type { CallerKey, Settings } from '../../settings/settings.ts';
import type { Endpoint } from '../endpoints.ts';
import type { FileOwner, FileRegistry } from './file-registry.ts';

/** Whether several tenants share the providers: then no tenant sees the files of another. */
export const isShared = ({ keys }: Pick<Settings, 'keys'>): boolean => new Set([...keys.values()].map(({ tenant }) => tenant)).size > 1;

export interface FileAccess {
  readonly registry: FileRegistry;
  readonly key: CallerKey;
  readonly shared: boolean;
}

const idShape = /^[\w.:-]{1,256}$/;

/** The owner of the request's id; undefined without an id or with an unknown one. 404 for another tenant's id. */
export function ownerOf({ registry, key, shared }: FileAccess, id: string | undefined): FileOwner | undefined | Refusal {
  if (id === undefined) return undefined;
  if (!idShape.test(id)) return notFound;
  const owner = registry.find(id);
  const isOpen = !shared || key.role === 'admin' || owner?.tenant === key.tenant;
  return isOpen ? owner : notFound;
}

/** The same error for an id that does not exist and for another tenant's. */
const notFound = invalid('not_found', 'There is no such file or batch.', 'id', 404);

/** Adds the ids of the provider's response to the registry. Returns the body for the caller: lists hold only the tenant's own entries. */
export function recordOwnership({ registry, key, shared }: FileAccess, endpoint: Endpoint, provider: string, body: Buffer): Buffer {
  const value = parseJson(body.toString());
  if (!isObject(value)) return body;
  if (Array.isArray(value.data)) return shared && key.role !== 'admin' ? filterOwned(registry, key.tenant, value) : body;
  const { id } = value;
  if (typeof id !== 'string' || !idShape.test(id)) return body;
  if (endpoint.method === 'DELETE') {
    if (value.deleted === true) registry.forget(id);
    return body;
  }
  // A tenant owns what it created. An unknown id that it could fetch has no other owner: with several tenants, ownerOf has checked that.
  const owner = registry.find(id)?.tenant ?? key.tenant;
  const inputFile = typeof value.input_file_id === 'string' ? value.input_file_id : '';
  registry.add(id, { provider, tenant: owner, inputFile: '' });
  for (const result of [value.output_file_id, value.error_file_id]) {
    if (typeof result === 'string' && idShape.test(result)) registry.add(result, { provider, tenant: owner, inputFile });
  }
  return body;
}

function filterOwned(registry: FileRegistry, tenant: string, list: JsonObject): Buffer {
  const entries = Array.isArray(list.data) ? list.data : [];
  const data = entries.filter(entry => isObject(entry) && typeof entry.id === 'string' && registry.find(entry.id)?.tenant === tenant);
  const end = (at: number): string | null => {
    const entry = data.at(at);
    return isObject(entry) && typeof entry.id === 'string' ? entry.id : null;
  };
  return Buffer.from(JSON.stringify({ ...list, data, ...('first_id' in list ? { first_id: end(0), last_id: end(-1) } : {}) }));
}
