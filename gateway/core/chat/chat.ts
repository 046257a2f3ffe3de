/** The vocabulary: what a chat request, its answer and its stream are, whatever wire format they came or go in. */
import type { Failure } from '../shared/failure.ts';
import type { Json, JsonObject } from './json.ts';

export interface ChatRequest {
  /** As the caller wrote it: a route, a target or a bare model name. */
  readonly model: string;
  /** System and developer prompts stand here as messages of those roles, where the caller put them. */
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
  /** How many answers are wanted; absent means one. */
  readonly choices?: number;
  /** `top` is the number of alternatives per token. */
  readonly logprobs?: { readonly top: number };
  readonly output?: OutputFormat;
  readonly reasoning?: Reasoning;
  /** The end user, as an opaque id. */
  readonly user?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly serviceTier?: string;
  /** Top-level fields of the caller that have no place above. They survive to targets of the same wire format. */
  readonly extra: JsonObject;
  /** Paths of what the caller said inside of messages, tools and formats that has no place here; only its own bytes carry it. */
  readonly unread?: readonly string[];
  /** Paths that only the caller's own bytes carry, and without which it would be another question: a target of another wire format is not asked. */
  readonly bound?: readonly string[];
  /** Where each message stands in the caller's body, in dialects that have no `messages` as these are: `system`, `input[3]`, `contents[0]`. */
  readonly messagePaths?: readonly string[];
  /** The caller knows the API's first form only: it hears of calls as `function_call`. */
  readonly legacyFunctions?: true;
}

/** The caller wishes what stands up to here to be cached, for so long: `5m`, `1h`; the format's default when absent. */
export interface CacheControl {
  readonly ttl?: string;
}

export interface Message {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  readonly content: readonly Part[];
  readonly name?: string;
}

export type Part =
  | { readonly type: 'text'; readonly text: string; readonly citations?: readonly Citation[]; readonly cache?: CacheControl }
  | { readonly type: 'image'; readonly source: MediaSource; readonly detail?: string; readonly cache?: CacheControl }
  | {
      readonly type: 'document';
      readonly source: MediaSource;
      readonly name?: string;
      /** The answer shall cite it. */
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

/** Where an answer has something from. */
export interface Citation {
  /** Of all texts of the choice together, in UTF-16 units: what it is about. Absent when nobody said. */
  readonly span?: TextSpan;
  readonly url?: string;
  readonly title?: string;
  /** Words of the source. */
  readonly quote?: string;
  /** A source without an address: the provider's id of it, or its number among the documents of the request. */
  readonly document?: string;
  /** As its provider wrote it; a provider of the same format takes it back. */
  readonly raw: Json;
}

export interface TextSpan {
  readonly from: number;
  readonly to: number;
}

/** Media by reference or inline; `data` is base64 without line breaks. */
export type MediaSource =
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'inline'; readonly mediaType: string; readonly data: string }
  | { readonly type: 'file'; readonly id: string };

export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly parameters?: JsonObject;
  readonly strict?: boolean;
  readonly cache?: CacheControl;
}

export type ToolChoice = { readonly type: 'auto' | 'none' | 'required' } | { readonly type: 'tool'; readonly name: string };

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
export interface Reasoning {
  readonly effort?: ReasoningEffort;
  readonly budgetTokens?: number;
  /** False when the caller wants to see nothing of it. */
  readonly shown?: boolean;
}

export interface ChatResponse {
  /** The provider's id of the answer. */
  readonly id: string;
  /** The model that served it, which is often not the one asked for. */
  readonly model: string;
  /** Seconds since the epoch as the provider said, when it said. */
  readonly created?: number;
  readonly choices: readonly Choice[];
  readonly usage?: Usage;
  readonly serviceTier?: string;
  readonly systemFingerprint?: string;
}

export interface Choice {
  readonly index: number;
  readonly content: readonly Part[];
  readonly finish: Finish;
  readonly logprobs?: readonly TokenLogprob[];
  /** Kinds of what the provider said besides and that has no place here, each once: blocks of tools that it runs itself, say. Only its own bytes carry them. */
  readonly unread?: readonly string[];
}

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'refusal' | 'error' | 'other';
/** `raw` is the provider's own word, '' when it gave none. */
export interface Finish {
  readonly reason: FinishReason;
  readonly raw: string;
  /** The stop sequence that was met, where the provider told. */
  readonly sequence?: string;
}

export interface TokenLogprob {
  readonly token: string;
  /** Natural logarithm; at most 0. */
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

/** Token counts. `input` includes cached and cache-write tokens, `output` includes reasoning, whatever the provider's own habit is. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cacheWrite: number;
  /** Of the cache-write tokens, those that are to be kept for an hour, which costs more. */
  readonly cacheWriteHour?: number;
  readonly reasoning: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
  /** What the provider says that it bills, in nano-dollars: fees and a reseller's price of the hour included. */
  readonly billed?: number;
  /** `provider`: counted by it; `estimated`: counted by us because it said nothing. */
  readonly source: 'provider' | 'estimated';
}

export type MediaPart = Part & { readonly type: 'image' | 'audio' | 'document' };

/** One step of a streamed answer. Names are noun-verb; `choice` is the index of the answer it belongs to. */
export type StreamEvent =
  | { readonly type: 'response-start'; readonly id: string; readonly model: string; readonly created?: number }
  | { readonly type: 'text-delta'; readonly choice: number; readonly text: string }
  | { readonly type: 'reasoning-delta'; readonly choice: number; readonly text: string }
  | { readonly type: 'reasoning-signature'; readonly choice: number; readonly signature: string }
  /** Thinking that the provider keeps encrypted; it comes whole. */
  | { readonly type: 'reasoning-redacted'; readonly choice: number; readonly data: string }
  | { readonly type: 'refusal-delta'; readonly choice: number; readonly text: string }
  /** `index` numbers the tool calls of one choice from 0 in order of appearance. */
  | {
      readonly type: 'tool-call-start';
      readonly choice: number;
      readonly index: number;
      readonly id: string;
      readonly name: string;
      readonly signature?: string;
    }
  | { readonly type: 'tool-call-delta'; readonly choice: number; readonly index: number; readonly arguments: string }
  /** Of the text that was told before it, unless its span says otherwise. */
  | { readonly type: 'citation'; readonly choice: number; readonly citation: Citation }
  /** A picture, a sound or a document, whole. */
  | { readonly type: 'media'; readonly choice: number; readonly part: MediaPart }
  /** A kind of what has no place here. */
  | { readonly type: 'unread'; readonly choice: number; readonly what: string }
  /** The tier that serves the answer; a later one replaces an earlier. */
  | { readonly type: 'tier'; readonly tier: string }
  | { readonly type: 'logprobs'; readonly choice: number; readonly tokens: readonly TokenLogprob[] }
  | { readonly type: 'choice-end'; readonly choice: number; readonly finish: Finish }
  /** Cumulative: a later usage replaces an earlier one. */
  | { readonly type: 'usage'; readonly usage: Usage }
  | { readonly type: 'response-end' }
  | { readonly type: 'failure'; readonly failure: Failure };

/** Whether an event carries semantic content: the first one to reach the caller is the commit point. */
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
