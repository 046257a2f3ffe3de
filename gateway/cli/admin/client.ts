/** The admin API for commands: of the gateway that runs on this folder, or of one named by its URL. */
import { createParser } from 'eventsource-parser';
import type { TailEvent } from '../../admin/api/exchanges.ts';
import { type AnswerOf, apiRoutes, prefix, type QueryFor, type RouteName } from '../../admin/api/table.ts';
import type { Settings } from '../../settings/settings.ts';
import { CommandError, exit, loadSettings } from '../command.ts';

export interface ApiOptions {
  readonly config?: string;
  readonly url?: string;
  readonly key?: string;
}

/** What lies in a folder of records for commands of the same machine; undefined when no gateway has run there. */
export interface LocalAccess {
  keyOf(storePath: string): string | undefined;
  urlOf(storePath: string): string | undefined;
}

export interface ApiClient {
  readonly url: string;
  /** Has the gateway ship what it has recorded so far. */
  flush(): Promise<void>;
  /** Undefined for 404. Rejects with what the user can mend. */
  get<Name extends RouteName>(
    name: Name,
    params: Readonly<Record<string, string>>,
    query: QueryFor<Name>,
  ): Promise<AnswerOf<Name> | undefined>;
  /** Ends when the gateway does, or at the signal. */
  events(query: QueryFor<'tail'>, signal: AbortSignal, onEvent: (event: TailEvent) => void, onOpen: () => Promise<void>): Promise<void>;
}

export function openClient(options: ApiOptions, access: LocalAccess): ApiClient {
  const settings = options.url === undefined || options.key === undefined ? loadSettings(options) : undefined;
  const url = (options.url ?? localUrl(settings!, access)).replace(/\/+$/, '');
  const key = options.key ?? (process.env.HINDCAST_ADMIN_KEY || (settings && access.keyOf(settings.store.path)));
  const request = async (path: string, signal?: AbortSignal, method = 'GET'): Promise<Response> => {
    const headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(method === 'GET' ? {} : { 'x-hindcast-csrf': '1' }),
    };
    try {
      return await fetch(`${url}${path}`, { method, headers, signal: signal ?? null });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new CommandError(
        exit.usage,
        `No gateway answers at ${url}. Start it (hindcast serve), or name another: --url http://HOST:PORT.`,
      );
    }
  };
  return {
    url,
    flush: async () => {
      const response = await request(pathOf('flush', {}), undefined, 'POST');
      if (!response.ok) throw await refusalOf(response);
      await response.body?.cancel();
    },
    get: async (name, params, query) => {
      const response = await request(`${pathOf(name, params)}${queryOf(query)}`);
      if (response.status === 404) return undefined;
      if (!response.ok) throw await refusalOf(response);
      return (await response.json()) as never;
    },
    events: async (query, signal, onEvent, onOpen) => {
      const response = await request(`${pathOf('tail', {})}${queryOf(query)}`, signal);
      if (!response.ok) throw await refusalOf(response);
      await onOpen();
      const parser = createParser({ onEvent: ({ data }) => onEvent(JSON.parse(data) as TailEvent) });
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) parser.feed(chunk);
    },
  };
}

/** What the gateway itself wrote down; else where the configuration says that it listens. */
function localUrl({ store, server }: Settings, access: LocalAccess): string {
  const host = server.host === '0.0.0.0' || server.host === '::' ? '127.0.0.1' : server.host;
  return access.urlOf(store.path) ?? `${server.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${server.port}`;
}

const pathOf = (name: RouteName, params: Readonly<Record<string, string>>): string =>
  `${prefix}${apiRoutes[name].path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(params[param]!))}`;

function queryOf(query: object): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

async function refusalOf(response: Response): Promise<CommandError> {
  const body = (await response.json().catch(() => ({}))) as { readonly error?: { readonly message?: string } };
  const message = body.error?.message ?? `The gateway answered with status ${response.status}.`;
  const hint = response.status === 401 ? ' Name a key by --key or HINDCAST_ADMIN_KEY.' : '';
  return new CommandError(exit.usage, `${message}${hint}`);
}
