/** Parses a non-streaming chat completion. */
import type { ChatResponse, Choice, Citation, Part } from '../../../core/chat/chat.ts';
import { unmappedMax } from '../../../core/chat/collect.ts';
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';
import type { Failure } from '../../../core/shared/failure.ts';
import { citationsIn, sourcesIn, unmappedIn } from './citations.ts';
import { callsIn, imagesIn, messagePartsIn } from './content.ts';
import { errorIn, failureOf } from './failure.ts';
import { finishOf, generateCallId, listOf, objectOf, parseFinish, parseLogprobs, parseUsage, text } from './reading.ts';
import { signedReasoningIn } from './reasoning-details.ts';

/** Bounds memory; above any real request. */
const choicesMax = 128;

/** A non-streaming response, or the failure in its body. */
export function parseResponse(body: Json): ChatResponse | Failure {
  if (!isObject(body)) return { kind: 'invalid-response', message: 'the response is not a JSON object' };
  const choices = listOf(body.choices);
  const error = errorIn(body) ?? choices.map(errorIn).find(found => found !== undefined);
  if (error) return failureOf(error);
  if (choices.length === 0) return { kind: 'invalid-response', message: 'the response has no choices' };
  if (choices.length > choicesMax) return { kind: 'invalid-response', message: `the response has more than ${choicesMax} choices` };
  const id = text(body.id);
  const usage = parseUsage(body.usage) ?? parseUsage(objectOf(body.x_groq).usage);
  return {
    id,
    model: text(body.model),
    ...(typeof body.created === 'number' && body.created > 0 ? { created: body.created } : {}),
    choices: choices.map((choice, at) => parseChoice(choice, at, id, sourcesIn(body))),
    ...(usage ? { usage } : {}),
    ...(text(body.service_tier) === '' ? {} : { serviceTier: text(body.service_tier) }),
    ...(text(body.system_fingerprint) === '' ? {} : { systemFingerprint: text(body.system_fingerprint) }),
  };
}

function parseChoice(choice: JsonObject, at: number, id: string, sources: readonly Citation[]): Choice {
  const index = typeof choice.index === 'number' ? choice.index : at;
  const message = objectOf(choice.message);
  const said = onlyTextIn(message);
  if (said !== undefined && sources.length === 0) {
    const parsed: { -readonly [K in keyof Choice]: Choice[K] } = {
      index,
      content: [{ type: 'text', text: said }],
      finish: parseFinish(finishOf(choice), false),
    };
    const logprobs = parseLogprobs(choice.logprobs);
    if (logprobs.length > 0) parsed.logprobs = logprobs;
    return parsed;
  }
  const calls = callsIn(message).map(
    (call, number): Part => ({
      type: 'tool-call',
      id: call.id || generateCallId(id, index, number, call.name),
      name: call.name,
      arguments: call.arguments,
      ...(call.freeform ? { freeform: true as const } : {}),
      ...(call.signature === '' ? {} : { signature: call.signature }),
    }),
  );
  const logprobs = parseLogprobs(choice.logprobs);
  const messageParts = messagePartsIn(message);
  const thoughts = signedReasoningIn(message);
  const parts = thoughts ? [...thoughts, ...messageParts.filter(part => part.type !== 'reasoning')] : messageParts;
  const annotations = citationsIn(message);
  const unread = [...new Set(unmappedIn(message))].slice(0, unmappedMax);
  return {
    index,
    content: [
      ...attachCitations(parts, annotations.length > 0 ? annotations : sources),
      ...imagesIn(message),
      ...audioIn(message),
      ...calls,
    ],
    finish: parseFinish(finishOf(choice), calls.length > 0),
    ...(logprobs.length > 0 ? { logprobs } : {}),
    ...(unread.length > 0 ? { unread } : {}),
  };
}

/** The text of a message that says nothing else, as most do; undefined for any other. */
function onlyTextIn(message: JsonObject): string | undefined {
  for (const member in message) {
    const value = message[member];
    if (member === 'role' || member === 'content' || value === null || (Array.isArray(value) && value.length === 0)) continue;
    return undefined;
  }
  const { content } = message;
  return typeof content === 'string' && content !== '' ? content : undefined;
}

/** Citation ranges refer to the text, of which there is one. */
export function attachCitations(parts: readonly Part[], citations: readonly Citation[]): readonly Part[] {
  if (citations.length === 0) return parts;
  const first = parts.find(part => part.type === 'text');
  if (!first) return [...parts, { type: 'text', text: '', citations }];
  return parts.map(part => (part === first ? { ...first, citations } : part));
}

/** The response does not give the audio format; the request did. */
function audioIn(message: JsonObject): readonly Part[] {
  const data = text(objectOf(message.audio).data);
  return data === '' ? [] : [{ type: 'audio', source: { type: 'inline', mediaType: 'audio/*', data } }];
}
