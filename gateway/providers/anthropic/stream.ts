/** Parses a stream of /v1/messages: message_start, blocks that start, grow and stop, message_delta, and message_stop as end marker. */
import type { Citation, Part, StreamEvent } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/chat/provider.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { citationsOf } from './citations.ts';
import { failureOf } from './failure.ts';
import { kindOf, parseBlocks, parseFinish, parseUsage, refusalOf, text } from './response.ts';

type Block =
  | { readonly type: 'thinking' | 'other' }
  /** Citations cover their whole block and are emitted at its end; it begins `from` characters into the response. */
  | { readonly type: 'text'; readonly from: number; readonly citations: Json[] }
  /** `input` is complete in the start event when no delta follows. */
  | { readonly type: 'tool'; readonly index: number; readonly input: Json; pieces: number };

interface State {
  id: string | undefined;
  hasContent: boolean;
  callCount: number;
  /** Length of all texts so far. */
  textLength: number;
  readonly open: Map<number, Block>;
  /** Later counts replace earlier ones: input may grow while the provider's tools run. */
  usage: JsonObject;
  /** `stop_reason` and related members, as far as received. */
  stop: JsonObject;
  isStopped: boolean;
  failure: Failure | undefined;
}

export function parseStream(): StreamParser {
  const state: State = {
    id: undefined,
    hasContent: false,
    callCount: 0,
    textLength: 0,
    open: new Map(),
    usage: {},
    stop: {},
    isStopped: false,
    failure: undefined,
  };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.isStopped) return { complete: true, events: [], flags: [] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before message_stop' } };
}

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  if (state.failure || state.isStopped) return [];
  const data = parseJson(event.data);
  if (!isObject(data)) return fail(state, 'an event is not a JSON object');
  switch (data.type ?? event.event) {
    case 'message_start':
      return onMessageStart(state, data);
    case 'content_block_start':
      return onBlockStart(state, data);
    case 'content_block_delta':
      return onBlockDelta(state, data);
    case 'content_block_stop':
      return onBlockStop(state, data);
    case 'message_delta':
      return onMessageDelta(state, data);
    case 'message_stop':
      return onMessageStop(state);
    case 'error':
      state.failure = failureOf(data);
      return [{ type: 'failure', failure: state.failure }];
    default:
      return []; // ping and future events: the documentation asks to ignore unknown ones
  }
}

function onMessageStart(state: State, data: JsonObject): readonly StreamEvent[] {
  if (!isObject(data.message)) return fail(state, 'message_start without a message');
  const { message } = data;
  const id = text(message.id);
  if (state.id !== undefined) {
    // Some relays repeat message_start. After content, or with another id, two responses were spliced together.
    return state.id === id && !state.hasContent ? [] : fail(state, 'a second message_start: two responses in one stream');
  }
  state.id = id;
  if (typeof message.stop_reason === 'string') state.stop = message;
  const { content, unread } = parseBlocks(Array.isArray(message.content) ? (message.content as readonly Json[]) : []);
  return [
    { type: 'response-start', id, model: text(message.model) },
    ...onUsage(state, message.usage),
    ...content.flatMap(part => eventsOfPart(state, part)),
    ...unread.map(unmappedEvent),
  ];
}

/** The content of a message that was present when the stream began. */
function eventsOfPart(state: State, part: Part): readonly StreamEvent[] {
  state.hasContent = true;
  switch (part.type) {
    case 'text':
      return [...textDelta(state, part.text), ...(part.citations ?? []).map(citationEvent)];
    case 'reasoning':
      return part.redacted === undefined
        ? [...reasoningDelta(part.text), ...signatureEvents(part.signature)]
        : redactedEvents(part.redacted);
    case 'tool-call': {
      const index = state.callCount++;
      return [
        { type: 'tool-call-start', choice: 0, index, id: part.id, name: part.name },
        { type: 'tool-call-delta', choice: 0, index, arguments: part.arguments },
      ];
    }
    default:
      return [];
  }
}

function onBlockStart(state: State, data: JsonObject): readonly StreamEvent[] {
  if (typeof data.index !== 'number' || !isObject(data.content_block)) return fail(state, 'content_block_start without index or block');
  if (state.id === undefined) return fail(state, 'a content block before message_start');
  if (state.open.has(data.index)) return fail(state, 'a content block was opened twice');
  const block = data.content_block;
  state.hasContent = true;
  switch (block.type) {
    case 'text':
      state.open.set(data.index, {
        type: 'text',
        from: state.textLength,
        citations: Array.isArray(block.citations) ? [...block.citations] : [],
      });
      return textDelta(state, text(block.text));
    case 'thinking':
      state.open.set(data.index, { type: 'thinking' });
      return [...reasoningDelta(text(block.thinking)), ...signatureEvents(block.signature)];
    case 'redacted_thinking':
      state.open.set(data.index, { type: 'other' });
      return redactedEvents(text(block.data));
    case 'tool_use': {
      const index = state.callCount++;
      state.open.set(data.index, { type: 'tool', index, input: block.input ?? {}, pieces: 0 });
      return [{ type: 'tool-call-start', choice: 0, index, id: text(block.id), name: text(block.name) }];
    }
    default:
      state.open.set(data.index, { type: 'other' });
      return [unmappedEvent(kindOf(block))];
  }
}

function onBlockDelta(state: State, data: JsonObject): readonly StreamEvent[] {
  const block = typeof data.index === 'number' ? state.open.get(data.index) : undefined;
  if (!block || !isObject(data.delta)) return fail(state, 'a delta of a block that is not open');
  const { delta } = data;
  switch (delta.type) {
    case 'text_delta':
      return block.type === 'text' ? textDelta(state, text(delta.text)) : [];
    case 'citations_delta':
      if (block.type === 'text' && block.citations.length < citationsMax) block.citations.push(delta.citation ?? null);
      return [];
    case 'thinking_delta':
      return block.type === 'thinking' ? reasoningDelta(text(delta.thinking)) : [];
    case 'signature_delta':
      return block.type === 'thinking' ? signatureEvents(delta.signature) : [];
    case 'input_json_delta': {
      const piece = text(delta.partial_json);
      if (block.type !== 'tool' || piece === '') return [];
      block.pieces++;
      return [{ type: 'tool-call-delta', choice: 0, index: block.index, arguments: piece }];
    }
    default:
      return [];
  }
}

function onBlockStop(state: State, data: JsonObject): readonly StreamEvent[] {
  const block = typeof data.index === 'number' ? state.open.get(data.index) : undefined;
  if (!block) return fail(state, 'a block was closed that is not open');
  state.open.delete(data.index as number);
  if (block.type === 'text') return citationsOf(block.citations, { from: block.from, to: state.textLength }).map(citationEvent);
  if (block.type !== 'tool' || block.pieces > 0) return [];
  return [{ type: 'tool-call-delta', choice: 0, index: block.index, arguments: JSON.stringify(block.input) }];
}

function onMessageDelta(state: State, data: JsonObject): readonly StreamEvent[] {
  if (isObject(data.delta) && typeof data.delta.stop_reason === 'string') state.stop = data.delta;
  return onUsage(state, data.usage);
}

function onMessageStop(state: State): readonly StreamEvent[] {
  if (state.open.size > 0) return fail(state, 'message_stop while a content block is open', 'truncated');
  if (state.stop.stop_reason === undefined) return fail(state, 'message_stop without a stop_reason', 'truncated');
  state.isStopped = true;
  const explanation = refusalOf(state.stop);
  return [
    ...(explanation === undefined ? [] : [{ type: 'refusal-delta', choice: 0, text: explanation } as const]),
    { type: 'choice-end', choice: 0, finish: parseFinish(state.stop, state.callCount > 0) },
    { type: 'response-end' },
  ];
}

function onUsage(state: State, usage: Json | undefined): readonly StreamEvent[] {
  if (!isObject(usage)) return [];
  const reported = Object.entries(usage).filter(([, value]) => value !== null);
  state.usage = { ...state.usage, ...Object.fromEntries(reported) };
  const parsed = parseUsage(state.usage);
  const { service_tier: tier } = usage;
  return [
    ...(parsed ? [{ type: 'usage', usage: parsed } as const] : []),
    ...(typeof tier === 'string' ? [{ type: 'tier', tier } as const] : []),
  ];
}

function fail(state: State, message: string, kind: 'invalid-response' | 'truncated' = 'invalid-response'): readonly StreamEvent[] {
  state.failure = { kind, message };
  return [{ type: 'failure', failure: state.failure }];
}

/** Maximum citations of one block, above any real response. */
const citationsMax = 10_000;
const citationEvent = (citation: Citation): StreamEvent => ({ type: 'citation', choice: 0, citation });
const unmappedEvent = (what: string): StreamEvent => ({ type: 'unread', choice: 0, what });

function textDelta(state: State, text: string): readonly StreamEvent[] {
  state.textLength += text.length;
  return text === '' ? [] : [{ type: 'text-delta', choice: 0, text }];
}

const reasoningDelta = (text: string): readonly StreamEvent[] => (text === '' ? [] : [{ type: 'reasoning-delta', choice: 0, text }]);
const signatureEvents = (value: Json | undefined): readonly StreamEvent[] =>
  typeof value === 'string' && value !== '' ? [{ type: 'reasoning-signature', choice: 0, signature: value }] : [];

const redactedEvents = (data: string): readonly StreamEvent[] => (data === '' ? [] : [{ type: 'reasoning-redacted', choice: 0, data }]);
