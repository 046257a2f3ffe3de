/**
 * Parses a streaming DashScope response: increments of each choice, "null" as finish reason until one ends, usage in every event, no end
 * marker.
 */
import type { StreamEvent } from '../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/chat/provider.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { type CallCollector, collectCalls } from '../openai/parsing/call-collector.ts';
import { callsIn, messagePartsIn } from '../openai/parsing/content.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import { finishOf, objectOf, parseFinish, parseLogprobs, text } from '../openai/parsing/reading.ts';
import { choicesIn, parseUsage } from './response.ts';

interface Choice {
  readonly calls: CallCollector;
  ended: boolean;
}

interface State {
  id: string;
  started: boolean;
  readonly choices: Map<number, Choice>;
  failure: Failure | undefined;
}

/** Bounds memory; above any real request. */
const choicesMax = 128;

export function parseStream(): StreamParser {
  const state: State = { id: '', started: false, choices: new Map(), failure: undefined };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  const ended = [...state.choices.values()];
  if (ended.length > 0 && ended.every(choice => choice.ended)) return { complete: true, events: [{ type: 'response-end' }], flags: [] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before a finish reason' } };
}

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  if (state.failure || event.data.trim() === '') return [];
  const data = parseJson(event.data);
  if (!isObject(data)) return fail(state, { kind: 'invalid-response', message: 'an event is not a JSON object' });
  const choices = choicesIn(data);
  const error =
    event.event === 'error' || (choices.length === 0 && text(data.code) !== '') ? data : choices.length === 0 ? errorIn(data) : undefined;
  if (error) return fail(state, failureOf(error));
  if (choices.length > choicesMax) return fail(state, { kind: 'invalid-response', message: `more than ${choicesMax} choices` });
  const usage = parseUsage(data.usage);
  const events = [
    ...choices.flatMap((choice, at) => readChoice(state, choice, typeof choice.index === 'number' ? choice.index : at)),
    ...(usage ? [{ type: 'usage', usage } as const] : []),
  ];
  if (state.started || events.length === 0) return events;
  state.started = true;
  state.id = text(data.request_id);
  return [{ type: 'response-start', id: state.id, model: '' }, ...events];
}

function readChoice(state: State, rawChoice: JsonObject, index: number): readonly StreamEvent[] {
  if (!Number.isInteger(index) || index < 0 || index >= choicesMax) return [];
  const choice = state.choices.get(index) ?? { calls: collectCalls(index, () => state.id), ended: false };
  state.choices.set(index, choice);
  if (choice.ended) return [];
  const message = objectOf(rawChoice.message);
  const tokens = parseLogprobs(rawChoice.logprobs);
  const events: StreamEvent[] = [
    ...messagePartsIn(message).map(({ type, text }): StreamEvent => ({ type: `${type}-delta`, choice: index, text })),
    ...choice.calls.add(callsIn(message)),
    ...(tokens.length > 0 ? [{ type: 'logprobs', choice: index, tokens } as const] : []),
  ];
  const finish = finishOf(rawChoice);
  if (finish === '') return events;
  choice.ended = true;
  return [...events, ...choice.calls.end(), { type: 'choice-end', choice: index, finish: parseFinish(finish, choice.calls.count > 0) }];
}

function fail(state: State, failure: Failure): readonly StreamEvent[] {
  state.failure = failure;
  return [{ type: 'failure', failure }];
}
