/** What the gateway asks of one upstream wire format. Pure: render goes out, parse comes in, the edge does the calling. */

import type { Failure } from '../shared/failure.ts';
import type { Milliseconds } from '../shared/time.ts';
import type { ChatRequest, ChatResponse, Part, StreamEvent } from './chat.ts';
import { isObject, type Json, type JsonObject, parseJson, type SourceSpan } from './json.ts';

export interface Provider {
  /** The file's own name; `api:` in the config says it. */
  readonly name: string;
  /** Two sides of the same wire format can pass bytes through. */
  readonly wire: string;
  /** Where calls go when the config names no `base_url`; without a slash at the end. '' when nothing is called. `{region}` and the like stand for what the account says. */
  readonly baseUrl: string;
  /** How the key travels; the edge puts it there, so that no provider ever holds a secret. `aws` signs each call, `google` asks for a token first. */
  readonly auth: 'bearer' | 'api-key' | 'x-api-key' | 'x-goog-api-key' | 'aws' | 'google' | 'none';
  /** Whether it may be asked without a key even at its maker's address. */
  readonly keyOptional?: boolean;
  /** What an account must say besides its key, with what holds when it does not; '' where it has to. */
  readonly account?: Partial<Readonly<Record<AccountField, string>>>;
  readonly framing: 'sse' | 'aws-eventstream';
  /** The environment variables that make this provider when no config names it, in order of preference. */
  readonly environment: readonly string[];
  /** Headers the wire format wants on every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** And on those that ask for a stream. */
  readonly streamHeaders?: Readonly<Record<string, string>>;
  /** The price book's name for this provider: @pydantic/genai-prices' provider id. */
  readonly priceBook: string;
  /** Bare model names that begin so are this provider's own: an unchanged client asks for `gpt-5`, not `openai/gpt-5`. */
  readonly modelPrefixes?: readonly string[];
  /** Takes the caller's hints of what to cache. */
  readonly cacheHints?: true;
  /** Takes the wish that an answer cite its documents. */
  readonly citesDocuments?: true;
  /** Whether a model goes on with an answer whose beginning stands as the last message; no when absent. */
  prefills?(model: string): boolean;
  renderRequest(request: ChatRequest, model: string): RenderedRequest;
  /** What a dialect says differently of a body in its wire format, the caller's own bytes included. */
  adapt?(body: JsonObject, model: string): Adaptation;
  /** `body` is a parsed JSON answer with a 2xx status. An error inside a 200 comes out as a Failure. */
  parseResponse(body: Json): ChatResponse | Failure;
  /** One parser per stream: it keeps what it must between events. */
  parseStream(): StreamParser;
  /** `headers` has lower-case names. `body` is the text as it came, of any content type, at most 64 KiB. */
  parseFailure(status: number, headers: Readonly<Record<string, string>>, body: string): Failure;
  /** A provider that needs no network answers here; the edge plays the frames by its clock. */
  simulate?(request: RenderedRequest, model: string): SimulatedResponse;
}

/** Keys of the config that belong to an account at a cloud. */
export type AccountField = 'region' | 'project' | 'resource' | 'api_version';

/** Members of a body with other values; undefined removes one. What is lost by it is said. */
export interface Adaptation {
  readonly changes: Readonly<Record<string, Json | undefined>>;
  readonly warnings: readonly Warning[];
}

export interface RenderedRequest {
  /** Appended to the base URL. */
  readonly path: string;
  /** JSON text. */
  readonly body: string;
  readonly warnings: readonly Warning[];
}

/** One event of an SSE body, as eventsource-parser gives it. */
export interface SseEvent {
  readonly event?: string;
  readonly data: string;
}

export interface StreamParser {
  /** Any event, in order. A broken one yields a `failure` event and never throws. */
  parse(event: SseEvent): readonly StreamEvent[];
  /** The body ended: what is still due, and whether the answer is whole. `truncated` unless the format's own end was seen. */
  end(): StreamEnd;
}

export type StreamEnd =
  | { readonly complete: true; readonly events: readonly StreamEvent[]; readonly flags: readonly StreamFlag[] }
  | { readonly complete: false; readonly failure: Failure };

/**
 * `no_sentinel`: the format's last word was missing though the answer was whole. `not_streamed`: one JSON body where a stream was asked for.
 * `payload_cut`: the record keeps only the beginning of the answer's bytes.
 * `unreadable_wait`: a refusal said how long to wait in a  form that counts as not said.
 * `continued`, `restarted`: it took the place of an attempt that broke while its caller was reading.
 */
export type StreamFlag = 'no_sentinel' | 'usage_estimated' | 'not_streamed' | 'unreadable_wait' | 'payload_cut' | 'continued' | 'restarted';

/** Something of the request that the target cannot carry. Never silent: it goes on the attempt, into the row and the response header. */
export interface Warning {
  readonly type: 'dropped' | 'approximated';
  /** The caller's field, dotted: `messages[2].content[0].image_url`, `seed`. */
  readonly field: string;
  readonly detail: string;
  /** Of an approximation that means something else than was asked; the others say the same in the target's own way. */
  readonly altered?: true;
  /** Without it the question would be another one: the target is not asked, whatever `on_unsupported` says. */
  readonly bound?: true;
}

/** What a provider without a network would put on the wire: `refused` connections have no status. */
export interface SimulatedResponse {
  readonly status: number | 'refused';
  readonly headers: Readonly<Record<string, string>>;
  /** Each frame waits `afterMs` after the one before it. `stall` never ends, `reset` cuts the connection. */
  readonly frames: readonly { readonly afterMs: Milliseconds; readonly data: string }[];
  readonly ending: 'end' | 'stall' | 'reset';
}

/** A caller's request that may pass its bytes to a target of the same wire format. */
export interface RawRequest {
  readonly text: string;
  readonly members: ReadonlyMap<string, SourceSpan>;
}

export const dropped = (field: string, detail: string): Warning => ({ type: 'dropped', field, detail });
export const approximated = (field: string, detail: string): Warning => ({ type: 'approximated', field, detail });
/** An approximation that `on_unsupported: reject` refuses, too. */
export const altered = (field: string, detail: string): Warning => ({ type: 'approximated', field, detail, altered: true });

/** A schema that says itself what its format's description said, for formats that describe nothing beside it. */
export function withDescription(schema: JsonObject, description: string | undefined): JsonObject {
  if (description === undefined) return schema;
  const existing = typeof schema.description === 'string' ? ` ${schema.description}` : '';
  return { ...schema, description: description + existing };
}

/** For a format whose texts take no citations: an answer that goes back as history loses them. */
export function withoutCitations(part: Part & { type: 'text' }, path: string, warnings: Warning[]): string {
  if (part.citations) warnings.push(dropped(`${path}.citations`, 'Citations of an earlier answer cannot go back here.'));
  return part.text;
}

/** A tool call's arguments for a format that wants an object; other JSON, or none, goes as the text of one member. `path` is the caller's field. */
export function argumentsObject(text: string, path: string, warnings: Warning[]): JsonObject {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (isObject(value)) return value;
  warnings.push(altered(path, 'The arguments are no JSON object; they were sent as the text of a member `arguments`.'));
  return { arguments: text };
}
