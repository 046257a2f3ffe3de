/** One provider-side wire format, pure: renders requests, parses responses. The edge makes the calls. */

import type { Failure } from '../shared/failure.ts';
import type { Milliseconds } from '../shared/time.ts';
import type { ChatRequest, ChatResponse, Part, StreamEvent } from './chat.ts';
import { isObject, type Json, type JsonObject, parseJson, type SourceSpan } from './json.ts';
import type { ModelLimits } from './limits/field-limits.ts';

/** A provider's wire format and the facts about its API. */
export interface Provider {
  /** The file's own name; `api:` in the config selects it. */
  readonly name: string;
  /** When it equals a CallerFormat's `wire`, bytes may pass through unchanged. */
  readonly wire: string;
  /**
   * The URL when the config names no `base_url`, without a slash at the end; '' when no network is used. `{region}` and the like are
   * replaced from the account's config.
   */
  readonly baseUrl: string;
  /** How the key is sent. The edge adds it, so a provider never holds a secret. `aws` signs each call; `google` obtains a token first. */
  readonly auth: 'bearer' | 'api-key' | 'x-api-key' | 'x-goog-api-key' | 'aws' | 'google' | 'none';
  /** Whether the vendor's own address accepts calls without a key. */
  readonly keyOptional?: boolean;
  /** Account fields besides the key, with their defaults; '' for a required one. */
  readonly account?: Partial<Readonly<Record<AccountField, string>>>;
  readonly framing: 'sse' | 'aws-eventstream';
  /** Environment variables that enable this provider without config, in order of preference. */
  readonly environment: readonly string[];
  /** Headers of every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** Further headers of streaming calls. */
  readonly streamHeaders?: Readonly<Record<string, string>>;
  /** This provider's id in the price book (@pydantic/genai-prices). */
  readonly priceBook: string;
  /** Prefixes of bare model names that belong to this provider: an unchanged client sends `gpt-5`, not `openai/gpt-5`. */
  readonly modelPrefixes?: readonly string[];
  /** Accepts cache breakpoints. */
  readonly cacheHints?: true;
  /** Can cite documents of the request. */
  readonly citesDocuments?: true;
  /** How long, how many and of which letters its fields may be; what is over is shortened and reported as a warning. */
  readonly limits?: ModelLimits;
  /** Whether a model continues an assistant message at the end of the request (prefill); never when absent. */
  prefills?(model: string): boolean;
  renderRequest(request: ChatRequest, model: string): RenderedRequest;
  /** Its own counter of input tokens, where it has one that costs nothing. */
  readonly counter?: TokenCounterApi;
  /** The changes a vendor's dialect makes to a body of its wire format, the caller's own bytes included. */
  adapt?(body: JsonObject, model: string): Adaptation;
  /**
   * A function for one response, whose JSON text, whole or chunk by chunk, becomes what clients of the wire format read; the same text when
   * nothing differs.
   */
  adaptAnswer?(): (data: string) => string;
  /** `body` is a parsed JSON response with status 2xx. An error in it is returned as a Failure. */
  parseResponse(body: Json): ChatResponse | Failure;
  /** One parser per stream, with its own state. */
  parseStream(): StreamParser;
  /** `headers` has lower-case names. `body` is the text as received, of any content type, at most 64 KiB. */
  parseFailure(status: number, headers: Readonly<Record<string, string>>, body: string): Failure;
  /** A provider without a network responds here; the edge plays the frames by its clock. */
  simulate?(request: RenderedRequest, model: string): SimulatedResponse;
}

/** A provider's endpoint that counts the input tokens of a request. */
export interface TokenCounterApi {
  /** The call for a request as it would be sent to the model. */
  render(rendered: Pick<RenderedRequest, 'path' | 'body'>, model: string): { readonly path: string; readonly body: string };
  /** The count in a parsed JSON response; undefined when there is none. */
  read(body: Json): number | undefined;
}

/** Config keys of a cloud account. */
export type AccountField = 'region' | 'project' | 'resource' | 'api_version';

/** Members with new values; undefined removes one. Warnings name what is lost. */
export interface Adaptation {
  readonly changes: Readonly<Record<string, Json | undefined>>;
  readonly warnings: readonly Warning[];
}

/** A request as it is sent to a provider, with warnings for everything it could not carry. */
export interface RenderedRequest {
  /** Appended to the base URL. */
  readonly path: string;
  /** JSON text. */
  readonly body: string;
  readonly warnings: readonly Warning[];
}

/** One event of an SSE body, as eventsource-parser returns it. */
export interface SseEvent {
  readonly event?: string;
  readonly data: string;
  /** The event with its framing, where it came alone and as `data: …` and an empty line. */
  readonly bytes?: Uint8Array;
}

/** Parses one streaming response. */
export interface StreamParser {
  /** Takes any event, in order. An invalid one yields a `failure` event; it never throws. */
  parse(event: SseEvent): readonly StreamEvent[];
  /**
   * Called at the end of the body: pending events and whether the response is complete. `truncated` unless the format's end marker was
   * seen.
   */
  end(): StreamEnd;
}

/** The end of a stream: complete, or the failure that cut it. */
export type StreamEnd =
  | { readonly complete: true; readonly events: readonly StreamEvent[]; readonly flags: readonly StreamFlag[] }
  | { readonly complete: false; readonly failure: Failure };

/**
 * `no_sentinel`: the response was complete but its end marker was missing.
 * `not_streamed`: one JSON body in response to a streaming request.
 * `payload_cut`: the record keeps only the beginning of the response's bytes.
 * `unreadable_wait`: an error response gave a wait in an unreadable form, which is ignored.
 * `continued`, `restarted`: the attempt replaced one that broke while the caller was reading.
 */
export type StreamFlag = 'no_sentinel' | 'usage_estimated' | 'not_streamed' | 'unreadable_wait' | 'payload_cut' | 'continued' | 'restarted';

/** A part of the request that the target cannot carry. Always reported: on the attempt's record and in the response header. */
export interface Warning {
  readonly type: 'dropped' | 'approximated';
  /** The caller's field as a dotted path: `messages[2].content[0].image_url`, `seed`. */
  readonly field: string;
  readonly detail: string;
  /** Set when the approximation changes the meaning; other approximations say the same in the target's own way. */
  readonly altered?: true;
  /** Set when the request would mean something else without it: the target is skipped, whatever `on_unsupported` says. */
  readonly bound?: true;
}

/** The bytes and times of a simulated call. A `refused` connection has no status. */
export interface SimulatedResponse {
  readonly status: number | 'refused';
  readonly headers: Readonly<Record<string, string>>;
  /** Each frame is sent `afterMs` after the one before it. `stall` never ends; `reset` cuts the connection. */
  readonly frames: readonly { readonly afterMs: Milliseconds; readonly data: string }[];
  readonly ending: 'end' | 'stall' | 'reset';
}

/** A caller's request whose bytes may go to a target of the same wire format. */
export interface RawRequest {
  readonly text: string;
  /** What the text says. */
  readonly value: JsonObject;
  readonly members: ReadonlyMap<string, SourceSpan>;
}

/** A warning that a field was not sent. */
export const dropped = (field: string, detail: string): Warning => ({ type: 'dropped', field, detail });

/** A warning that a field was sent with an equivalent. */
export const approximated = (field: string, detail: string): Warning => ({ type: 'approximated', field, detail });
/** A warning of an approximation that `on_unsupported: reject` refuses. */
export const altered = (field: string, detail: string): Warning => ({ type: 'approximated', field, detail, altered: true });

/** The schema with the format's description inside, for wire formats that have no place for one. */
export function withDescription(schema: JsonObject, description: string | undefined): JsonObject {
  if (description === undefined) return schema;
  const existing = typeof schema.description === 'string' ? ` ${schema.description}` : '';
  return { ...schema, description: description + existing };
}

/** The text for a wire format without citations, with a warning for each citation of a previous response. */
export function withoutCitations(part: Part & { type: 'text' }, path: string, warnings: Warning[]): string {
  if (part.citations) warnings.push(dropped(`${path}.citations`, 'Citations of an earlier response cannot be sent here.'));
  return part.text;
}

/**
 * A tool call's arguments for a wire format that requires an object. Anything else becomes the text of one member. `path` is the caller's
 * field.
 */
export function argumentsObject(text: string, path: string, warnings: Warning[]): JsonObject {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (isObject(value)) return value;
  warnings.push(altered(path, 'The arguments are not a JSON object; sent as the text of a member `arguments`.'));
  return { arguments: text };
}
