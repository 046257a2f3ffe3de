/** A streamed chat completion: chunks of deltas, a finish reason for each choice, the usage, and `[DONE]` as its last word. */
import type { StreamEvent } from '../../core/chat.ts';
import type { Failure } from '../../core/failure.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../core/provider.ts';
import { type Calls, collectCalls } from './calls.ts';
import { callsIn, type SaidPart, saidIn } from './content.ts';
import { errorIn, failureOf } from './failure.ts';
import { finishOf, listOf, objectOf, parseFinish, parseLogprobs, parseUsage, text } from './reading.ts';

interface Choice {
  readonly calls: Calls;
  /** Id of the chunk that ended it, once one did. */
  endedBy: string | undefined;
}

interface State {
  id: string;
  started: boolean;
  readonly choices: Map<number, Choice>;
  done: boolean;
  failure: Failure | undefined;
}

/** More is not asked for by anyone, and an index decides what is kept. */
const choicesMax = 128;

export function parseStream(): StreamParser {
  const state: State = { id: '', started: false, choices: new Map(), done: false, failure: undefined };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.done) return { complete: true, events: [], flags: [] };
  if (isFinished(state)) return { complete: true, events: [{ type: 'response-end' }], flags: ['no_sentinel'] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before a finish reason' } };
}

const isFinished = ({ choices }: State): boolean => choices.size > 0 && [...choices.values()].every(choice => choice.endedBy !== undefined);

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  if (state.failure || state.done) return [];
  const data = event.data.trim();
  if (data === '') return [];
  if (data === '[DONE]') return onDone(state);
  const chunk = parseJson(data);
  if (!isObject(chunk)) return fail(state, { kind: 'invalid-response', message: 'an event is no JSON object' });
  const error = errorIn(chunk) ?? (event.event === 'error' ? chunk : undefined);
  return error ? fail(state, failureOf(error)) : readChunk(state, chunk);
}

function onDone(state: State): readonly StreamEvent[] {
  if (!isFinished(state)) return fail(state, { kind: 'truncated', message: '[DONE] came before a finish reason' });
  state.done = true;
  return [{ type: 'response-end' }];
}

function readChunk(state: State, chunk: JsonObject): readonly StreamEvent[] {
  const choices = listOf(chunk.choices);
  const usage = parseUsage(chunk.usage) ?? parseUsage(objectOf(chunk.x_groq).usage);
  // Azure opens with a chunk that has neither, nor an id: it tells what the filter made of the prompt.
  if (choices.length === 0 && !usage) return [];
  const events = start(state, chunk);
  for (const [at, choice] of choices.entries()) {
    events.push(...readChoice(state, chunk, choice, at));
    if (state.failure) return events;
  }
  if (usage) events.push({ type: 'usage', usage });
  return events;
}

function start(state: State, chunk: JsonObject): StreamEvent[] {
  if (state.started) return [];
  state.started = true;
  state.id = text(chunk.id);
  const created = typeof chunk.created === 'number' && chunk.created > 0 ? { created: chunk.created } : {};
  return [{ type: 'response-start', id: state.id, model: text(chunk.model), ...created }];
}

function readChoice(state: State, chunk: JsonObject, said: JsonObject, at: number): readonly StreamEvent[] {
  const error = errorIn(said);
  if (error) return fail(state, failureOf(error));
  const index = typeof said.index === 'number' ? said.index : at;
  if (!Number.isInteger(index) || index < 0 || index >= choicesMax) {
    return fail(state, { kind: 'invalid-response', message: 'a choice with an index out of range' });
  }
  const choice = state.choices.get(index) ?? { calls: collectCalls(index, () => state.id), endedBy: undefined };
  state.choices.set(index, choice);
  const delta = isObject(said.delta) ? said.delta : objectOf(said.message);
  const tokens = parseLogprobs(said.logprobs);
  const events: StreamEvent[] = [
    ...saidIn(delta).map(part => deltaOf(index, part)),
    ...choice.calls.add(callsIn(delta)),
    ...(tokens.length > 0 ? [{ type: 'logprobs', choice: index, tokens } as const] : []),
  ];
  if (events.length > 0 && choice.endedBy !== undefined && choice.endedBy !== text(chunk.id)) {
    return fail(state, { kind: 'invalid-response', message: 'content after the finish reason: two answers in one stream' });
  }
  const finish = finishOf(said);
  if (finish === '' || choice.endedBy !== undefined) return events;
  choice.endedBy = text(chunk.id);
  const unnamed = choice.calls.end();
  return [...events, ...unnamed, { type: 'choice-end', choice: index, finish: parseFinish(finish, choice.calls.count > 0) }];
}

const deltaOf = (choice: number, { type, text }: SaidPart): StreamEvent => ({ type: `${type}-delta`, choice, text });

function fail(state: State, failure: Failure): readonly StreamEvent[] {
  state.failure = failure;
  return [{ type: 'failure', failure }];
}
