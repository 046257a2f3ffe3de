/** Parses single members of a Responses API response. */
import type { Finish, Part, Usage } from '../../core/chat/chat.ts';
import { unmappedMax } from '../../core/chat/collect.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { count } from '../../core/chat/json-members.ts';
import { qualifiedName } from '../../core/chat/tool-forms.ts';
import type { Failure } from '../../core/shared/failure.ts';
import { citationOf } from '../openai/parsing/citations.ts';
import { errorIn, failureOf } from '../openai/parsing/failure.ts';
import { billedCostIn, listOf, objectOf, parseLogprobs, searchesIn, text } from '../openai/parsing/reading.ts';

export { count };

/**
 * OpenAI's encrypted content is a Fernet token, whose first bytes are a version and the leading zeros of a time. Other vendors' signatures
 * are not.
 */
export const isEncrypted = (signature: string): boolean => signature.startsWith('gAAAA');

/** Input includes cache reads and writes; output includes reasoning. */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage) || (typeof usage.input_tokens !== 'number' && typeof usage.output_tokens !== 'number')) return undefined;
  const input = count(usage.input_tokens);
  const output = count(usage.output_tokens);
  const details = objectOf(usage.input_tokens_details);
  return {
    input,
    output,
    cached: Math.min(input, count(details.cached_tokens)),
    cacheWrite: count(details.cache_write_tokens),
    reasoning: Math.min(output, count(objectOf(usage.output_tokens_details).reasoning_tokens)),
    ...billedCostIn(usage, input + output),
    ...searchesIn(usage),
    source: 'provider',
  };
}

/** The content of a response, and the kinds of unmapped items, such as those of tools that the provider runs. */
export function parseOutput(output: readonly JsonObject[]): { readonly content: readonly Part[]; readonly unread: readonly string[] } {
  let length = 0;
  const content = output.flatMap(item => {
    const parts = parseItem(item, length);
    for (const part of parts) if (part.type === 'text') length += part.text.length;
    return parts;
  });
  return { content, unread: [...new Set(output.flatMap(unmappedIn))].slice(0, unmappedMax) };
}

const knownItemTypes: readonly Json[] = ['message', 'reasoning', 'image_generation_call'];

/** Kinds of an item's unmapped content. */
export function unmappedIn(item: JsonObject): readonly string[] {
  const kind = text(item.type).slice(0, 100);
  if (callOf(item)) return [];
  if (!knownItemTypes.includes(kind)) return [kind || 'item'];
  if (kind !== 'message') return [];
  return listOf(item.content).flatMap(part =>
    part.type === 'output_text' || part.type === 'refusal' ? [] : [text(part.type).slice(0, 100) || 'content'],
  );
}

/** `offset` is the length of all texts before it. */
export function parseItem(item: JsonObject, offset: number): readonly Part[] {
  switch (item.type) {
    case 'message': {
      let length = offset;
      return listOf(item.content).flatMap(content => {
        const parts = parseContent(content, length);
        for (const part of parts) if (part.type === 'text') length += part.text.length;
        return parts;
      });
    }
    case 'reasoning':
      return parseReasoning(item);
    case 'function_call':
    case 'custom_tool_call':
    case 'tool_search_call': {
      const call = callOf(item);
      return call ? [call] : [];
    }
    case 'image_generation_call': {
      const mediaType = `image/${text(item.output_format) || 'png'}`;
      const data = text(item.result);
      return data === '' ? [] : [{ type: 'image', source: { type: 'inline', mediaType, data } }];
    }
    default:
      return [];
  }
}

/** The call of an item; undefined for other items, and for searches that OpenAI runs itself. */
export function callOf(item: JsonObject): (Part & { type: 'tool-call' }) | undefined {
  const id = text(item.call_id) || text(item.id);
  // A function that OpenAI's own search found has its own name as its namespace.
  const name = item.namespace === item.name ? text(item.name) : qualifiedName(text(item.namespace), text(item.name));
  switch (item.type) {
    case 'function_call':
      return { type: 'tool-call', id, name, arguments: text(item.arguments) };
    case 'custom_tool_call':
      return { type: 'tool-call', id, name, arguments: text(item.input), freeform: true };
    case 'tool_search_call':
      if (item.execution !== 'client') return undefined;
      return { type: 'tool-call', id, name: 'tool_search', arguments: JSON.stringify(item.arguments ?? {}) };
    default:
      return undefined;
  }
}

function parseContent(part: JsonObject, offset: number): readonly Part[] {
  if (part.type === 'refusal') return text(part.refusal) === '' ? [] : [{ type: 'refusal', text: text(part.refusal) }];
  if (part.type !== 'output_text' || text(part.text) === '') return [];
  const citations = listOf(part.annotations).flatMap(raw => citationOf(raw, offset) ?? []);
  return [{ type: 'text', text: text(part.text), ...(citations.length > 0 ? { citations } : {}) }];
}

function parseReasoning(item: JsonObject): readonly Part[] {
  const reasoningText = reasoningTextOf(item);
  const signature = text(item.encrypted_content);
  if (reasoningText === '' && signature === '') return [];
  return [{ type: 'reasoning', text: reasoningText, ...(signature === '' ? {} : { signature }) }];
}

/** Summary paragraphs are separated by blank lines. Without a summary, the reasoning text itself. */
export function reasoningTextOf(item: JsonObject): string {
  const summary = listOf(item.summary).map(part => text(part.text));
  const open = listOf(item.content).map(part => text(part.text));
  return summary.some(part => part !== '') ? summary.join(paragraphBreak) : open.join('');
}

/** What stands between parts of a reasoning summary. */
export const paragraphBreak = '\n\n';

/** Log-probabilities of an output text; undefined when there are none. */
export const logprobsOf = (value: Json | undefined): ReturnType<typeof parseLogprobs> => parseLogprobs({ content: value ?? null });

const reasons: Readonly<Record<string, Finish['reason']>> = { max_output_tokens: 'length', content_filter: 'content-filter' };

/** A completed response does not give a finish reason; it follows from the content. */
export function finishOf(response: JsonObject, content: { readonly calls: boolean; readonly refusal: boolean }): Finish {
  const status = text(response.status);
  if (status === 'incomplete') {
    const raw = text(objectOf(response.incomplete_details).reason);
    return { reason: (Object.hasOwn(reasons, raw) ? reasons[raw] : undefined) ?? 'other', raw: raw || status };
  }
  if (status !== 'completed' && status !== 'complete' && status !== '') return { reason: 'other', raw: status };
  return { reason: content.calls ? 'tool-calls' : content.refusal ? 'refusal' : 'stop', raw: status };
}

/** The failure of a response. Successful responses have an `error` member too, which is null. */
export function failureIn(response: JsonObject): Failure | undefined {
  if (isObject(response.error) || typeof response.error === 'string') return failureOf(errorIn(response) ?? response);
  if (response.status === 'failed') return { kind: 'server-error', message: 'the response failed without an error' };
  if (response.status === 'cancelled') return { kind: 'server-error', message: 'the provider cancelled the response' };
  return undefined;
}
