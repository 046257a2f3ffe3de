/** Renders a stream as chat.completion.chunk events. */

import type { CallerError, StreamOptions, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { Finish, StreamEvent, Usage } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { annotationsOf, audioOf, callOf, detailOf, errorOf, finishReasonOf, imageOf, logprobsOf, usageOf } from './wire.ts';

interface State {
  readonly includeUsage: boolean;
  readonly isLegacy: boolean;
  /** The members that all chunks share. */
  head: JsonObject;
  /** Choices whose role was sent. */
  readonly startedChoices: Set<number>;
  /** Sent at the end, because later events may change it and a broken stream must not have one. */
  readonly finishes: Map<number, Finish>;
  /** By choice: the number of signed reasoning parts sent. */
  readonly signedReasoningCounts: Map<number, number>;
  /** By choice and index: calls of freeform tools. */
  readonly freeformCalls: Set<string>;
  usage: Usage | undefined;
}

export function renderStream({ includeUsage, now = 0, request }: StreamOptions): StreamRenderer {
  const state: State = {
    includeUsage,
    isLegacy: request?.legacyFunctions === true,
    head: { id: '', object: 'chat.completion.chunk', created: now, model: '' },
    startedChoices: new Set(),
    finishes: new Map(),
    signedReasoningCounts: new Map(),
    freeformCalls: new Set(),
    usage: undefined,
  };
  return {
    render: event => renderEvent(state, event),
    end: () => `${renderEnd(state)}data: [DONE]\n\n`,
    fail: (error: CallerError) => renderData(errorOf(error)),
  };
}

function renderEvent(state: State, event: StreamEvent): string {
  switch (event.type) {
    case 'response-start': {
      const { id, model, created = state.head.created! } = event;
      state.head = { ...state.head, id, model, created };
      return '';
    }
    case 'text-delta':
      return renderDelta(state, event.choice, '', { content: event.text });
    case 'reasoning-delta':
      return renderDelta(state, event.choice, null, {
        reasoning_content: event.text,
        // A later signature has the same index.
        reasoning_details: [{ type: 'reasoning.text', text: event.text, index: state.signedReasoningCounts.get(event.choice) ?? 0 }],
      });
    case 'refusal-delta':
      return renderDelta(state, event.choice, null, { refusal: event.text });
    case 'tool-call-start':
      if (event.freeform) state.freeformCalls.add(`${event.choice} ${event.index}`);
      return renderDelta(state, event.choice, null, callDelta(state, event.index, callOf({ ...event, arguments: '' })));
    case 'tool-call-delta':
      return renderDelta(state, event.choice, null, callDelta(state, event.index, argumentsDelta(state, event)));
    case 'citation': {
      const annotations = annotationsOf([event.citation]);
      return annotations.length > 0 ? renderDelta(state, event.choice, '', { annotations }) : '';
    }
    case 'media': {
      const [audio] = audioOf(event.part, '');
      const images = imageOf(event.part);
      if (!audio && images.length === 0) return '';
      return renderDelta(state, event.choice, null, audio ? { audio } : { images });
    }
    case 'tier':
      state.head = { ...state.head, service_tier: event.tier };
      return '';
    case 'logprobs':
      return renderRole(state, event.choice, '') + renderChunk(state, event.choice, {}, { logprobs: logprobsOf(event.tokens) });
    case 'choice-end':
      state.finishes.set(event.choice, event.finish);
      return renderRole(state, event.choice, '');
    case 'usage':
      state.usage = event.usage;
      return '';
    case 'response-end':
      return renderEnd(state);
    case 'reasoning-signature':
      return renderSignature(state, event.choice, { signature: event.signature });
    case 'reasoning-redacted':
      return renderSignature(state, event.choice, { redacted: event.data });
    case 'unread': // not supported by this format
    case 'failure': // rendered by fail()
      return '';
  }
}

/** Ends a reasoning part: a client that joins the deltas of an index has all of it. */
function renderSignature(state: State, choice: number, signature: { readonly signature: string } | { readonly redacted: string }): string {
  const index = state.signedReasoningCounts.get(choice) ?? 0;
  state.signedReasoningCounts.set(choice, index + 1);
  return renderDelta(state, choice, null, { reasoning_details: [detailOf({ text: '', ...signature }, index)] });
}

const argumentsDelta = (
  { freeformCalls }: State,
  { choice, index, arguments: text }: StreamEvent & { type: 'tool-call-delta' },
): JsonObject => (freeformCalls.has(`${choice} ${index}`) ? { custom: { input: text } } : { function: { arguments: text } });

/** The legacy format has room for one call. */
function callDelta({ isLegacy }: State, index: number, call: JsonObject): JsonObject {
  if (!isLegacy) return { tool_calls: [{ index, ...call }] };
  return index === 0 ? { function_call: call.function! } : {};
}

const renderDelta = (state: State, choice: number, opening: '' | null, delta: JsonObject): string =>
  renderRole(state, choice, opening) + renderChunk(state, choice, delta, {});

/** The first chunk of a choice has the role. Calls have null content there, because an empty one would start a text. */
function renderRole(state: State, choice: number, content: '' | null): string {
  if (state.startedChoices.has(choice)) return '';
  state.startedChoices.add(choice);
  return renderChunk(state, choice, { role: 'assistant', content, refusal: null }, {});
}

function renderChunk(state: State, index: number, delta: JsonObject, members: JsonObject): string {
  const choice = { index, delta, logprobs: null, finish_reason: null, ...members };
  return renderData({ ...state.head, choices: [choice], ...(state.includeUsage ? { usage: null } : {}) });
}

/** The finish reasons, and the usage in a chunk without choices, each once. */
function renderEnd(state: State): string {
  const finishes = [...state.finishes].toSorted(([a], [b]) => a - b);
  const chunks = finishes.map(([choice, finish]) =>
    renderChunk(state, choice, {}, { finish_reason: finishReasonOf(finish, state.isLegacy) }),
  );
  if (state.usage && state.includeUsage) chunks.push(renderData({ ...state.head, choices: [], usage: usageOf(state.usage) }));
  state.finishes.clear();
  state.usage = undefined;
  return chunks.join('');
}

const renderData = (data: JsonObject): string => `data: ${JSON.stringify(data)}\n\n`;
