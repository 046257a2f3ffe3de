/** Parses a streaming chat completion: delta chunks, a finish reason for each choice, the usage, and `[DONE]` as end marker. */
import type { Citation, StreamEvent } from '../../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../core/chat/json.ts';
import type { SseEvent, StreamEnd, StreamParser } from '../../../core/chat/provider.ts';
import type { Failure } from '../../../core/shared/failure.ts';
import { type CallCollector, collectCalls } from './call-collector.ts';
import { audioDataIn, citationsIn, joinBase64, sourcesIn, unmappedIn } from './citations.ts';
import { callsIn, imagesIn, type MessagePart, messagePartsIn } from './content.ts';
import { errorIn, failureOf } from './failure.ts';
import { PlainChunks } from './plain-chunks.ts';
import { finishOf, listOf, objectOf, parseFinish, parseLogprobs, parseUsage, text } from './reading.ts';
import { type ReasoningSignature, signatureOf } from './reasoning-details.ts';

interface Choice {
  readonly calls: CallCollector;
  readonly audioChunks: string[];
  isAnnotated: boolean;
  /** Id of the chunk that ended it, once there is one. */
  endedBy: string | undefined;
}

interface State {
  id: string;
  started: boolean;
  readonly choices: Map<number, Choice>;
  tier: string;
  /** Search results, which some vendors repeat in every chunk. */
  sources: readonly Citation[];
  done: boolean;
  failure: Failure | undefined;
  /** How the last plain chunks looked; undefined again after any other chunk. */
  plain: PlainChunks | undefined;
  /** How often that was learned. */
  lessons: number;
}

/** Bounds the memory that an index can allocate; above any real request. */
const choicesMax = 128;

export function parseStream(): StreamParser {
  const state: State = {
    id: '',
    started: false,
    choices: new Map(),
    tier: '',
    sources: [],
    done: false,
    failure: undefined,
    plain: undefined,
    lessons: 0,
  };
  return { parse: event => parseEvent(state, event), end: () => endOf(state) };
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.done) return { complete: true, events: [], flags: [] };
  if (isFinished(state)) return { complete: true, events: endEvents(state), flags: ['no_sentinel'] };
  return { complete: false, failure: { kind: 'truncated', message: 'the stream ended before a finish reason' } };
}

const isFinished = ({ choices }: State): boolean => choices.size > 0 && [...choices.values()].every(choice => choice.endedBy !== undefined);

function parseEvent(state: State, event: SseEvent): readonly StreamEvent[] {
  if (state.failure || state.done) return [];
  const repeated = event.event === undefined ? state.plain?.textOf(event.data) : undefined;
  if (repeated !== undefined) return [{ type: 'text-delta', choice: state.plain!.choice, text: repeated }];
  const data = event.data.trim();
  if (data === '') return [];
  if (data === '[DONE]') return onDone(state);
  const chunk = parseJson(data);
  const plain = event.event === undefined ? plainDelta(state, chunk) : undefined;
  if (plain) {
    learn(state, event.data, plain);
    return [plain];
  }
  state.plain = undefined;
  if (!isObject(chunk)) return failOrReport(state, { kind: 'invalid-response', message: 'an event is not a JSON object' });
  const error = errorIn(chunk) ?? (event.event === 'error' ? chunk : undefined);
  return error ? failOrReport(state, failureOf(error)) : readChunk(state, chunk);
}

/** Some vendors change more than the text with each chunk; of those nothing is learned for long. */
const lessonsMax = 8;

/** A chunk whose text has escapes shows nothing new. */
function learn(state: State, data: string, { choice, text }: TextDelta): void {
  if (state.lessons === lessonsMax || !PlainChunks.isPlain(text)) return;
  state.lessons++;
  state.plain = PlainChunks.like(data, choice, text, changed => plainDelta(state, parseJson(changed))?.text);
}

type TextDelta = StreamEvent & { readonly type: 'text-delta' };

const chunkMembers: ReadonlySet<string> = new Set([
  'id',
  'object',
  'created',
  'model',
  'choices',
  'system_fingerprint',
  'service_tier',
  'usage',
  'obfuscation',
]);
const choiceMembers: ReadonlySet<string> = new Set(['index', 'delta', 'logprobs', 'finish_reason']);

/** What nearly all chunks are, a piece of text of a choice that has begun, read without looking for anything else; undefined of any other. */
function plainDelta({ started, choices, tier }: State, chunk: Json | undefined): TextDelta | undefined {
  if (!started || !isObject(chunk) || (chunk.usage ?? null) !== null || !Array.isArray(chunk.choices)) return undefined;
  for (const member in chunk) if (!chunkMembers.has(member)) return undefined;
  const named = text(chunk.service_tier);
  if (named !== '' && named !== tier) return undefined;
  const [choice, more] = chunk.choices as readonly Json[];
  if (more !== undefined || !isObject(choice) || typeof choice.index !== 'number' || !isObject(choice.delta)) return undefined;
  if ((choice.logprobs ?? null) !== null || (choice.finish_reason ?? null) !== null) return undefined;
  for (const member in choice) if (!choiceMembers.has(member)) return undefined;
  for (const member in choice.delta) if (member !== 'content' && member !== 'role') return undefined;
  const { content } = choice.delta;
  const known = choices.get(choice.index);
  if (typeof content !== 'string' || content === '' || !known || known.endedBy !== undefined) return undefined;
  return { type: 'text-delta', choice: choice.index, text: content };
}

function onDone(state: State): readonly StreamEvent[] {
  if (!isFinished(state)) return fail(state, { kind: 'truncated', message: '[DONE] came before a finish reason' });
  state.done = true;
  return endEvents(state);
}

/** An error after the last finish reason does not invalidate the response, which is complete. */
const failOrReport = (state: State, failure: Failure): readonly StreamEvent[] =>
  isFinished(state) ? [{ type: 'failure', failure }] : fail(state, failure);

function endEvents({ choices, sources }: State): readonly StreamEvent[] {
  const withoutAnnotations = [...choices].filter(([, choice]) => !choice.isAnnotated);
  return [
    ...withoutAnnotations.flatMap(([choice]) => sources.map((citation): StreamEvent => ({ type: 'citation', choice, citation }))),
    { type: 'response-end' },
  ];
}

function readChunk(state: State, chunk: JsonObject): readonly StreamEvent[] {
  const choices = listOf(chunk.choices);
  const usage = parseUsage(chunk.usage) ?? parseUsage(objectOf(chunk.x_groq).usage);
  // Azure's first chunk has neither choices nor an id; it reports the content filter's result for the prompt.
  if (choices.length === 0 && !usage) return [];
  const events = start(state, chunk);
  for (const [at, choice] of choices.entries()) {
    events.push(...readChoice(state, chunk, choice, at));
    if (state.failure) return events;
  }
  if (usage) events.push({ type: 'usage', usage });
  const sources = sourcesIn(chunk);
  if (sources.length > 0) state.sources = sources;
  const tier = text(chunk.service_tier);
  if (tier !== '' && tier !== state.tier) events.push({ type: 'tier', tier });
  state.tier = tier || state.tier;
  return events;
}

function start(state: State, chunk: JsonObject): StreamEvent[] {
  if (state.started) return [];
  state.started = true;
  state.id = text(chunk.id);
  const created = typeof chunk.created === 'number' && chunk.created > 0 ? { created: chunk.created } : {};
  return [{ type: 'response-start', id: state.id, model: text(chunk.model), ...created }];
}

function readChoice(state: State, chunk: JsonObject, rawChoice: JsonObject, at: number): readonly StreamEvent[] {
  const error = errorIn(rawChoice);
  if (error) return fail(state, failureOf(error));
  const index = typeof rawChoice.index === 'number' ? rawChoice.index : at;
  if (!Number.isInteger(index) || index < 0 || index >= choicesMax) {
    return fail(state, { kind: 'invalid-response', message: 'a choice with an index out of range' });
  }
  const choice = state.choices.get(index) ?? {
    calls: collectCalls(index, () => state.id),
    audioChunks: [],
    isAnnotated: false,
    endedBy: undefined,
  };
  state.choices.set(index, choice);
  const delta = isObject(rawChoice.delta) ? rawChoice.delta : objectOf(rawChoice.message);
  const tokens = parseLogprobs(rawChoice.logprobs);
  const parts = messagePartsIn(delta);
  const audioData = audioDataIn(delta);
  if (audioData !== '') choice.audioChunks.push(audioData);
  const events: StreamEvent[] = [
    ...parts.filter(part => part.type === 'reasoning').map(part => deltaOf(index, part)),
    // A signature ends its reasoning.
    ...listOf(delta.reasoning_details).flatMap(detail => signatureEvents(index, signatureOf(detail))),
    ...parts.filter(part => part.type !== 'reasoning').map(part => deltaOf(index, part)),
    ...rareEvents(index, choice, delta),
    ...choice.calls.add(callsIn(delta)),
    ...(tokens.length > 0 ? [{ type: 'logprobs', choice: index, tokens } as const] : []),
  ];
  if (events.length > 0 && choice.endedBy !== undefined && choice.endedBy !== text(chunk.id)) {
    return fail(state, { kind: 'invalid-response', message: 'content after the finish reason: two responses in one stream' });
  }
  const finish = finishOf(rawChoice);
  if (finish === '' || choice.endedBy !== undefined) return events;
  choice.endedBy = text(chunk.id);
  const unnamed = choice.calls.end();
  return [
    ...events,
    ...audioEvents(index, choice),
    ...unnamed,
    { type: 'choice-end', choice: index, finish: parseFinish(finish, choice.calls.count > 0) },
  ];
}

/** Content that few responses have. */
function rareEvents(index: number, choice: Choice, delta: JsonObject): readonly StreamEvent[] {
  const citations = citationsIn(delta);
  choice.isAnnotated ||= citations.length > 0;
  return [
    ...citations.map((citation): StreamEvent => ({ type: 'citation', choice: index, citation })),
    ...imagesIn(delta).map((part): StreamEvent => ({ type: 'media', choice: index, part })),
    ...unmappedIn(delta).map((what): StreamEvent => ({ type: 'unread', choice: index, what })),
  ];
}

function signatureEvents(choice: number, signature: ReasoningSignature | undefined): readonly StreamEvent[] {
  if (!signature) return [];
  return 'signature' in signature
    ? [{ type: 'reasoning-signature', choice, signature: signature.signature }]
    : [{ type: 'reasoning-redacted', choice, data: signature.redacted }];
}

/** The response does not give the audio format; the request did. */
function audioEvents(index: number, { audioChunks }: Choice): readonly StreamEvent[] {
  if (audioChunks.length === 0) return [];
  const source = { type: 'inline', mediaType: 'audio/*', data: joinBase64(audioChunks) } as const;
  return [{ type: 'media', choice: index, part: { type: 'audio', source } }];
}

const deltaOf = (choice: number, { type, text }: MessagePart): StreamEvent => ({ type: `${type}-delta`, choice, text });

function fail(state: State, failure: Failure): readonly StreamEvent[] {
  state.failure = failure;
  return [{ type: 'failure', failure }];
}
