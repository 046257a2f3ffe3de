/** What the gateway asks of one caller-side wire format: the mirror image of a Provider. */

import type { PublicError } from '../shared/failure.ts';
import type { ChatRequest, ChatResponse, StreamEvent } from './chat.ts';
import type { JsonObject } from './json.ts';
import type { SseEvent } from './provider.ts';
import type { ResponseLosses } from './response-loss.ts';

export interface CallerFormat {
  readonly name: string;
  /** Same value as a Provider's `wire` means bytes may pass. */
  readonly wire: string;
  /** What the caller's fields are called where chat completions, whose names warnings use, call them otherwise: `stop` is `stop_sequences`. */
  readonly fieldNames?: Readonly<Record<string, string>>;
  /** What its exchanges are recorded as; chat when absent. */
  readonly operation?: 'text_completion';
  /** Usage is part of every stream, whether it was asked for or not. */
  readonly alwaysUsage?: true;
  /** Of its streams; server-sent events when absent. */
  readonly streamType?: string;
  /** What keeps a silent stream alive; an SSE comment when absent. */
  readonly keepAlive?: string;
  /** What of an answer it has no place for, or says in another way. */
  readonly responseLosses: ResponseLosses;
  /** Another header that its clients read the request's id from. */
  readonly idHeader?: string;
  /** A FieldProblem names the field and the mend. */
  parseRequest(body: JsonObject): ChatRequest | FieldProblem;
  /** `now` is in seconds since the epoch, for answers whose provider did not say when they were made. */
  renderResponse(response: ChatResponse, now?: number, request?: ChatRequest): string;
  /** One renderer per stream; gives whole SSE events, blank line included. */
  renderStream(options: StreamOptions): StreamRenderer;
  renderFailure(error: CallerError): string;
}

export interface StreamOptions {
  /** The caller asked for usage at the end of the stream. */
  readonly includeUsage: boolean;
  /** Seconds since the epoch, for answers whose provider did not say when they were made. */
  readonly now?: number;
  /** What was asked, for formats whose answers repeat some of it. */
  readonly request?: ChatRequest;
}

export interface StreamRenderer {
  render(event: StreamEvent): string;
  /** Frames an event of the provider's that passes as it is; `data:` lines when absent. */
  frame?(event: SseEvent): string;
  /** The format's own last word, sent only after a whole answer. */
  end(): string;
  /** The one error event that replaces the ending; '' where the format has none that its clients see, and the connection breaks instead. */
  fail(error: CallerError): string;
}

export interface CallerError extends PublicError {
  readonly param: string | null;
}

export interface FieldProblem {
  readonly problem: { readonly code: string; readonly message: string; readonly param: string | null };
}

export const isFieldProblem = (value: ChatRequest | FieldProblem): value is FieldProblem => 'problem' in value;
