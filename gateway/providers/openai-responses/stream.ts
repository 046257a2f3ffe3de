/** Parses a streaming response of the Responses API: items that start, grow and finish, and a final event with the status. */
import type { StreamEvent } from '../../core/chat/chat.ts';
import { eventsOf } from '../../core/chat/collect.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/chat/provider.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import { objectOf, text } from '../openai/parsing/reading.ts';
import { collectItems, type ItemCollector } from './items.ts';
import { failureIn, finishOf, parseUsage } from './reading.ts';
import { parseResponse } from './response.ts';

interface State {
  started: boolean;
  readonly items: ItemCollector;
  done: boolean;
  failure: Failure | undefined;
}

export function parseStream(): StreamParser {
  const state: State = { started: false, items: collectItems(), done: false, failure: undefined };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.done) return { complete: true, events: [], flags: [] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before the response did' } };
}

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  const payload = state.failure || state.done ? '' : event.data.trim();
  if (payload === '') return [];
  if (payload === '[DONE]') return fail(state, { kind: 'truncated', message: '[DONE] came before the response was completed' });
  const data = parseJson(payload);
  if (!isObject(data)) return fail(state, { kind: 'invalid-response', message: 'an event is not a JSON object' });
  const type = text(data.type);
  if (type === 'error' || event.event === 'error' || (type === '' && errorIn(data))) {
    return fail(state, failureOf(errorIn(data) ?? errorIn({ ...data, object: 'error' }) ?? data));
  }
  const events = readEvent(state, type, data);
  if (events.length > 0 && !state.started && !state.failure) return [...start(state, {}), ...events];
  return events;
}

function readEvent(state: State, type: string, data: JsonObject): readonly StreamEvent[] {
  switch (type) {
    case 'response.queued':
    case 'response.created':
    case 'response.in_progress':
      return start(state, objectOf(data.response));
    case 'response.completed':
    case 'response.incomplete':
    case 'response.failed':
    case 'response.cancelled':
      return onEnd(state, objectOf(data.response));
    default:
      return state.items.read(type, data);
  }
}

function start(state: State, response: JsonObject): readonly StreamEvent[] {
  if (state.started) return [];
  state.started = true;
  const created = typeof response.created_at === 'number' && response.created_at > 0 ? { created: Math.floor(response.created_at) } : {};
  return [{ type: 'response-start', id: text(response.id), model: text(response.model), ...created }];
}

function onEnd(state: State, response: JsonObject): readonly StreamEvent[] {
  const failure = failureIn(response);
  if (failure) return fail(state, failure);
  state.done = true;
  const events = [...start(state, response), ...remainingOutputEvents(state, response)];
  const usage = parseUsage(response.usage);
  const finish = finishOf(response, { calls: state.items.has('call'), refusal: state.items.has('refusal') });
  return [
    ...events,
    { type: 'choice-end', choice: 0, finish },
    ...(usage ? [{ type: 'usage', usage } as const] : []),
    ...(text(response.service_tier) === '' ? [] : [{ type: 'tier', tier: text(response.service_tier) } as const]),
    { type: 'response-end' },
  ];
}

/** Some imitations of this API stream nothing and send all content in the final event. */
function remainingOutputEvents(state: State, response: JsonObject): readonly StreamEvent[] {
  if (state.items.has('anything')) return [];
  const complete = parseResponse({ ...response, output: outputOf(response.output) });
  if ('kind' in complete) return [];
  const events = eventsOf(complete).filter(({ type }) => !['response-start', 'choice-end', 'usage', 'tier', 'response-end'].includes(type));
  state.items.record(events);
  return events;
}

const outputOf = (output: Json | undefined): Json => (Array.isArray(output) ? (output as readonly Json[]) : []);

function fail(state: State, failure: Failure): readonly StreamEvent[] {
  state.failure = failure;
  return [{ type: 'failure', failure }];
}
