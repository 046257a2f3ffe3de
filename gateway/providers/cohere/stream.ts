/** Parses a streaming Cohere response: named events for plan, text, calls and citations, and message-end. */
import type { StreamEvent } from '../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/chat/provider.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { type CallCollector, collectCalls } from '../openai/parsing/call-collector.ts';
import { callsIn } from '../openai/parsing/content.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import { objectOf, text } from '../openai/parsing/reading.ts';
import { citationsOf, messageIn, parseFinish, parseLogprobs, parseUsage } from './reading.ts';

interface State {
  id: string;
  started: boolean;
  readonly calls: CallCollector;
  done: boolean;
  failure: Failure | undefined;
}

export function parseStream(): StreamParser {
  const state: State = { id: '', started: false, calls: collectCalls(0, () => state.id), done: false, failure: undefined };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.done) return { complete: true, events: [], flags: [] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before message-end' } };
}

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  const payload = event.data.trim();
  if (state.failure || state.done || payload === '') return [];
  if (payload === '[DONE]') return fail(state, { kind: 'truncated', message: '[DONE] came before message-end' });
  const data = parseJson(payload);
  if (!isObject(data)) return fail(state, { kind: 'invalid-response', message: 'an event is not a JSON object' });
  const type = text(data.type) || (event.event ?? '');
  const known = isKnown(type);
  const error = known ? undefined : (errorIn(data) ?? (type === 'error' || typeof data.message === 'string' ? data : undefined));
  if (error) return fail(state, failureOf(error));
  const events = readEvent(state, type, data);
  if (events.length === 0 || state.started || state.failure) return events;
  state.started = true;
  state.id = text(data.id);
  return [{ type: 'response-start', id: state.id, model: '' }, ...events.filter(({ type }) => type !== 'response-start')];
}

const isKnown = (type: string): boolean => /^(message|content|tool|citation)-/.test(type);

function readEvent(state: State, type: string, data: JsonObject): readonly StreamEvent[] {
  const message = messageIn(data.delta);
  switch (type) {
    case 'message-start':
      return [{ type: 'response-start', id: text(data.id), model: '' }];
    case 'content-start':
    case 'content-delta':
      return contentDelta(objectOf(message.content), data);
    case 'tool-plan-delta':
      return reasoningEvents(text(message.tool_plan));
    case 'tool-call-start':
    case 'tool-call-delta':
      return callDelta(state, message, data);
    case 'citation-start':
      return citationsOf(message.citations).map((citation): StreamEvent => ({ type: 'citation', choice: 0, citation }));
    case 'message-end':
      return onEnd(state, objectOf(data.delta));
    default:
      return [];
  }
}

function contentDelta(content: JsonObject, data: JsonObject): readonly StreamEvent[] {
  const tokens = parseLogprobs(data.logprobs);
  const delta = text(content.text);
  return [
    ...reasoningEvents(text(content.thinking)),
    ...(delta === '' ? [] : [{ type: 'text-delta', choice: 0, text: delta } as const]),
    ...(tokens.length > 0 ? [{ type: 'logprobs', choice: 0, tokens } as const] : []),
  ];
}

const reasoningEvents = (delta: string): readonly StreamEvent[] =>
  delta === '' ? [] : [{ type: 'reasoning-delta', choice: 0, text: delta }];

/** One call an event, with its index beside it. */
function callDelta(state: State, message: JsonObject, data: JsonObject): readonly StreamEvent[] {
  const call = Array.isArray(message.tool_calls) ? message.tool_calls[0] : message.tool_calls;
  return isObject(call) ? state.calls.add(callsIn({ tool_calls: [{ index: data.index ?? 0, ...call }] })) : [];
}

function onEnd(state: State, delta: JsonObject): readonly StreamEvent[] {
  const error = text(delta.error);
  if (error !== '') return fail(state, failureOf({ message: error }));
  state.done = true;
  const usage = parseUsage(delta.usage);
  return [
    ...state.calls.end(),
    { type: 'choice-end', choice: 0, finish: parseFinish(delta.finish_reason) },
    ...(usage ? [{ type: 'usage', usage } as const] : []),
    { type: 'response-end' },
  ];
}

function fail(state: State, failure: Failure): readonly StreamEvent[] {
  state.failure = failure;
  return [{ type: 'failure', failure }];
}
