/** The state of a streaming response's output items, so that content that arrives twice is emitted once. */
import type { Citation, StreamEvent } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { citationOf } from '../openai/parsing/citations.ts';
import { objectOf, text } from '../openai/parsing/reading.ts';
import { callOf, logprobsOf, paragraphBreak, parseItem, reasoningTextOf, unmappedIn } from './reading.ts';

interface Item {
  /** The call index, once the call was emitted. */
  call: number | undefined;
  /** Whether any of its text, reasoning or arguments was emitted. */
  isEmitted: boolean;
  closed: boolean;
  /** The index of the summary paragraph being emitted. */
  summary: number;
  /** Reasoning may arrive as a summary and as text; only the one that came first is emitted. */
  reasoningSource: 'summary' | 'text' | undefined;
  /** The start offset of each of its texts in the response. */
  readonly textOffsets: Map<number, number>;
  /** The number of emitted citations. */
  citationCount: number;
}

export interface ItemCollector {
  read(type: string, data: JsonObject): readonly StreamEvent[];
  /** Whether calls, a refusal, or anything at all was emitted. */
  has(what: 'call' | 'refusal' | 'anything'): boolean;
  /** Records events that were created elsewhere. */
  record(events: readonly StreamEvent[]): void;
}

/** Bounds the memory that an index can allocate; above any real response. */
const itemsMax = 10_000;

const newItem = (): Item => ({
  call: undefined,
  isEmitted: false,
  closed: false,
  summary: 0,
  reasoningSource: undefined,
  textOffsets: new Map(),
  citationCount: 0,
});

export function collectItems(): ItemCollector {
  const items = new Map<number, Item>();
  const emitted = new Set<string>();
  let calls = 0;
  /** Length of all texts so far. */
  let length = 0;

  const record = (events: readonly StreamEvent[]): readonly StreamEvent[] => {
    for (const event of events) {
      const { type } = event;
      if (type !== 'unread') emitted.add('anything');
      if (type === 'tool-call-start') emitted.add('call');
      if (type === 'refusal-delta') emitted.add('refusal');
      if (type === 'text-delta') length += event.text.length;
    }
    return events;
  };
  const itemOf = (data: JsonObject): Item => {
    const index = typeof data.output_index === 'number' ? data.output_index : 0;
    const known = items.get(index);
    if (known) return known;
    const item = newItem();
    if (items.size < itemsMax) items.set(index, item);
    return item;
  };
  const open = (item: Item, payload: JsonObject): readonly StreamEvent[] => {
    const call = item.call === undefined ? callOf(payload) : undefined;
    if (!call) return [];
    item.call = calls++;
    const { id, name, freeform } = call;
    return [{ type: 'tool-call-start', choice: 0, index: item.call, id, name, ...(freeform ? { freeform } : {}) }];
  };
  const close = (item: Item, payload: JsonObject): readonly StreamEvent[] => {
    if (item.closed) return [];
    item.closed = true;
    const start = open(item, payload);
    return [...start, ...remainingEvents(item, payload, length)];
  };

  return {
    read: (type, data) => {
      const item = itemOf(data);
      const content = typeof data.content_index === 'number' ? data.content_index : 0;
      if (!item.textOffsets.has(content) && item.textOffsets.size < itemsMax) item.textOffsets.set(content, length);
      switch (type) {
        case 'response.output_item.added':
          return record(open(item, objectOf(data.item)));
        case 'response.output_item.done':
          return record(close(item, objectOf(data.item)));
        case 'response.output_text.annotation.added':
          return record(annotationEvents(item, objectOf(data.annotation), item.textOffsets.get(content) ?? length));
        default:
          return record(deltaOf(item, type, data));
      }
    },
    has: what => emitted.has(what),
    record,
  };
}

function deltaOf(item: Item, type: string, data: JsonObject): readonly StreamEvent[] {
  const delta = text(data.delta);
  switch (type) {
    case 'response.output_text.delta':
      return [...textDelta(item, 'text-delta', delta), ...logprobsDelta(data)];
    case 'response.refusal.delta':
      return textDelta(item, 'refusal-delta', delta);
    case 'response.reasoning_summary_text.delta':
      return summaryDelta(item, data, delta);
    case 'response.reasoning_text.delta':
      item.reasoningSource ??= 'text';
      if (item.reasoningSource !== 'text') return [];
      return textDelta(item, 'reasoning-delta', delta);
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      return argumentsDelta(item, delta);
    default:
      return [];
  }
}

function textDelta(item: Item, type: 'text-delta' | 'refusal-delta' | 'reasoning-delta', text: string): readonly StreamEvent[] {
  if (text === '') return [];
  item.isEmitted = true;
  return [{ type, choice: 0, text }];
}

function summaryDelta(item: Item, data: JsonObject, delta: string): readonly StreamEvent[] {
  item.reasoningSource ??= 'summary';
  if (item.reasoningSource !== 'summary') return [];
  const index = typeof data.summary_index === 'number' ? data.summary_index : 0;
  const isNext = index !== item.summary && item.isEmitted;
  item.summary = index;
  return textDelta(item, 'reasoning-delta', isNext ? paragraphBreak + delta : delta);
}

function argumentsDelta(item: Item, delta: string): readonly StreamEvent[] {
  if (delta === '' || item.call === undefined) return [];
  item.isEmitted = true;
  return [{ type: 'tool-call-delta', choice: 0, index: item.call, arguments: delta }];
}

function annotationEvents(item: Item, raw: JsonObject, offset: number): readonly StreamEvent[] {
  item.citationCount++;
  const citation = citationOf(raw, offset);
  return citation ? [citationEvent(citation)] : [];
}

const citationEvent = (citation: Citation): StreamEvent => ({ type: 'citation', choice: 0, citation });

function logprobsDelta(data: JsonObject): readonly StreamEvent[] {
  const tokens = logprobsOf(data.logprobs);
  return tokens.length > 0 ? [{ type: 'logprobs', choice: 0, tokens }] : [];
}

/** Emits content of a finished item that no delta carried. Encrypted content only comes at the end. */
function remainingEvents(item: Item, payload: JsonObject, length: number): readonly StreamEvent[] {
  switch (payload.type) {
    case 'function_call':
    case 'custom_tool_call':
    case 'tool_search_call':
      return item.isEmitted ? [] : argumentsDelta(item, callOf(payload)?.arguments ?? '');
    case 'reasoning': {
      const thought = item.isEmitted ? [] : textDelta(item, 'reasoning-delta', reasoningTextOf(payload));
      const signature = text(payload.encrypted_content);
      return signature === '' ? thought : [...thought, { type: 'reasoning-signature', choice: 0, signature }];
    }
    case 'message':
      return [...remainingMessageEvents(item, payload, length), ...unmappedIn(payload).map(unmappedEvent)];
    case 'image_generation_call':
      return parseItem(payload, length).flatMap(part => (part.type === 'image' ? [{ type: 'media', choice: 0, part }] : []));
    default:
      return unmappedIn(payload).map(unmappedEvent);
  }
}

const unmappedEvent = (what: string): StreamEvent => ({ type: 'unread', choice: 0, what });

/** Emits text and citations that no event of their own carried. */
function remainingMessageEvents(item: Item, payload: JsonObject, length: number): readonly StreamEvent[] {
  const isEmitted = item.isEmitted;
  const parts = parseItem(payload, isEmitted ? (item.textOffsets.get(0) ?? length) : length);
  const citations = parts.flatMap(part => (part.type === 'text' ? (part.citations ?? []) : [])).slice(item.citationCount);
  if (isEmitted) return citations.map(citationEvent);
  return parts.flatMap((part): readonly StreamEvent[] => {
    if (part.type !== 'text' && part.type !== 'refusal') return [];
    return [
      ...textDelta(item, `${part.type}-delta`, part.text),
      ...(part.type === 'text' ? (part.citations ?? []).filter(citation => citations.includes(citation)).map(citationEvent) : []),
    ];
  });
}
