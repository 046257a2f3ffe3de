/** Renders a ChatRequest as DashScope's generation call: the conversation is `input`, everything else `parameters`. */
import type { ChatRequest } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import type { RenderedRequest, Warning } from '../../core/chat/provider.ts';
import { vendorModelTraits } from '../openai/model.ts';
import { listOf, text } from '../openai/parsing/reading.ts';
import { renderBody } from '../openai/request.ts';
import { dropUnsupportedContent } from '../openai/unsupported-content.ts';
import { qwen } from '../vendors/qwen.ts';

/** Models for images or audio have their own path and content format. */
const multimodalModels = /-vl|omni|qvq|-audio|qwen3\.[5-9]/;

export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  const rendering: Warning[] = [];
  const { reasoning, ...rest } = request;
  const taken = dropUnsupportedContent(request.messages, { vendor: 'DashScope', document: false, audio: true, detail: false }, warnings);
  const body = renderBody({ ...rest, messages: taken.messages }, model, vendorModelTraits(model), rendering);
  warnings.push(...taken.withOriginalPaths(rendering));
  // Reasoning parameters and refused members are those of the compatible endpoint.
  const thinkingMembers = reasoning ? thinkingOf(request, model, warnings) : {};
  const { changes, warnings: more } = qwen.adapt!(body, model);
  const { model: _, messages, stream, stream_options: __, ...parameters } = definedMembers({ ...body, ...changes, ...thinkingMembers });
  const media =
    multimodalModels.test(model) ||
    listOf(messages).some(message => listOf(message.content).some(part => part.type !== 'text' && part.type !== 'refusal'));
  const sent = {
    model,
    input: { messages: listOf(messages).map(message => renderMessage(message, media)) },
    parameters: { ...parameters, result_format: 'message', ...(stream === true ? { incremental_output: true } : {}) },
  };
  const path = media ? '/services/aigc/multimodal-generation/generation' : '/services/aigc/text-generation/generation';
  return { path, body: JSON.stringify(sent), warnings: [...warnings, ...more] };
}

function thinkingOf(request: ChatRequest, model: string, warnings: Warning[]): JsonObject {
  const rendered = qwen.renderRequest({ ...request, messages: [], tools: [], extra: {} }, model);
  const { enable_thinking: enabled, thinking_budget: budget } = JSON.parse(rendered.body) as JsonObject;
  warnings.push(...rendered.warnings.filter(({ field }) => /^reasoning/.test(field)));
  return { ...(enabled === undefined ? {} : { enable_thinking: enabled }), ...(budget === undefined ? {} : { thinking_budget: budget }) };
}

const definedMembers = (members: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(members).filter((member): member is [string, Json] => member[1] !== undefined));

function renderMessage({ name: _, content, ...message }: JsonObject, media: boolean): JsonObject {
  if (!media) {
    const text = Array.isArray(content) ? listOf(content).map(textIn).join('\n') : content;
    return { ...message, content: text ?? '' };
  }
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content);
  return { ...message, content: parts.map(renderPart) };
}

const textIn = (part: JsonObject): string => text(part.text) || text(part.refusal);

function renderPart(part: JsonObject): JsonObject {
  if (isObject(part.image_url)) return { image: text(part.image_url.url) };
  if (!isObject(part.input_audio)) return { text: textIn(part) };
  return { audio: `data:audio/${text(part.input_audio.format)};base64,${text(part.input_audio.data)}` };
}
