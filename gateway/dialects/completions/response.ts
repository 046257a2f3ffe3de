/** Renders a response as a text_completion object, and a stream as a series of them. */

import type { StreamOptions, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { ChatResponse, Choice, Finish, StreamEvent, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { approximationOf, lossOf, type ResponseLosses } from '../../core/chat/response-loss.ts';
import { errorOf, finishReasonOf, usageOf } from '../openai/wire.ts';

/** A non-streaming text completion as JSON text. `now` in seconds stands in for a missing creation time. */
export function renderResponse({ id, model, created, choices, usage, systemFingerprint }: ChatResponse, now = 0): string {
  return JSON.stringify({
    id,
    object: 'text_completion',
    created: created ?? now,
    model,
    choices: choices.map(renderChoice),
    ...(usage ? { usage: usageOf(usage) } : {}),
    ...(systemFingerprint === undefined ? {} : { system_fingerprint: systemFingerprint }),
  });
}

/** This format has text only. */
const renderChoice = ({ index, content, finish, logprobs }: Choice): JsonObject =>
  choiceOf(
    index,
    content.map(part => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join(''),
    logprobs ? logprobsOf(logprobs) : null,
    finish,
  );

const textOnlyLoss = lossOf('This format has text only.');
export const responseLosses: ResponseLosses = {
  citations: textOnlyLoss,
  'citations.document': textOnlyLoss,
  reasoning: textOnlyLoss,
  'reasoning.signature': textOnlyLoss,
  'reasoning.encrypted': textOnlyLoss,
  refusal: approximationOf('Sent as text.'),
  images: textOnlyLoss,
  audio: textOnlyLoss,
  documents: textOnlyLoss,
  tool_calls: textOnlyLoss,
  stop_sequence: textOnlyLoss,
  service_tier: textOnlyLoss,
};

const choiceOf = (index: number, text: string, logprobs: JsonObject | null, finish: Finish | undefined): JsonObject => ({
  text,
  index,
  logprobs,
  finish_reason: finish ? finishReasonOf(finish) : null,
});

function logprobsOf(tokens: readonly TokenLogprob[]): JsonObject {
  let offset = 0;
  const offsets = tokens.map(({ token }) => {
    offset += token.length;
    return offset - token.length;
  });
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: offsets,
  };
}

/** A renderer of text completion chunks. */
export function renderStream({ includeUsage, now = 0 }: StreamOptions): StreamRenderer {
  let head: JsonObject = { id: '', object: 'text_completion', created: now, model: '' };
  const finishes = new Map<number, Finish>();
  let usage: Usage | undefined;
  const send = (data: JsonObject): string => `data: ${JSON.stringify(data)}\n\n`;
  const chunk = (...choice: Parameters<typeof choiceOf>): string =>
    send({ ...head, choices: [choiceOf(...choice)], ...(includeUsage ? { usage: null } : {}) });
  const render = (event: StreamEvent): string => {
    switch (event.type) {
      case 'response-start':
        head = { ...head, id: event.id, model: event.model, ...(event.created === undefined ? {} : { created: event.created }) };
        return '';
      case 'text-delta':
      case 'refusal-delta':
        return chunk(event.choice, event.text, null, undefined);
      case 'logprobs':
        return chunk(event.choice, '', logprobsOf(event.tokens), undefined);
      case 'choice-end':
        finishes.set(event.choice, event.finish);
        return '';
      case 'usage':
        usage = event.usage;
        return '';
      default:
        return '';
    }
  };
  return {
    render,
    end: () => {
      const ended = [...finishes].toSorted(([a], [b]) => a - b).map(([index, finish]) => chunk(index, '', null, finish));
      const counted = usage && includeUsage ? send({ ...head, choices: [], usage: usageOf(usage) }) : '';
      return `${ended.join('')}${counted}data: [DONE]\n\n`;
    },
    fail: error => send(errorOf(error)),
  };
}
