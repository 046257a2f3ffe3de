/** Renders a non-streaming response as a chat.completion object. */
import type { ChatRequest, ChatResponse, Choice, Part } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { annotationsOf, audioOf, callOf, detailOf, finishReasonOf, imageOf, logprobsOf, usageOf } from './wire.ts';

export function renderResponse(response: ChatResponse, now = 0, request?: ChatRequest): string {
  const { id, model, created, choices, usage, serviceTier, systemFingerprint } = response;
  return JSON.stringify({
    id,
    object: 'chat.completion',
    created: created ?? now,
    model,
    choices: choices.map(choice => renderChoice(choice, request?.legacyFunctions === true)),
    ...(usage ? { usage: usageOf(usage) } : {}),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    ...(systemFingerprint === undefined ? {} : { system_fingerprint: systemFingerprint }),
  });
}

function renderChoice({ index, content, finish, logprobs }: Choice, isLegacy: boolean): JsonObject {
  return {
    index,
    message: renderMessage(content, isLegacy),
    logprobs: logprobs ? logprobsOf(logprobs) : null,
    finish_reason: finishReasonOf(finish, isLegacy),
  };
}

/** The format has one text, one refusal and one reasoning text, so interleaved parts are joined. */
function renderMessage(content: readonly Part[], isLegacy: boolean): JsonObject {
  const calls = content.flatMap(part => (part.type === 'tool-call' ? [callOf(part)] : []));
  const images = content.flatMap(imageOf);
  const text = joinTexts(content, 'text');
  const reasoning = joinTexts(content, 'reasoning');
  const isProven = content.some(part => part.type === 'reasoning' && (part.signature !== undefined || part.redacted !== undefined));
  const details = isProven ? content.flatMap(part => (part.type === 'reasoning' ? [part] : [])).map(detailOf) : [];
  const annotations = content.flatMap(part => (part.type === 'text' ? annotationsOf(part.citations) : []));
  const [audio] = content.flatMap(part => audioOf(part, text ?? ''));
  return {
    role: 'assistant',
    content: text ?? (calls.length > 0 || content.some(part => part.type === 'refusal') ? null : ''),
    refusal: joinTexts(content, 'refusal') ?? null,
    ...(reasoning ? { reasoning_content: reasoning } : {}),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
    ...(images.length > 0 ? { images } : {}),
    ...(annotations.length > 0 ? { annotations } : {}),
    ...(audio ? { audio } : {}),
    ...(calls.length === 0 ? {} : isLegacy && calls[0]!.function ? { function_call: calls[0]!.function } : { tool_calls: calls }),
  };
}

function joinTexts(content: readonly Part[], type: 'text' | 'reasoning' | 'refusal'): string | undefined {
  const texts = content.flatMap(part => (part.type === type ? [part.text] : []));
  return texts.length > 0 ? texts.join('') : undefined;
}
