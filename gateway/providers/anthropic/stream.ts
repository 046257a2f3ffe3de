/** A stream of /v1/messages: message_start, blocks that open, grow and close, message_delta, and message_stop as its last word. */
import type { Citation, Part, StreamEvent } from '../../core/chat.ts';
import type { Failure } from '../../core/failure.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/provider.ts';
import { citationsOf } from './citations.ts';
import { failureOf } from './failure.ts';
import { kindOf, parseBlocks, parseFinish, parseUsage, refusalOf, text } from './response.ts';

type Block =
  | { readonly type: 'thinking' | 'other' }
  /** Citations are about the whole of their block, and told when it is whole; it begins `from` characters into the answer. */
  | { readonly type: 'text'; readonly from: number; readonly citations: Json[] }
  /** `input` stands whole in the opening event when no piece of it follows. */
  | { readonly type: 'tool'; readonly index: number; readonly input: Json; pieces: number };

interface State {
  id: string | undefined;
  hasContent: boolean;
  calls: number;
  /** Length of all texts so far. */
  length: number;
  readonly open: Map<number, Block>;
  /** As the provider counts, later counts over earlier ones: input may grow while its own tools run. */
  usage: JsonObject;
  /** `stop_reason` and what goes with it, as far as it was said. */
  stop: JsonObject;
  stopped: boolean;
  failure: Failure | undefined;
}

export function parseStream(): StreamParser {
  const state: State = {
    id: undefined,
    hasContent: false,
    calls: 0,
    length: 0,
    open: new Map(),
    usage: {},
    stop: {},
    stopped: false,
    failure: undefined,
  };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.stopped) return { complete: true, events: [], flags: [] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before message_stop' } };
}

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  if (state.failure || state.stopped) return [];
  const data = parseJson(event.data);
  if (!isObject(data)) return fail(state, 'an event is no JSON object');
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
      return []; // ping, and whatever the format will have next: its documents ask to pass over what is not known
  }
}

function onMessageStart(state: State, data: JsonObject): readonly StreamEvent[] {
  if (!isObject(data.message)) return fail(state, 'message_start without a message');
  const { message } = data;
  const id = text(message.id);
  if (state.id !== undefined) {
    // Some relays say it twice. After content, or with another id, two answers were spliced together.
    return state.id === id && !state.hasContent ? [] : fail(state, 'a second message_start: two answers in one stream');
  }
  state.id = id;
  if (typeof message.stop_reason === 'string') state.stop = message;
  const { content, unread } = parseBlocks(Array.isArray(message.content) ? (message.content as readonly Json[]) : []);
  return [
    { type: 'response-start', id, model: text(message.model) },
    ...onUsage(state, message.usage),
    ...content.flatMap(part => wholePart(state, part)),
    ...unread.map(untold),
  ];
}

/** The content of a message that was there when the stream began. */
function wholePart(state: State, part: Part): readonly StreamEvent[] {
  state.hasContent = true;
  switch (part.type) {
    case 'text':
      return [...textDelta(state, part.text), ...(part.citations ?? []).map(cited)];
    case 'reasoning':
      return part.redacted === undefined ? [...reasoningDelta(part.text), ...signature(part.signature)] : redacted(part.redacted);
    case 'tool-call': {
      const index = state.calls++;
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
        from: state.length,
        citations: Array.isArray(block.citations) ? [...block.citations] : [],
      });
      return textDelta(state, text(block.text));
    case 'thinking':
      state.open.set(data.index, { type: 'thinking' });
      return [...reasoningDelta(text(block.thinking)), ...signature(block.signature)];
    case 'redacted_thinking':
      state.open.set(data.index, { type: 'other' });
      return redacted(text(block.data));
    case 'tool_use': {
      const index = state.calls++;
      state.open.set(data.index, { type: 'tool', index, input: block.input ?? {}, pieces: 0 });
      return [{ type: 'tool-call-start', choice: 0, index, id: text(block.id), name: text(block.name) }];
    }
    default:
      state.open.set(data.index, { type: 'other' });
      return [untold(kindOf(block))];
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
      return block.type === 'thinking' ? signature(delta.signature) : [];
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
  if (block.type === 'text') return citationsOf(block.citations, { from: block.from, to: state.length }).map(cited);
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
  state.stopped = true;
  const explanation = refusalOf(state.stop);
  return [
    ...(explanation === undefined ? [] : [{ type: 'refusal-delta', choice: 0, text: explanation } as const]),
    { type: 'choice-end', choice: 0, finish: parseFinish(state.stop) },
    { type: 'response-end' },
  ];
}

function onUsage(state: State, usage: Json | undefined): readonly StreamEvent[] {
  if (!isObject(usage)) return [];
  const said = Object.entries(usage).filter(([, value]) => value !== null);
  state.usage = { ...state.usage, ...Object.fromEntries(said) };
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

/** Of one block; nobody cites more. */
const citationsMax = 10_000;
const cited = (citation: Citation): StreamEvent => ({ type: 'citation', choice: 0, citation });
const untold = (what: string): StreamEvent => ({ type: 'unread', choice: 0, what });

function textDelta(state: State, text: string): readonly StreamEvent[] {
  state.length += text.length;
  return text === '' ? [] : [{ type: 'text-delta', choice: 0, text }];
}

const reasoningDelta = (text: string): readonly StreamEvent[] => (text === '' ? [] : [{ type: 'reasoning-delta', choice: 0, text }]);
const signature = (value: Json | undefined): readonly StreamEvent[] =>
  typeof value === 'string' && value !== '' ? [{ type: 'reasoning-signature', choice: 0, signature: value }] : [];

const redacted = (data: string): readonly StreamEvent[] => (data === '' ? [] : [{ type: 'reasoning-redacted', choice: 0, data }]);
