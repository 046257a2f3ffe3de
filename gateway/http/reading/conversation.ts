/** The conversation of a request: the caller's own header, else the session that an agent or a client names in its own way. */
import type { IncomingHttpHeaders } from 'node:http';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { putLruEntry } from '../../core/shared/lru-map.ts';

/** A session's id, and whether a known agent gave it: others may send one value with all their traffic. */
export interface NamedSession {
  readonly id: string;
  readonly isAgent: boolean;
}

const idLengthMax = 256;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** How agents name themselves at the beginning of their user agent. */
const agentNames =
  /^(?:claude-(?:cli|code)|codex|opencode|cline|roo|kilo|aider|goose|gemini-?cli|qwen-?code|crush|zed|cursor|amp|continue)/i;

/** Headers of agents, each with its agent alone. */
const agentHeaders = ['x-claude-code-session-id', 'x-opencode-session', 'x-session-affinity'];
/** Headers that mean a session only when an agent sends them. */
const sharedHeaders = ['session-id', 'session_id', 'thread-id', 'conversation-id', 'conversation_id', 'x-session-id'];

/** Undefined without a session. `body` is the request's JSON. */
export function namedSessionOf(headers: IncomingHttpHeaders, body: JsonObject): NamedSession | undefined {
  const agent = agentHeaders.map(name => idOf(headers[name])).find(id => id !== undefined);
  if (agent !== undefined) return { id: agent, isAgent: true };
  const isAgent = agentNames.test(textOf(headers['user-agent'])) || agentNames.test(textOf(headers.originator));
  const shared = isAgent ? sharedHeaders.map(name => idOf(headers[name])).find(id => id !== undefined) : undefined;
  const id = shared ?? sessionIn(body, isAgent);
  return id === undefined ? undefined : { id, isAgent };
}

function sessionIn(body: JsonObject, isAgent: boolean): string | undefined {
  const metadata = isObject(body.metadata) ? body.metadata : {};
  const client = isObject(body.client_metadata) ? body.client_metadata : {};
  const cacheKey = idOf(body.prompt_cache_key);
  return (
    idOf(metadata.session_id) ??
    idOf(client.session_id) ??
    sessionOfUser(metadata.user_id) ??
    idOf(body.session_id) ??
    (cacheKey !== undefined && (isAgent || uuid.test(cacheKey)) ? cacheKey : undefined)
  );
}

/** Claude Code's end user holds the session: as JSON, and in older versions after a word. */
function sessionOfUser(user: Json | undefined): string | undefined {
  if (typeof user !== 'string' || user.length > 2_000) return undefined;
  const parsed = user.startsWith('{') ? parseJson(user) : undefined;
  if (isObject(parsed)) return idOf(parsed.session_id);
  return /_session_([0-9a-f-]{36})$/i.exec(user)?.[1];
}

const textOf = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');

const idOf = (value: Json | string[] | undefined): string | undefined =>
  typeof value === 'string' && value.trim() !== '' && value.length <= idLengthMax ? value.trim() : undefined;

/** How much of a route's traffic may carry one value; above it, the value names no conversation. */
const shareMax = 0.05;
/** Requests of a route before its shares are judged. */
const judgedFrom = 200;
const valuesMax = 2_000;
/** Counts are halved then, so that they follow the traffic. */
const totalMax = 20_000;

/** Counts the values that callers name as sessions, by route, and tells those that too much of its traffic carries. */
export class SessionShares {
  readonly #routes = new Map<string, { total: number; readonly counts: Map<string, number> }>();

  /** Whether the value names a conversation. Counts it. */
  isConversation(route: string, id: string): boolean {
    const known = this.#routes.get(route) ?? { total: 0, counts: new Map<string, number>() };
    putLruEntry(this.#routes, route, known, valuesMax);
    known.total++;
    const count = (known.counts.get(id) ?? 0) + 1;
    putLruEntry(known.counts, id, count, valuesMax);
    const { total } = known;
    if (total >= totalMax) {
      known.total /= 2;
      for (const [value, seen] of known.counts) known.counts.set(value, seen / 2);
    }
    return total < judgedFrom || count / total <= shareMax;
  }
}
