/** What the gateway asks of one caller-side wire format: the mirror image of a Provider. */
import type { ChatRequest, ChatResponse, StreamEvent } from './chat.ts';
import type { PublicError } from './failure.ts';
import type { JsonObject } from './json.ts';

export interface Dialect {
  readonly name: string;
  /** Same value as a Provider's `wire` means bytes may pass. */
  readonly wire: string;
  /** What the caller's fields are called where chat completions, whose names warnings use, call them otherwise: `stop` is `stop_sequences`. */
  readonly fieldNames?: Readonly<Record<string, string>>;
  /** A FieldProblem names the field and the mend. */
  parseRequest(body: JsonObject): ChatRequest | FieldProblem;
  /** `now` is in seconds since the epoch, for answers whose provider did not say when they were made. */
  renderResponse(response: ChatResponse, now?: number): string;
  /** One renderer per stream; gives whole SSE events, blank line included. */
  renderStream(options: StreamOptions): StreamRenderer;
  renderFailure(error: CallerError): string;
}

export interface StreamOptions {
  /** The caller asked for usage at the end of the stream. */
  readonly includeUsage: boolean;
  /** Seconds since the epoch, for answers whose provider did not say when they were made. */
  readonly now?: number;
}

export interface StreamRenderer {
  render(event: StreamEvent): string;
  /** The format's own last word, sent only after a whole answer. */
  end(): string;
  /** The one error event that replaces the ending. */
  fail(error: CallerError): string;
}

export interface CallerError extends PublicError {
  readonly param: string | null;
}

export interface FieldProblem {
  readonly problem: { readonly code: string; readonly message: string; readonly param: string | null };
}

export const isFieldProblem = (value: ChatRequest | FieldProblem): value is FieldProblem => 'problem' in value;
