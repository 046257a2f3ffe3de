/** What the caller is sent of an answer: the provider's bytes where they pass, rendered anew where they do not, and nothing it did not ask for. */
import type { ChatResponse, StreamEvent, TokenLogprob } from './core/chat.ts';
import type { Dialect, StreamRenderer } from './core/dialect.ts';
import type { SseEvent } from './core/provider.ts';
import { withoutLogprobs, withoutNullUsage } from './pass.ts';
import type { PreparedRequest } from './question.ts';

/** One step of a streamed answer. */
export interface Delta {
  readonly events: readonly StreamEvent[];
  /** The event as the provider framed it; undefined for what never was one. */
  readonly raw: SseEvent | undefined;
}

/** Text for the caller's stream, '' when there is nothing to tell. The format's own last word is not in it: that is for the end. */
export function deltaText({ events, raw }: Delta, prepared: PreparedRequest, renderer: StreamRenderer, includeUsage: boolean): string {
  const shown = events.flatMap(event => visible(event, prepared, includeUsage));
  if (raw?.data === '[DONE]' || (events.length > 0 && shown.length === 0)) return '';
  const passing = prepared.passes && raw ? passed(raw.data, prepared, includeUsage) : undefined;
  return passing === undefined ? shown.map(event => renderer.render(event)).join('') : `data: ${passing.replaceAll('\n', '\ndata: ')}\n\n`;
}

function passed(data: string, { ownLogprobs }: PreparedRequest, includeUsage: boolean): string | undefined {
  const said = includeUsage ? data : withoutNullUsage(data);
  return ownLogprobs ? withoutLogprobs(said, ownLogprobs.shownTop) : said;
}

function visible(event: StreamEvent, { ownLogprobs }: PreparedRequest, includeUsage: boolean): readonly StreamEvent[] {
  if (event.type === 'usage' && !includeUsage) return [];
  if (event.type !== 'logprobs' || !ownLogprobs) return [event];
  return ownLogprobs.shownTop === undefined ? [] : [{ ...event, tokens: cut(event.tokens, ownLogprobs.shownTop) }];
}

/** A whole answer. `body` is the provider's own JSON text, when there is one; `now` stands in for a time that it did not tell. */
export function answerText(
  response: ChatResponse,
  body: string | undefined,
  { passes, ownLogprobs }: PreparedRequest,
  dialect: Dialect,
  now: number,
): string {
  const passing = body !== undefined && ownLogprobs ? withoutLogprobs(body, ownLogprobs.shownTop) : body;
  if (passes && passing !== undefined) return passing;
  if (!ownLogprobs) return dialect.renderResponse(response, now);
  const { shownTop } = ownLogprobs;
  const choices = response.choices.map(({ logprobs, ...choice }) =>
    logprobs && shownTop !== undefined ? { ...choice, logprobs: cut(logprobs, shownTop) } : choice,
  );
  return dialect.renderResponse({ ...response, choices }, now);
}

const cut = (tokens: readonly TokenLogprob[], top: number): readonly TokenLogprob[] =>
  tokens.map(token => ({ ...token, top: token.top.slice(0, top) }));
