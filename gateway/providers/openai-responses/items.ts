/** The output items of a streamed response while they grow: what each has told, so that what comes twice is told once. */
import type { Citation, StreamEvent } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { citationOf } from '../openai/citations.ts';
import { objectOf, text } from '../openai/reading.ts';
import { callIdOf, logprobsOf, paragraph, parseItem, thoughtOf, unreadIn } from './reading.ts';

interface Item {
  /** The number of its call, once the call was told. */
  call: number | undefined;
  /** Whether anything of its text, thought or arguments was told. */
  told: boolean;
  closed: boolean;
  /** Which paragraph of a summary is being told. */
  summary: number;
  /** A thought may come both as a summary and in its own words; the one that came first is told. */
  thinks: 'summary' | 'open' | undefined;
  /** Where each of its texts begins in the answer. */
  readonly starts: Map<number, number>;
  /** How many citations were told. */
  cited: number;
}

export interface Items {
  read(type: string, data: JsonObject): readonly StreamEvent[];
  /** Whether calls, a refusal, or anything at all was told. */
  has(what: 'call' | 'refusal' | 'anything'): boolean;
  /** Events that were made elsewhere. */
  note(events: readonly StreamEvent[]): void;
}

/** More than anybody's answer has; an index decides what is kept. */
const itemsMax = 10_000;

export function collectItems(): Items {
  const items = new Map<number, Item>();
  const seen = new Set<string>();
  let calls = 0;
  /** Of all texts so far. */
  let length = 0;

  const note = (events: readonly StreamEvent[]): readonly StreamEvent[] => {
    for (const event of events) {
      const { type } = event;
      if (type !== 'unread') seen.add('anything');
      if (type === 'tool-call-start') seen.add('call');
      if (type === 'refusal-delta') seen.add('refusal');
      if (type === 'text-delta') length += event.text.length;
    }
    return events;
  };
  const itemOf = (data: JsonObject): Item => {
    const index = typeof data.output_index === 'number' ? data.output_index : 0;
    const known = items.get(index);
    if (known) return known;
    const item: Item = { call: undefined, told: false, closed: false, summary: 0, thinks: undefined, starts: new Map(), cited: 0 };
    if (items.size < itemsMax) items.set(index, item);
    return item;
  };
  const open = (item: Item, said: JsonObject): readonly StreamEvent[] => {
    if (item.call !== undefined || (said.type !== 'function_call' && said.type !== 'custom_tool_call')) return [];
    item.call = calls++;
    return [{ type: 'tool-call-start', choice: 0, index: item.call, id: callIdOf(said), name: text(said.name) }];
  };
  const close = (item: Item, said: JsonObject): readonly StreamEvent[] => {
    if (item.closed) return [];
    item.closed = true;
    const start = open(item, said);
    return [...start, ...restOf(item, said, length)];
  };

  return {
    read: (type, data) => {
      const item = itemOf(data);
      const content = typeof data.content_index === 'number' ? data.content_index : 0;
      if (!item.starts.has(content) && item.starts.size < itemsMax) item.starts.set(content, length);
      switch (type) {
        case 'response.output_item.added':
          return note(open(item, objectOf(data.item)));
        case 'response.output_item.done':
          return note(close(item, objectOf(data.item)));
        case 'response.output_text.annotation.added':
          return note(annotated(item, objectOf(data.annotation), item.starts.get(content) ?? length));
        default:
          return note(deltaOf(item, type, data));
      }
    },
    has: what => seen.has(what),
    note,
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
      item.thinks ??= 'open';
      if (item.thinks !== 'open') return [];
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
  item.told = true;
  return [{ type, choice: 0, text }];
}

function summaryDelta(item: Item, data: JsonObject, delta: string): readonly StreamEvent[] {
  item.thinks ??= 'summary';
  if (item.thinks !== 'summary') return [];
  const index = typeof data.summary_index === 'number' ? data.summary_index : 0;
  const isNext = index !== item.summary && item.told;
  item.summary = index;
  return textDelta(item, 'reasoning-delta', isNext ? paragraph + delta : delta);
}

function argumentsDelta(item: Item, delta: string): readonly StreamEvent[] {
  if (delta === '' || item.call === undefined) return [];
  item.told = true;
  return [{ type: 'tool-call-delta', choice: 0, index: item.call, arguments: delta }];
}

function annotated(item: Item, raw: JsonObject, offset: number): readonly StreamEvent[] {
  item.cited++;
  const citation = citationOf(raw, offset);
  return citation ? [cited(citation)] : [];
}

const cited = (citation: Citation): StreamEvent => ({ type: 'citation', choice: 0, citation });

function logprobsDelta(data: JsonObject): readonly StreamEvent[] {
  const tokens = logprobsOf(data.logprobs);
  return tokens.length > 0 ? [{ type: 'logprobs', choice: 0, tokens }] : [];
}

/** What the closed item holds and no delta told; a seal always comes with the end. */
function restOf(item: Item, said: JsonObject, length: number): readonly StreamEvent[] {
  switch (said.type) {
    case 'function_call':
      return item.told ? [] : argumentsDelta(item, text(said.arguments));
    case 'custom_tool_call':
      return item.told ? [] : argumentsDelta(item, text(said.input));
    case 'reasoning': {
      const thought = item.told ? [] : textDelta(item, 'reasoning-delta', thoughtOf(said));
      const signature = text(said.encrypted_content);
      return signature === '' ? thought : [...thought, { type: 'reasoning-signature', choice: 0, signature }];
    }
    case 'message':
      return [...messageRest(item, said, length), ...unreadIn(said).map(untold)];
    case 'image_generation_call':
      return parseItem(said, length).flatMap(part => (part.type === 'image' ? [{ type: 'media', choice: 0, part }] : []));
    default:
      return unreadIn(said).map(untold);
  }
}

const untold = (what: string): StreamEvent => ({ type: 'unread', choice: 0, what });

/** The text, where no delta told it; and what it cites, where no event of its own told that. */
function messageRest(item: Item, said: JsonObject, length: number): readonly StreamEvent[] {
  const isTold = item.told;
  const parts = parseItem(said, isTold ? (item.starts.get(0) ?? length) : length);
  const citations = parts.flatMap(part => (part.type === 'text' ? (part.citations ?? []) : [])).slice(item.cited);
  if (isTold) return citations.map(cited);
  return parts.flatMap((part): readonly StreamEvent[] => {
    if (part.type !== 'text' && part.type !== 'refusal') return [];
    return [
      ...textDelta(item, `${part.type}-delta`, part.text),
      ...(part.type === 'text' ? (part.citations ?? []).filter(citation => citations.includes(citation)).map(cited) : []),
    ];
  });
}
