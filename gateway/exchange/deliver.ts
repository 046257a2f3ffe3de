import { lossesOf } from '../core/answer-loss.ts';
import type { ChatResponse, StreamEvent, TokenLogprob } from '../core/chat.ts';
import type { StreamRenderer } from '../core/dialect.ts';
import type { SseEvent, Warning } from '../core/provider.ts';
import { markEvent, markPart } from '../core/signature.ts';
import type { Instant } from '../core/time.ts';
import type { PreparedRequest, Question } from './contract.ts';
import { withoutLogprobs, withoutNullUsage } from './pass.ts';

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
  // What was only inferred from the end of a stream, its own bytes have told or have left out; a whole answer begins with its start.
  if (prepared.passes && !raw && events[0]?.type !== 'response-start') return '';
  const passing = prepared.passes && raw ? passed(raw.data, prepared, includeUsage) : undefined;
  if (passing === undefined) return shown.map(event => renderer.render(event)).join('');
  return renderer.frame ? renderer.frame({ ...raw, data: passing }) : `data: ${passing.replaceAll('\n', '\ndata: ')}\n\n`;
}

/** Whether a step is the provider's own last word, which passes when the record is safe and not before. */
export const isLastWord = ({ events, raw }: Delta, { passes }: PreparedRequest): boolean =>
  passes && raw !== undefined && raw.data !== '[DONE]' && events.some(event => event.type === 'response-end');

function passed(data: string, { ownLogprobs }: PreparedRequest, includeUsage: boolean): string | undefined {
  const said = includeUsage ? data : withoutNullUsage(data);
  return ownLogprobs ? withoutLogprobs(said, ownLogprobs.shownTop) : said;
}

function visible(event: StreamEvent, { ownLogprobs, passes, wire }: PreparedRequest, includeUsage: boolean): readonly StreamEvent[] {
  if (event.type === 'usage' && !includeUsage) return [];
  if (event.type !== 'logprobs' || !ownLogprobs) return [passes ? event : markEvent(event, wire)];
  return ownLogprobs.shownTop === undefined ? [] : [{ ...event, tokens: cut(event.tokens, ownLogprobs.shownTop) }];
}

/** What its caller's format has no place for, or says in another way, of an answer that does not pass as it is. */
export function answerLosses(response: ChatResponse, prepared: PreparedRequest, { dialect, chat }: Question): readonly Warning[] {
  return lossesOf(shown(response, prepared), dialect.loses, chat);
}

/** A whole answer. `body` is the provider's own JSON text, when there is one; `now` stands in for a time that it did not tell. */
export function answerText(
  response: ChatResponse,
  body: string | undefined,
  prepared: PreparedRequest,
  { dialect, chat }: Question,
  now: number,
): string {
  const { passes, ownLogprobs } = prepared;
  const passing = body !== undefined && ownLogprobs ? withoutLogprobs(body, ownLogprobs.shownTop) : body;
  if (passes && passing !== undefined) return passing;
  return dialect.renderResponse(shown(response, prepared), now, chat);
}

/** Without what the caller did not ask for, and with proofs that find their way back. */
function shown(response: ChatResponse, { passes, ownLogprobs, wire }: PreparedRequest): ChatResponse {
  const choices = response.choices.map(({ logprobs, ...choice }) => {
    const marked = passes ? choice : { ...choice, content: choice.content.map(part => markPart(part, wire)) };
    if (!logprobs || !ownLogprobs) return logprobs ? { ...marked, logprobs } : marked;
    return ownLogprobs.shownTop === undefined ? marked : { ...marked, logprobs: cut(logprobs, ownLogprobs.shownTop) };
  });
  return { ...response, choices };
}

const cut = (tokens: readonly TokenLogprob[], top: number): readonly TokenLogprob[] =>
  tokens.map(token => ({ ...token, top: token.top.slice(0, top) }));

export const secondsOf = (instant: Instant): number => Math.floor(instant / 1000);

export const rendererOf = ({ dialect, includeUsage, receivedAt, chat }: Question): StreamRenderer =>
  dialect.renderStream({ includeUsage, now: secondsOf(receivedAt), asked: chat });
