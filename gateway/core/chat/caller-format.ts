/** One caller-side wire format: parses requests and renders responses. The counterpart of a Provider. */

import type { PublicError } from '../shared/failure.ts';
import type { ChatRequest, ChatResponse, StreamEvent } from './chat.ts';
import type { JsonObject } from './json.ts';
import type { SseEvent } from './provider.ts';
import type { ResponseLosses } from './response-loss.ts';

export interface CallerFormat {
  readonly name: string;
  /** When it equals a Provider's `wire`, bytes may pass through unchanged. */
  readonly wire: string;
  /** The caller's own names of fields, by their chat completions name, which warnings use: `stop` is `stop_sequences`. */
  readonly fieldNames?: Readonly<Record<string, string>>;
  /** The recorded operation; `chat` when absent. */
  readonly operation?: 'text_completion';
  /** Every stream includes usage, whether or not the caller requested it. */
  readonly alwaysUsage?: true;
  /** Content type of its streams; server-sent events when absent. */
  readonly streamType?: string;
  /** Text that keeps an idle stream alive; an SSE comment when absent. */
  readonly keepAlive?: string;
  /** Response features that this format drops or renders in another way. */
  readonly responseLosses: ResponseLosses;
  /** Another header from which its clients read the request id. */
  readonly idHeader?: string;
  /** A FieldProblem names the field and says how to correct it. */
  parseRequest(body: JsonObject): ChatRequest | FieldProblem;
  /** `now` is in seconds since the epoch; used when the provider gave no creation time. */
  renderResponse(response: ChatResponse, now?: number, request?: ChatRequest): string;
  /** One renderer per stream. It returns complete SSE events, blank line included. */
  renderStream(options: StreamOptions): StreamRenderer;
  renderFailure(error: CallerError): string;
}

export interface StreamOptions {
  /** The caller requested usage at the end of the stream. */
  readonly includeUsage: boolean;
  /** Seconds since the epoch; used when the provider gave no creation time. */
  readonly now?: number;
  /** The request, for formats whose responses repeat some of it. */
  readonly request?: ChatRequest;
}

/** Renders one streaming response as text of the wire format. */
export interface StreamRenderer {
  render(event: StreamEvent): string;
  /** Frames a provider's event that passes through unchanged; `data:` lines when absent. */
  frame?(event: SseEvent): string;
  /** The format's end marker, sent only after a complete response. */
  end(): string;
  /** The one error event that replaces the end marker. '' where the format has none that clients see; then the connection is broken. */
  fail(error: CallerError): string;
}

/** An error for the caller, with the field at fault in the caller's own name. */
export interface CallerError extends PublicError {
  readonly param: string | null;
}

/** An invalid request: the reason and the field at fault. */
export interface FieldProblem {
  readonly problem: { readonly code: string; readonly message: string; readonly param: string | null };
}

export const isFieldProblem = (value: ChatRequest | FieldProblem): value is FieldProblem => 'problem' in value;
