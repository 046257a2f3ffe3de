/** Parses a non-streaming DashScope response, with choices or with a single text. It has no model name. */
import type { ChatResponse, Choice, Part, Usage } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { callsIn, messagePartsIn } from '../openai/parsing/content.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import {
  finishOf,
  generateCallId,
  listOf,
  objectOf,
  parseUsage as parseChatUsage,
  parseFinish,
  parseLogprobs,
  text,
} from '../openai/parsing/reading.ts';

/** A non-streaming response, or the failure in its body. */
export function parseResponse(body: Json): ChatResponse | Failure {
  if (!isObject(body)) return { kind: 'invalid-response', message: 'the response is not a JSON object' };
  const choices = choicesIn(body);
  if (choices.length === 0) {
    const error = text(body.code) === '' ? errorIn(body) : body;
    return error ? failureOf(error) : { kind: 'invalid-response', message: 'the response has no output' };
  }
  const id = text(body.request_id);
  const usage = parseUsage(body.usage);
  return { id, model: '', choices: choices.map((choice, index) => parseChoice(choice, index, id)), ...(usage ? { usage } : {}) };
}

/** A single text counts as the only choice. */
export function choicesIn({ output }: JsonObject): readonly JsonObject[] {
  if (!isObject(output)) return [];
  if (Array.isArray(output.choices)) return listOf(output.choices);
  return typeof output.text === 'string' ? [{ message: { content: output.text }, finish_reason: output.finish_reason ?? null }] : [];
}

function parseChoice(choice: JsonObject, index: number, id: string): Choice {
  const message = objectOf(choice.message);
  const calls = callsIn(message).map(
    (call, number): Part => ({
      type: 'tool-call',
      id: call.id || generateCallId(id, index, number, call.name),
      name: call.name,
      arguments: call.arguments,
    }),
  );
  const logprobs = parseLogprobs(choice.logprobs);
  return {
    index,
    content: [...messagePartsIn(message), ...calls],
    finish: parseFinish(finishOf(choice), calls.length > 0),
    ...(logprobs.length > 0 ? { logprobs } : {}),
  };
}

/** The counts are named as in the Responses API, and their details as in chat completions. */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const { input_tokens: input, output_tokens: output, output_tokens_details: details, total_tokens: _, ...rest } = usage;
  return parseChatUsage({
    ...rest,
    ...(input === undefined ? {} : { prompt_tokens: input }),
    ...(output === undefined ? {} : { completion_tokens: output }),
    ...(details === undefined ? {} : { completion_tokens_details: details }),
  });
}
