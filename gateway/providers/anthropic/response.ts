/** Parses a response of /v1/messages. Blocks of tools that Anthropic runs itself are reported by kind only. */
import type { ChatResponse, Finish, FinishReason, Part, Usage } from '../../core/chat/chat.ts';
import { unmappedMax } from '../../core/chat/collect.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { count, text } from '../../core/chat/json-members.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { citationsOf } from './citations.ts';
import { failureOf } from './failure.ts';

export { text };

/** A non-streaming response, or the failure in its body. */
export function parseResponse(body: Json): ChatResponse | Failure {
  if (!isObject(body)) return { kind: 'invalid-response', message: 'the response is not a JSON object' };
  if (body.type === 'error' || isObject(body.error)) return failureOf(body);
  if (!Array.isArray(body.content)) return { kind: 'invalid-response', message: 'the response has no content' };
  const explanation = refusalOf(body);
  const { content, unread } = parseBlocks(body.content);
  if (explanation !== undefined) content.push({ type: 'refusal', text: explanation });
  const usage = parseUsage(body.usage);
  const tier = isObject(body.usage) ? body.usage.service_tier : undefined;
  return {
    id: text(body.id),
    model: text(body.model),
    choices: [
      {
        index: 0,
        content,
        finish: parseFinish(
          body,
          content.some(part => part.type === 'tool-call'),
        ),
        ...(unread.length > 0 ? { unread } : {}),
      },
    ],
    ...(usage ? { usage } : {}),
    ...(typeof tier === 'string' ? { serviceTier: tier } : {}),
  };
}

/** The content of a message, and the kinds of blocks that are not mapped. */
export function parseBlocks(blocks: readonly Json[]): { readonly content: Part[]; readonly unread: readonly string[] } {
  const content: Part[] = [];
  const unread = new Set<string>();
  let length = 0;
  for (const block of blocks) {
    const parts = parseBlock(block, length);
    if (parts.length === 0 && isObject(block) && unread.size < unmappedMax) unread.add(kindOf(block));
    content.push(...parts);
    for (const part of parts) if (part.type === 'text') length += part.text.length;
  }
  return { content, unread: [...unread] };
}

/** The type of a block, at most 100 characters; `block` when it has none. */
export const kindOf = ({ type }: JsonObject): string => text(type).slice(0, 100) || 'block';

/** `offset` is the length of all texts before it. */
function parseBlock(block: Json, offset: number): readonly Part[] {
  if (!isObject(block)) return [];
  switch (block.type) {
    case 'text': {
      const blockText = text(block.text);
      const citations = citationsOf(block.citations, { from: offset, to: offset + blockText.length });
      return [{ type: 'text', text: blockText, ...(citations.length > 0 ? { citations } : {}) }];
    }
    case 'thinking':
      return [
        { type: 'reasoning', text: text(block.thinking), ...(typeof block.signature === 'string' ? { signature: block.signature } : {}) },
      ];
    case 'redacted_thinking':
      return [{ type: 'reasoning', text: '', redacted: text(block.data) }];
    case 'tool_use':
      return [{ type: 'tool-call', id: text(block.id), name: text(block.name), arguments: JSON.stringify(block.input ?? {}) }];
    default:
      return [];
  }
}

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'refusal',
  pause_turn: 'other',
};

/** `holder` has `stop_reason` and `stop_sequence`. */
export function parseFinish(holder: JsonObject, hasCalls: boolean): Finish {
  const raw = text(holder.stop_reason);
  const sequence = raw === 'stop_sequence' ? text(holder.stop_sequence) : '';
  const known = Object.hasOwn(reasons, raw) ? reasons[raw] : undefined;
  // Servers that imitate the format have words of their own.
  return { reason: known ?? (hasCalls ? 'tool-calls' : 'other'), raw, ...(sequence === '' ? {} : { sequence }) };
}

/** The model's explanation of a refusal, when given. `holder` has `stop_reason` and `stop_details`. */
export function refusalOf(holder: JsonObject): string | undefined {
  if (holder.stop_reason !== 'refusal' || !isObject(holder.stop_details)) return undefined;
  return text(holder.stop_details.explanation) || undefined;
}

/** Adds cache reads and writes to the input, because Anthropic's input tokens exclude them. */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage) || typeof usage.output_tokens !== 'number') return undefined;
  const cached = count(usage.cache_read_input_tokens);
  const cacheWrite = count(usage.cache_creation_input_tokens);
  const hour = isObject(usage.cache_creation) ? Math.min(cacheWrite, count(usage.cache_creation.ephemeral_1h_input_tokens)) : 0;
  const details = isObject(usage.output_tokens_details) ? usage.output_tokens_details : {};
  return {
    input: count(usage.input_tokens) + cached + cacheWrite,
    output: count(usage.output_tokens),
    cached,
    cacheWrite,
    ...(hour > 0 ? { cacheWriteHour: hour } : {}),
    reasoning: count(details.thinking_tokens),
    source: 'provider',
  };
}
