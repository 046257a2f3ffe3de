/** Renders a stream as chunks that are small complete responses. The last one has the finish reasons and the usage. */

import type { StreamOptions, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { Citation, Finish, Part, StreamEvent, Usage } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { groundingOf } from './grounding.ts';
import { callPart, finishReasonOf, logprobsOf, partsOf, usageOf } from './wire.ts';

type Call = Part & { type: 'tool-call' };

interface State {
  readonly hidesReasoning: boolean;
  head: JsonObject;
  /** By choice and call index. Calls have no deltas in this format, so they are sent at the end of the choice. */
  readonly calls: Map<number, Map<number, Call>>;
  readonly finishes: Map<number, Finish>;
  readonly texts: Map<number, string>;
  /** Sent at the end, as Google does, because their offsets refer to the whole text. */
  readonly citations: Map<number, Citation[]>;
  tier: string | undefined;
  usage: Usage | undefined;
}

/** How chunks are separated: as events, or as elements of one array. */
export interface ChunkFraming {
  chunk(json: string): string;
  end(): string;
}

/** Google ends event lines with CRLF. */
export const eventFraming = (): ChunkFraming => ({ chunk: json => `data: ${json}\r\n\r\n`, end: () => '' });

/** Frames chunks as one JSON array, as Gemini does without `alt=sse`. */
export function arrayFraming(): ChunkFraming {
  let isStarted = false;
  const separator = (): string => {
    const text = isStarted ? ',\r\n' : '[';
    isStarted = true;
    return text;
  };
  return { chunk: json => separator() + json, end: () => (isStarted ? ']' : '[]') };
}

/** A stream renderer over the given framing. */
export const renderStreamAs =
  (framing: () => ChunkFraming) =>
  ({ request }: StreamOptions): StreamRenderer => {
    const state: State = {
      hidesReasoning: request?.reasoning?.shown === false,
      head: {},
      calls: new Map(),
      finishes: new Map(),
      texts: new Map(),
      citations: new Map(),
      tier: undefined,
      usage: undefined,
    };
    const frame = framing();
    const send = (data: JsonObject | undefined): string => (data ? frame.chunk(JSON.stringify(data)) : '');
    return {
      render: event => send(renderChunk(state, event)),
      frame: ({ data }) => frame.chunk(data.replaceAll('\n', ' ')),
      end: () => send(renderLastChunk(state)) + frame.end(),
      // Clients of this format recognise no error inside a stream, only a broken connection.
      fail: () => '',
    };
  };

function renderChunk(state: State, event: StreamEvent): JsonObject | undefined {
  switch (event.type) {
    case 'response-start':
      state.head = { modelVersion: event.model, responseId: event.id };
      return undefined;
    case 'text-delta':
      state.texts.set(event.choice, (state.texts.get(event.choice) ?? '') + event.text);
      return candidate(state, event.choice, [{ text: event.text }]);
    case 'refusal-delta':
      return candidate(state, event.choice, [{ text: event.text }]);
    case 'citation':
      state.citations.set(event.choice, [...(state.citations.get(event.choice) ?? []), event.citation]);
      return undefined;
    case 'media':
      return candidate(state, event.choice, partsOf(event.part, false));
    case 'tier':
      state.tier = event.tier;
      return undefined;
    case 'reasoning-delta':
      return candidate(state, event.choice, partsOf({ type: 'reasoning', text: event.text }, state.hidesReasoning));
    case 'reasoning-signature':
      return candidate(state, event.choice, [{ text: '', thoughtSignature: event.signature }]);
    case 'reasoning-redacted':
      return candidate(state, event.choice, [{ text: '', thoughtSignature: event.data }]);
    case 'tool-call-start': {
      const { id, name, signature } = event;
      const calls = state.calls.get(event.choice) ?? new Map<number, Call>();
      calls.set(event.index, { type: 'tool-call', id, name, arguments: '', ...(signature === undefined ? {} : { signature }) });
      state.calls.set(event.choice, calls);
      return undefined;
    }
    case 'tool-call-delta': {
      const calls = state.calls.get(event.choice);
      const call = calls?.get(event.index);
      if (call) calls!.set(event.index, { ...call, arguments: call.arguments + event.arguments });
      return undefined;
    }
    case 'logprobs':
      return candidate(state, event.choice, [], { logprobsResult: logprobsOf(event.tokens) });
    case 'choice-end': {
      state.finishes.set(event.choice, event.finish);
      const calls = [...(state.calls.get(event.choice)?.values() ?? [])];
      state.calls.delete(event.choice);
      return candidate(state, event.choice, calls.map(callPart));
    }
    case 'usage':
      state.usage = event.usage;
      return undefined;
    case 'unread':
    case 'response-end':
    case 'failure':
      return undefined;
  }
}

function candidate({ head }: State, index: number, parts: readonly JsonObject[], members?: JsonObject): JsonObject | undefined {
  if (parts.length === 0 && !members) return undefined;
  return { candidates: [{ content: { role: 'model', parts }, index, ...members }], ...head };
}

/** Undefined when the provider's own chunks were passed through and nothing is left. */
function renderLastChunk({ head, finishes, usage, tier, texts, citations }: State): JsonObject | undefined {
  if (finishes.size === 0 && !usage) return undefined;
  const ended = [...finishes].toSorted(([a], [b]) => a - b);
  return {
    candidates: ended.map(([index, finish]) => {
      const grounding = groundingOf(texts.get(index) ?? '', citations.get(index) ?? []);
      const rendered = { content: { role: 'model', parts: [] }, finishReason: finishReasonOf(finish), index };
      return grounding ? { ...rendered, groundingMetadata: grounding } : rendered;
    }),
    ...(usage ? { usageMetadata: usageOf(usage, tier) } : {}),
    ...head,
  };
}
