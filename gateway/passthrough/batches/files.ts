/** Files and batches: whose they are, which provider holds them, and what becomes of an answer about them. */
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { invalid, type Refusal } from '../../exchange/response/refusal.ts';
import type { CallerKey, Settings } from '../../settings/settings.ts';
import type { Endpoint } from '../endpoints.ts';
import type { FileOwner, FileRegistry } from './file-registry.ts';

/** Several tenants with keys of their own: none of them sees what another one holds at the provider that they share. */
export const isShared = ({ keys }: Pick<Settings, 'keys'>): boolean => new Set([...keys.values()].map(({ tenant }) => tenant)).size > 1;

export interface FileAccess {
  readonly registry: FileRegistry;
  readonly key: CallerKey;
  readonly shared: boolean;
}

const idShape = /^[\w.:-]{1,256}$/;

/** Who holds the id that a request names; undefined when it names none, or one that nobody here has seen. */
export function ownerOf({ registry, key, shared }: FileAccess, id: string | undefined): FileOwner | undefined | Refusal {
  if (id === undefined) return undefined;
  if (!idShape.test(id)) return notFound;
  const owner = registry.find(id);
  const isOpen = !shared || key.role === 'admin' || owner?.tenant === key.tenant;
  return isOpen ? owner : notFound;
}

/** The same words for what does not exist and for what is somebody else's. */
const notFound = invalid('not_found', 'There is no such file or batch here.', 'id', 404);

/** Reads an answer of the provider's about files and batches, remembers what it tells, and gives what the caller is told of it. */
export function recordOwnership({ registry, key, shared }: FileAccess, endpoint: Endpoint, provider: string, answer: Buffer): Buffer {
  const value = parseJson(answer.toString());
  if (!isObject(value)) return answer;
  if (Array.isArray(value.data)) return shared && key.role !== 'admin' ? filterOwned(registry, key.tenant, value) : answer;
  const { id } = value;
  if (typeof id !== 'string' || !idShape.test(id)) return answer;
  if (endpoint.method === 'DELETE') {
    if (value.deleted === true) registry.forget(id);
    return answer;
  }
  // Only what was made by this caller becomes its own; what is fetched was either its own before, or is nobody's to tell apart.
  const owner = registry.find(id)?.tenant ?? key.tenant;
  const inputFile = typeof value.input_file_id === 'string' ? value.input_file_id : '';
  registry.add(id, { provider, tenant: owner, inputFile: '' });
  for (const result of [value.output_file_id, value.error_file_id]) {
    if (typeof result === 'string' && idShape.test(result)) registry.add(result, { provider, tenant: owner, inputFile });
  }
  return answer;
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
