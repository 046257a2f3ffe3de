import type { StreamRenderer } from '../../core/chat/caller-format.ts';
import type { ChatResponse, StreamEvent, TokenLogprob } from '../../core/chat/chat.ts';
import type { SseEvent, Warning } from '../../core/chat/provider.ts';
import { wrapEventSignature, wrapPartSignature } from '../../core/chat/reasoning-signature.ts';
import { responseLossesOf } from '../../core/chat/response-loss.ts';
import type { Instant } from '../../core/shared/time.ts';
import type { PreparedRequest, RoutedRequest } from '../contract.ts';
import { mentionsUsage, withoutLogprobs, withoutNullUsage, withToolNames } from './verbatim.ts';

/** One step of a streamed answer. */
export interface Delta {
  readonly events: readonly StreamEvent[];
  /** The event as the provider framed it; undefined for what never was one. */
  readonly raw: SseEvent | undefined;
}

/** Text for the caller's stream, '' when there is nothing to send. The format's final event is sent at the end. */
export function renderDelta({ events, raw }: Delta, prepared: PreparedRequest, renderer: StreamRenderer, includeUsage: boolean): string {
  const shownEvents = events.flatMap(event => visibleEvents(event, prepared, includeUsage));
  if (raw?.data === '[DONE]' || (events.length > 0 && shownEvents.length === 0)) return '';
  // Events inferred at the end of a stream are already in its bytes; a non-streaming response starts with `response-start`.
  if (prepared.isVerbatim && !raw && events[0]?.type !== 'response-start') return '';
  const verbatim = prepared.isVerbatim && raw ? verbatimData(raw.data, prepared, includeUsage) : undefined;
  if (verbatim === undefined) return shownEvents.map(event => renderer.render(event)).join('');
  return renderer.frame ? renderer.frame({ ...raw, data: verbatim }) : `data: ${verbatim.replaceAll('\n', '\ndata: ')}\n\n`;
}

const typedContent = /"content"\s{0,9}:\s{0,9}\[/;

/** The bytes of a text delta that goes to the caller as it came; undefined of any other step. */
export function verbatimBytes(
  { events, raw }: Delta,
  prepared: PreparedRequest,
  renderer: StreamRenderer,
  includeUsage: boolean,
): Buffer | undefined {
  const passes = raw?.bytes && prepared.isVerbatim && !prepared.addedLogprobs && !renderer.frame;
  if (!passes || events.length !== 1 || events[0]!.type !== 'text-delta') return undefined;
  // A text alone differs only where it is a part of a list.
  if (prepared.adaptAnswer && typedContent.test(raw.data)) return undefined;
  return includeUsage || !mentionsUsage(raw.data) ? (raw.bytes as Buffer) : undefined;
}

/** Whether a step is the provider's own last word, which passes when the record is safe and not before. */
export const isFinalEvent = ({ events, raw }: Delta, { isVerbatim }: PreparedRequest): boolean =>
  isVerbatim && raw !== undefined && raw.data !== '[DONE]' && events.some(event => event.type === 'response-end');

function verbatimData(
  received: string,
  { addedLogprobs, toolNames, adaptAnswer }: PreparedRequest,
  includeUsage: boolean,
): string | undefined {
  const data = withToolNames(adaptAnswer?.(received) ?? received, toolNames);
  const trimmed = includeUsage ? data : withoutNullUsage(data);
  return addedLogprobs ? withoutLogprobs(trimmed, addedLogprobs.callerTop) : trimmed;
}

function visibleEvents(
  event: StreamEvent,
  { addedLogprobs, isVerbatim, wire }: PreparedRequest,
  includeUsage: boolean,
): readonly StreamEvent[] {
  if (event.type === 'usage' && !includeUsage) return [];
  if (event.type !== 'logprobs' || !addedLogprobs) return [isVerbatim ? event : wrapEventSignature(event, wire)];
  return addedLogprobs.callerTop === undefined ? [] : [{ ...event, tokens: limitAlternatives(event.tokens, addedLogprobs.callerTop) }];
}

/** What the caller's format cannot express, or expresses differently, of a response that is not verbatim. */
export function responseLosses(response: ChatResponse, prepared: PreparedRequest, { dialect, chat }: RoutedRequest): readonly Warning[] {
  return responseLossesOf(visibleResponse(response, prepared), dialect.responseLosses, chat);
}

/** Whether a whole JSON answer, with that text, goes to the caller as it came. */
export const passesWhole = ({ isVerbatim, addedLogprobs, toolNames, adaptAnswer }: PreparedRequest, text: string | undefined): boolean =>
  isVerbatim && !addedLogprobs && !toolNames && (!adaptAnswer || text === undefined || adaptAnswer(text) === text);

/** A non-streaming response. `body` is the provider's JSON text, if any; `now` replaces a missing time. */
export function renderResponse(
  response: ChatResponse,
  body: string | undefined,
  prepared: PreparedRequest,
  { dialect, chat }: RoutedRequest,
  now: number,
): string {
  const { isVerbatim, addedLogprobs, toolNames, adaptAnswer } = prepared;
  const named = body === undefined ? undefined : withToolNames(isVerbatim ? (adaptAnswer?.(body) ?? body) : body, toolNames);
  const verbatim = named !== undefined && addedLogprobs ? withoutLogprobs(named, addedLogprobs.callerTop) : named;
  if (isVerbatim && verbatim !== undefined) return verbatim;
  return dialect.renderResponse(visibleResponse(response, prepared), now, chat);
}

/** Without added log-probabilities, and with signatures that name their provider. */
function visibleResponse(response: ChatResponse, { isVerbatim, addedLogprobs, wire }: PreparedRequest): ChatResponse {
  const choices = response.choices.map(({ logprobs, ...choice }) => {
    const marked = isVerbatim ? choice : { ...choice, content: choice.content.map(part => wrapPartSignature(part, wire)) };
    if (!logprobs || !addedLogprobs) return logprobs ? { ...marked, logprobs } : marked;
    return addedLogprobs.callerTop === undefined ? marked : { ...marked, logprobs: limitAlternatives(logprobs, addedLogprobs.callerTop) };
  });
  return { ...response, choices };
}

const limitAlternatives = (tokens: readonly TokenLogprob[], top: number): readonly TokenLogprob[] =>
  tokens.map(token => ({ ...token, top: token.top.slice(0, top) }));

/** An instant in whole seconds since 1970, as wire formats have it. */
export const secondsOf = (instant: Instant): number => Math.floor(instant / 1000);

/** A renderer of stream events in the caller's format, for this request. */
export const rendererOf = ({ dialect, includeUsage, receivedAt, chat }: RoutedRequest): StreamRenderer =>
  dialect.renderStream({ includeUsage, now: secondsOf(receivedAt), request: chat });
