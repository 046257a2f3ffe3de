/** The vocabulary of chat: request, response and stream events, independent of any wire format. */
import type { Failure } from '../shared/failure.ts';
import type { Json, JsonObject } from './json.ts';

/** A chat request. Absent members were not given by the caller. */
export interface ChatRequest {
  /** As the caller wrote it: a route, a target or a bare model name. */
  readonly model: string;
  /** System and developer prompts are messages of those roles, at the caller's position. */
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly stream: boolean;
  readonly stop: readonly string[];
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly seed?: number;
  /** The number of choices requested; absent means one. */
  readonly choices?: number;
  /** `top` is the number of alternatives per token. */
  readonly logprobs?: { readonly top: number };
  readonly output?: OutputFormat;
  readonly reasoning?: Reasoning;
  /** The end user, as an opaque id. */
  readonly user?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly serviceTier?: string;
  /** The caller's top-level fields that have no member above. Targets of the same wire format receive them. */
  readonly extra: JsonObject;
  /** Paths inside messages, tools and formats that have no member here. Only the caller's own bytes carry them. */
  readonly unread?: readonly string[];
  /** Paths that only the caller's own bytes carry and that change the request's meaning. Targets of another wire format are skipped. */
  readonly bound?: readonly string[];
  /** Paths that the vocabulary holds in other words, with the reason. */
  readonly restated?: readonly { readonly field: string; readonly detail: string }[];
  /** The path of each message in the caller's body, in dialects without such `messages`: `system`, `input[3]`, `contents[0]`. */
  readonly messagePaths?: readonly string[];
  /** The caller uses the legacy `functions`, so tool calls are rendered as `function_call`. */
  readonly legacyFunctions?: true;
}

/** A caller's cache breakpoint: everything up to here should be cached for `ttl` (`5m`, `1h`); the format's default when absent. */
export interface CacheControl {
  readonly ttl?: string;
}

/** One message; its parts are in order. */
export interface Message {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  readonly content: readonly Part[];
  readonly name?: string;
}

/** One part of a message's content. */
export type Part =
  | { readonly type: 'text'; readonly text: string; readonly citations?: readonly Citation[]; readonly cache?: CacheControl }
  | { readonly type: 'image'; readonly source: MediaSource; readonly detail?: string; readonly cache?: CacheControl }
  | {
      readonly type: 'document';
      readonly source: MediaSource;
      readonly name?: string;
      /** The response should cite it. */
      readonly cited?: boolean;
      readonly cache?: CacheControl;
    }
  | { readonly type: 'audio'; readonly source: MediaSource }
  /** `signature` is opaque and must go back to the provider that made it; `redacted` holds provider-encrypted thinking. */
  | { readonly type: 'reasoning'; readonly text: string; readonly signature?: string; readonly redacted?: string }
  /** `arguments` is JSON text exactly as the model wrote it; it may be invalid JSON. `signature` as for reasoning. */
  | {
      readonly type: 'tool-call';
      readonly id: string;
      readonly name: string;
      readonly arguments: string;
      /** A call of a freeform tool: `arguments` is its text, not JSON. */
      readonly freeform?: true;
      readonly signature?: string;
      readonly cache?: CacheControl;
    }
  | {
      readonly type: 'tool-result';
      readonly id: string;
      readonly name?: string;
      readonly content: readonly Part[];
      readonly failed?: boolean;
      readonly cache?: CacheControl;
    }
  | { readonly type: 'refusal'; readonly text: string };

/** The source of a passage in a response. */
export interface Citation {
  /** The passage, in UTF-16 units over all texts of the choice joined. Absent when unknown. */
  readonly span?: TextSpan;
  readonly url?: string;
  readonly title?: string;
  /** The quoted source text. */
  readonly quote?: string;
  /** For a source without a URL: the provider's id, or the document's index in the request. */
  readonly document?: string;
  /** As the provider wrote it; a provider of the same format accepts it again. */
  readonly raw: Json;
}

/** A range of UTF-16 units; `to` is exclusive. */
export interface TextSpan {
  readonly from: number;
  readonly to: number;
}

/** Media by reference or inline; `data` is base64 without line breaks. */
export type MediaSource =
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'inline'; readonly mediaType: string; readonly data: string }
  | { readonly type: 'file'; readonly id: string };

/** A function that the model may call. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly parameters?: JsonObject;
  readonly strict?: boolean;
  readonly cache?: CacheControl;
  /** Set when the caller declared it as more than a function. */
  readonly form?: ToolForm;
}

/**
 * How a caller declared a tool that is no plain function. A target without such tools gets a function in its place, and the response is
 * rendered in the caller's form.
 */
export interface ToolForm {
  /** `freeform` takes a text, `search` finds further tools at the client. */
  readonly type: 'function' | 'freeform' | 'search';
  /** The format of a freeform tool's text, such as a grammar, as the caller wrote it. */
  readonly format?: JsonObject;
  /** The tool's name is `namespace__localName`. */
  readonly namespace?: { readonly name: string; readonly description?: string };
  /** Not loaded before a search finds it. */
  readonly deferred?: true;
  /** The path in the caller's body. */
  readonly path: string;
}

export type ToolChoice = { readonly type: 'auto' | 'none' | 'required' } | { readonly type: 'tool'; readonly name: string };

/** The requested format of the response's text. */
export type OutputFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | {
      readonly type: 'json-schema';
      readonly name: string;
      readonly schema: JsonObject;
      readonly strict?: boolean;
      readonly description?: string;
    };

export type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';

/** The requested reasoning, as an effort or as a token budget. */
export interface Reasoning {
  readonly effort?: ReasoningEffort;
  readonly budgetTokens?: number;
  /** False when the caller wants no reasoning in the response. */
  readonly shown?: boolean;
}

/** A complete response. */
export interface ChatResponse {
  /** The provider's response id. */
  readonly id: string;
  /** The model that served the request; it often differs from the requested one. */
  readonly model: string;
  /** Seconds since the epoch, when the provider gave it. */
  readonly created?: number;
  readonly choices: readonly Choice[];
  readonly usage?: Usage;
  readonly serviceTier?: string;
  readonly systemFingerprint?: string;
}

/** One alternative of a response. */
export interface Choice {
  readonly index: number;
  readonly content: readonly Part[];
  readonly finish: Finish;
  readonly logprobs?: readonly TokenLogprob[];
  /**
   * Kinds of content that have no member here, each once, such as blocks of provider-run tools. Only the provider's own bytes carry them.
   */
  readonly unread?: readonly string[];
}

/** Why a choice ended, independent of the provider's wording. */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'refusal' | 'error' | 'other';
/** `raw` is the provider's own finish reason, '' when it gave none. */
export interface Finish {
  readonly reason: FinishReason;
  readonly raw: string;
  /** The stop sequence that matched, where the provider names it. */
  readonly sequence?: string;
}

/** A token with its log-probability and the likeliest alternatives at its position. */
export interface TokenLogprob {
  readonly token: string;
  /** Natural logarithm; at most 0. */
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

/** Token counts. `input` includes cached and cache-write tokens and `output` includes reasoning, for every provider. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cacheWrite: number;
  /** The part of `cacheWrite` that is kept for an hour, at a higher price. */
  readonly cacheWriteHour?: number;
  readonly reasoning: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
  /** The part of `cached` that is sound. */
  readonly audioCached?: number;
  readonly imageInput?: number;
  readonly imageOutput?: number;
  /** Searches of the web that the provider made and bills one by one. */
  readonly searches?: number;
  /** The amount the provider says it bills, in nano-dollars, including fees and a reseller's current price. */
  readonly billed?: number;
  /** `provider`: counted by the provider; `estimated`: counted here because the provider gave no counts. */
  readonly source: 'provider' | 'estimated';
}

export type MediaPart = Part & { readonly type: 'image' | 'audio' | 'document' };

/** One event of a streaming response. Names are noun-verb; `choice` is the index of its choice. */
export type StreamEvent =
  | { readonly type: 'response-start'; readonly id: string; readonly model: string; readonly created?: number }
  | { readonly type: 'text-delta'; readonly choice: number; readonly text: string }
  | { readonly type: 'reasoning-delta'; readonly choice: number; readonly text: string }
  | { readonly type: 'reasoning-signature'; readonly choice: number; readonly signature: string }
  /** Reasoning that the provider keeps encrypted, complete in one event. */
  | { readonly type: 'reasoning-redacted'; readonly choice: number; readonly data: string }
  | { readonly type: 'refusal-delta'; readonly choice: number; readonly text: string }
  /** `index` numbers the tool calls of one choice from 0 in order of appearance. */
  | {
      readonly type: 'tool-call-start';
      readonly choice: number;
      readonly index: number;
      readonly id: string;
      readonly name: string;
      /** Its deltas are the text of a freeform tool, not JSON. */
      readonly freeform?: true;
      readonly signature?: string;
    }
  | { readonly type: 'tool-call-delta'; readonly choice: number; readonly index: number; readonly arguments: string }
  /** Refers to the text emitted before it, unless its span says otherwise. */
  | { readonly type: 'citation'; readonly choice: number; readonly citation: Citation }
  /** A complete image, audio clip or document. */
  | { readonly type: 'media'; readonly choice: number; readonly part: MediaPart }
  /** A kind of content that has no member here. */
  | { readonly type: 'unread'; readonly choice: number; readonly what: string }
  /** The service tier; a later event replaces an earlier one. */
  | { readonly type: 'tier'; readonly tier: string }
  | { readonly type: 'logprobs'; readonly choice: number; readonly tokens: readonly TokenLogprob[] }
  | { readonly type: 'choice-end'; readonly choice: number; readonly finish: Finish }
  /** Cumulative: a later usage replaces an earlier one. */
  | { readonly type: 'usage'; readonly usage: Usage }
  | { readonly type: 'response-end' }
  | { readonly type: 'failure'; readonly failure: Failure };

/** Whether an event carries content. The first one that reaches the caller is the commit point. */
export function isContentEvent(event: StreamEvent): boolean {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return event.text !== '';
    case 'tool-call-start':
    case 'tool-call-delta':
    case 'logprobs':
    case 'media':
      return true;
    default:
      return false;
  }
}
