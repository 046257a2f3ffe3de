/** Parses a streaming Converse response: blocks that start, grow and stop, messageStop, and metadata with the usage after it. */
import type { StreamEvent } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/chat/provider.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { failureOf } from './failure.ts';
import { citationOf, objectOf, parseFinish, parseUsage, text } from './reading.ts';

interface State {
  started: boolean;
  /** The call index of each open block. */
  readonly calls: Map<number, number>;
  count: number;
  /** Length of all texts so far. */
  length: number;
  /** Start offset and citations of each open block; the citations cover the whole block. */
  readonly citationsByBlock: Map<number, { readonly from: number; readonly citations: JsonObject[] }>;
  stopped: boolean;
  counted: boolean;
  done: boolean;
  failure: Failure | undefined;
}

/** Bounds the memory that a block index can allocate; above any real response. */
const blocksMax = 10_000;

export function parseStream(): StreamParser {
  const state: State = {
    started: false,
    calls: new Map(),
    count: 0,
    length: 0,
    citationsByBlock: new Map(),
    stopped: false,
    counted: false,
    done: false,
    failure: undefined,
  };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.done) return { complete: true, events: [], flags: [] };
  if (state.stopped) return { complete: true, events: [{ type: 'response-end' }], flags: ['no_sentinel'] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before messageStop' } };
}

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  if (state.failure || state.done || event.data.trim() === '') return [];
  const data = parseJson(event.data);
  if (!isObject(data)) return fail(state, { kind: 'invalid-response', message: 'an event is not a JSON object' });
  const typedEvent = event.event === undefined ? Object.entries(data)[0] : ([event.event, data] as const);
  const [type, body] = typedEvent ?? ['', {}];
  if (/exception/i.test(type)) return fail(state, failureOf(objectOf(body), type.slice(type.indexOf('/') + 1)));
  if (type.startsWith('error/')) return fail(state, failureOf(objectOf(body), type.slice(6)));
  const events = readEvent(state, type, objectOf(body));
  if (state.failure || events.length === 0 || state.started) return events;
  state.started = true;
  return [{ type: 'response-start', id: '', model: '' }, ...events.filter(({ type }) => type !== 'response-start')];
}

function readEvent(state: State, type: string, data: JsonObject): readonly StreamEvent[] {
  switch (type) {
    case 'messageStart':
      return [{ type: 'response-start', id: '', model: '' }];
    case 'contentBlockStart':
      return onStart(state, data);
    case 'contentBlockDelta':
      return onDelta(state, data.contentBlockIndex, objectOf(data.delta));
    case 'contentBlockStop':
      return onStop(state, numberOf(data.contentBlockIndex));
    case 'messageStop':
      if (state.stopped) return [];
      state.stopped = true;
      return [
        ...[...state.citationsByBlock.keys()].flatMap(block => onStop(state, block)),
        { type: 'choice-end', choice: 0, finish: parseFinish(data.stopReason) },
        ...endEvents(state),
      ];
    case 'metadata': {
      state.counted = true;
      const usage = parseUsage(data.usage);
      const tier = text(objectOf(data.serviceTier).type);
      return [
        ...(usage ? [{ type: 'usage', usage } as const] : []),
        ...(tier === '' ? [] : [{ type: 'tier', tier } as const]),
        ...endEvents(state),
      ];
    }
    default:
      return [];
  }
}

function endEvents(state: State): readonly StreamEvent[] {
  if (!state.stopped || !state.counted) return [];
  state.done = true;
  return [{ type: 'response-end' }];
}

function onStart(state: State, data: JsonObject): readonly StreamEvent[] {
  const { toolUse, ...others } = objectOf(data.start);
  const [other] = Object.keys(others);
  if (!isObject(toolUse)) return other === undefined ? [] : [{ type: 'unread', choice: 0, what: other.slice(0, 100) }];
  if (state.count >= blocksMax) return fail(state, { kind: 'invalid-response', message: 'too many blocks' });
  const index = state.count++;
  state.calls.set(numberOf(data.contentBlockIndex), index);
  return [{ type: 'tool-call-start', choice: 0, index, id: text(toolUse.toolUseId), name: text(toolUse.name) }];
}

function onStop({ citationsByBlock, length }: State, block: number): readonly StreamEvent[] {
  const { from = 0, citations = [] } = citationsByBlock.get(block) ?? {};
  citationsByBlock.delete(block);
  return citations.map((raw): StreamEvent => ({ type: 'citation', choice: 0, citation: citationOf(raw, { from, to: length }) }));
}

function onDelta(state: State, block: Json | undefined, delta: JsonObject): readonly StreamEvent[] {
  const deltaText = text(delta.text);
  const known = state.citationsByBlock.get(numberOf(block)) ?? { from: state.length, citations: [] };
  if ((deltaText !== '' || isObject(delta.citation)) && state.citationsByBlock.size < blocksMax)
    state.citationsByBlock.set(numberOf(block), known);
  if (isObject(delta.citation) && known.citations.length < blocksMax) known.citations.push(delta.citation);
  state.length += deltaText.length;
  if (deltaText !== '') return [{ type: 'text-delta', choice: 0, text: deltaText }];
  if (isObject(delta.toolUse)) {
    const index = state.calls.get(numberOf(block));
    const input = text(delta.toolUse.input);
    return index === undefined || input === '' ? [] : [{ type: 'tool-call-delta', choice: 0, index, arguments: input }];
  }
  const { text: thought, signature, redactedContent } = objectOf(delta.reasoningContent);
  return [
    ...(text(thought) === '' ? [] : [{ type: 'reasoning-delta', choice: 0, text: text(thought) } as const]),
    ...(text(signature) === '' ? [] : [{ type: 'reasoning-signature', choice: 0, signature: text(signature) } as const]),
    ...(text(redactedContent) === '' ? [] : [{ type: 'reasoning-redacted', choice: 0, data: text(redactedContent) } as const]),
  ];
}

const numberOf = (value: Json | undefined): number => (typeof value === 'number' ? value : 0);

/** An error after messageStop does not invalidate the response, which is complete. */
function fail(state: State, failure: Failure): readonly StreamEvent[] {
  if (!state.stopped) state.failure = failure;
  return [{ type: 'failure', failure }];
}
