/** Parses a stream of generateContent: each event is a response with the new content. The last finishReason is the only end marker. */
import type { MediaPart, StreamEvent } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import type { StreamEnd, StreamParser } from '../../core/chat/provider.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { collectArguments, type PartialArguments } from './arguments.ts';
import { failureOf } from './failure.ts';
import { citationsOf } from './grounding.ts';
import { listOf, parseFinish, parseLogprobs, parseUsage, text } from './reading.ts';

interface Choice {
  calls: number;
  /** A call whose arguments are still arriving in parts. */
  openCall: { readonly index: number; readonly arguments: PartialArguments } | undefined;
  /** The last finish reason: relays send STOP on every chunk, or before the text. */
  finish: string | undefined;
  /** The text so far; offsets of sources refer to it. */
  text: string;
  grounding: JsonObject | undefined;
  citationMetadata: Json | undefined;
}

const newChoice = (): Choice => ({
  calls: 0,
  openCall: undefined,
  finish: undefined,
  text: '',
  grounding: undefined,
  citationMetadata: undefined,
});

interface State {
  id: string | undefined;
  readonly choices: Map<number, Choice>;
  blockReason: string | undefined;
  failure: Failure | undefined;
}

/** The parser shared by streaming and non-streaming responses; `read` takes parsed JSON. */
export interface GenerateContentReader {
  read(chunk: Json): readonly StreamEvent[];
  end(): StreamEnd;
}

/** Bounds the memory that an index can allocate; above any real request. */
const choicesMax = 128;
/** OpenAI refuses longer tool call ids, and the conversation may continue there. */
const callIdLengthMax = 40;

/** A parser for one stream of server-sent events. */
export function parseStream(): StreamParser {
  const reader = createReader();
  return {
    parse: event => {
      let chunk: Json;
      try {
        chunk = JSON.parse(event.data) as Json;
      } catch {
        chunk = null;
      }
      return Array.isArray(chunk) ? chunk.flatMap(reader.read) : reader.read(chunk);
    },
    end: reader.end,
  };
}

/** A reader of generateContent chunks, in whatever frames they come. */
export function createReader(): GenerateContentReader {
  const state: State = { id: undefined, choices: new Map(), blockReason: undefined, failure: undefined };
  return { read: chunk => readChunk(state, chunk), end: () => endOf(state) };
}

function readChunk(state: State, chunk: Json): readonly StreamEvent[] {
  if (state.failure) return [];
  if (!isObject(chunk)) return fail(state, { kind: 'invalid-response', message: 'an event is not a JSON object' });
  if (isObject(chunk.error)) return fail(state, failureOf(chunk.error));
  const events: StreamEvent[] = [];
  if (state.id === undefined) {
    state.id = text(chunk.responseId);
    const created = Date.parse(text(chunk.createTime));
    events.push({
      type: 'response-start',
      id: state.id,
      model: text(chunk.modelVersion),
      ...(Number.isNaN(created) ? {} : { created: Math.floor(created / 1000) }),
    });
  }
  for (const candidate of listOf(chunk.candidates)) {
    events.push(...readCandidate(state, candidate));
    if (state.failure) return events;
  }
  if (isObject(chunk.promptFeedback)) state.blockReason = text(chunk.promptFeedback.blockReason) || state.blockReason;
  const usage = parseUsage(chunk.usageMetadata);
  if (usage) events.push({ type: 'usage', usage });
  const tier = isObject(chunk.usageMetadata) ? text(chunk.usageMetadata.serviceTier) : '';
  if (tier !== '') events.push({ type: 'tier', tier });
  return events;
}

function readCandidate(state: State, candidate: JsonObject): readonly StreamEvent[] {
  const index = typeof candidate.index === 'number' ? candidate.index : 0;
  if (!Number.isInteger(index) || index < 0 || index >= choicesMax) {
    return fail(state, { kind: 'invalid-response', message: 'a candidate with an index out of range' });
  }
  const choice = state.choices.get(index) ?? newChoice();
  state.choices.set(index, choice);
  const events: StreamEvent[] = [];
  for (const part of listOf(isObject(candidate.content) ? candidate.content.parts : undefined)) {
    events.push(...readPart(state, choice, index, part));
    if (state.failure) return events;
  }
  const tokens = parseLogprobs(candidate.logprobsResult);
  if (tokens.length > 0) events.push({ type: 'logprobs', choice: index, tokens });
  choice.finish = text(candidate.finishReason) || choice.finish;
  if (isObject(candidate.groundingMetadata)) choice.grounding = { ...choice.grounding, ...candidate.groundingMetadata };
  choice.citationMetadata = candidate.citationMetadata ?? choice.citationMetadata;
  return events;
}

/** Parts of tools that Gemini runs itself are unmapped; their kinds are reported. */
function readPart(state: State, choice: Choice, index: number, part: JsonObject): readonly StreamEvent[] {
  const signature = text(part.thoughtSignature);
  if (isObject(part.functionCall)) return readCall(state, choice, index, part.functionCall, signature);
  if (typeof part.text !== 'string') return readOther(index, part, signature);
  const events: StreamEvent[] = [];
  if (part.thought !== true) choice.text += part.text;
  if (part.text !== '') events.push({ type: part.thought === true ? 'reasoning-delta' : 'text-delta', choice: index, text: part.text });
  if (signature !== '') events.push({ type: 'reasoning-signature', choice: index, signature });
  return events;
}

/** The signature of an unmapped part is unmapped too. Images have no place for one. */
function readOther(index: number, part: JsonObject, signature: string): readonly StreamEvent[] {
  const { mimeType, data } = isObject(part.inlineData) ? part.inlineData : {};
  if (typeof mimeType !== 'string' || typeof data !== 'string') {
    const [kind] = Object.keys(part).filter(name => !partModifiers.includes(name));
    return kind === undefined ? [] : [{ type: 'unread', choice: index, what: kind.slice(0, 100) }];
  }
  const [family = ''] = mimeType.split('/');
  const type: MediaPart['type'] = family === 'image' || family === 'audio' ? family : 'document';
  return [
    { type: 'media', choice: index, part: { type, source: { type: 'inline', mediaType: mimeType, data } } },
    ...(signature === '' ? [] : [{ type: 'unread', choice: index, what: 'inlineData.thoughtSignature' } as const]),
  ];
}

const partModifiers: readonly string[] = ['thought', 'thoughtSignature', 'partMetadata', 'videoMetadata', 'mediaResolution'];

/** Most calls arrive complete. Otherwise the name comes first, and parts without one follow until `willContinue` is absent. */
function readCall(state: State, choice: Choice, index: number, call: JsonObject, signature: string): readonly StreamEvent[] {
  const name = text(call.name);
  const events: StreamEvent[] = [];
  if (name !== '') {
    events.push(...closeCall(choice, index));
    const number = choice.calls++;
    const id = text(call.id) || generateCallId(state, index, number, name);
    events.push({ type: 'tool-call-start', choice: index, index: number, id, name, ...(signature === '' ? {} : { signature }) });
    if (call.willContinue !== true && call.partialArgs === undefined) {
      events.push({ type: 'tool-call-delta', choice: index, index: number, arguments: JSON.stringify(call.args ?? {}) });
      return events;
    }
    choice.openCall = { index: number, arguments: collectArguments() };
  }
  if (!choice.openCall) return events; // the empty part after a call that had already ended
  for (const piece of listOf(call.partialArgs)) {
    if (!choice.openCall.arguments.add(piece)) {
      return [...events, ...fail(state, { kind: 'invalid-response', message: 'an argument delta with an invalid path' })];
    }
  }
  if (call.willContinue !== true) events.push(...closeCall(choice, index));
  return events;
}

function closeCall(choice: Choice, index: number): readonly StreamEvent[] {
  const { openCall } = choice;
  if (!openCall) return [];
  choice.openCall = undefined;
  return [{ type: 'tool-call-delta', choice: index, index: openCall.index, arguments: openCall.arguments.text() }];
}

/** Most models give no call ids. A generated id must be unique over turns, because all calls are sent again with the next request. */
function generateCallId(state: State, choice: number, number: number, name: string): string {
  const responseId = (state.id ?? '').replace(/[^a-zA-Z0-9_-]/g, '').slice(0, callIdLengthMax - 'call__99_999'.length);
  const suffix = choice === 0 ? `${number}` : `${choice}_${number}`;
  return `call_${responseId || name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 24)}_${suffix}`;
}

function endOf(state: State): StreamEnd {
  if (state.failure) return { complete: false, failure: state.failure };
  if (state.choices.size === 0) {
    if (state.blockReason === undefined)
      return { complete: false, failure: { kind: 'truncated', message: 'the response ended without a candidate' } };
    state.choices.set(0, newChoice());
  }
  const events: StreamEvent[] = [];
  for (const [index, choice] of [...state.choices].toSorted(([a], [b]) => a - b)) {
    if (choice.finish === undefined && state.blockReason === undefined) {
      return { complete: false, failure: { kind: 'truncated', message: 'the response ended without a finishReason' } };
    }
    events.push(...closeCall(choice, index));
    const finish =
      choice.finish === undefined
        ? { reason: 'content-filter' as const, raw: state.blockReason! }
        : parseFinish(choice.finish, choice.calls > 0);
    events.push(...citationEvents(index, choice), { type: 'choice-end', choice: index, finish });
  }
  return { complete: true, events: [...events, { type: 'response-end' }], flags: [] };
}

/** Citations are emitted at the end, because their offsets refer to the whole text. */
function citationEvents(choice: number, { text, grounding, citationMetadata }: Choice): readonly StreamEvent[] {
  return [
    ...citationsOf(text, grounding, citationMetadata).map((citation): StreamEvent => ({ type: 'citation', choice, citation })),
    ...(grounding && isObject(grounding.searchEntryPoint)
      ? [{ type: 'unread', choice, what: 'groundingMetadata.searchEntryPoint' } as const]
      : []),
  ];
}

function fail(state: State, failure: Failure): readonly StreamEvent[] {
  state.failure = failure;
  return [{ type: 'failure', failure }];
}
