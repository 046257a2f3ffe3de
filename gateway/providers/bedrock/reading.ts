/** Parses single members of a Converse response. */
import type { Citation, Finish, FinishReason, Part, TextSpan, Usage } from '../../core/chat/chat.ts';
import { unmappedMax } from '../../core/chat/collect.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { count, listOf, objectOf, text } from '../../core/chat/json-members.ts';

export { listOf, objectOf, text };

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  guardrail_intervened: 'content-filter',
  content_filtered: 'content-filter',
  refusal: 'refusal',
  malformed_model_output: 'error',
  malformed_tool_use: 'error',
};

/** The finish reason, with Bedrock's own word; `other` for one that is not known. */
export function parseFinish(reason: Json | undefined): Finish {
  const raw = text(reason);
  return { reason: (Object.hasOwn(reasons, raw) ? reasons[raw] : undefined) ?? 'other', raw };
}

/** Adds cache reads and writes to the input, because Bedrock's input tokens exclude them. */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage) || (typeof usage.inputTokens !== 'number' && typeof usage.outputTokens !== 'number')) return undefined;
  const cached = count(usage.cacheReadInputTokens);
  const cacheWrite = count(usage.cacheWriteInputTokens);
  const hours = listOf(usage.cacheDetails).map(({ ttl, inputTokens }) => (ttl === '1h' ? count(inputTokens) : 0));
  const hour = Math.min(
    cacheWrite,
    hours.reduce((sum, tokens) => sum + tokens, 0),
  );
  return {
    input: count(usage.inputTokens) + cached + cacheWrite,
    output: count(usage.outputTokens),
    cached,
    cacheWrite,
    ...(hour > 0 ? { cacheWriteHour: hour } : {}),
    reasoning: 0,
    source: 'provider',
  };
}

/** The content of a message, and the kinds of blocks that are not mapped. */
export function parseBlocks(blocks: readonly JsonObject[]): { readonly content: readonly Part[]; readonly unread: readonly string[] } {
  const unread = new Set<string>();
  let length = 0;
  const content = blocks.flatMap(block => {
    const parts = parseBlock(block, length);
    if (!parts && unread.size < unmappedMax) unread.add(Object.keys(block)[0]?.slice(0, 100) ?? 'block');
    for (const part of parts ?? []) if (part.type === 'text') length += part.text.length;
    return parts ?? [];
  });
  return { content, unread: [...unread] };
}

/** `offset` is the length of all texts before it. Undefined for unmapped blocks, such as those of tools that the service runs. */
function parseBlock(block: JsonObject, offset: number): readonly Part[] | undefined {
  if (typeof block.text === 'string') return block.text === '' ? [] : [{ type: 'text', text: block.text }];
  if (isObject(block.toolUse)) {
    const { toolUseId, name, input } = block.toolUse;
    return [{ type: 'tool-call', id: text(toolUseId), name: text(name), arguments: JSON.stringify(input ?? {}) }];
  }
  if (isObject(block.reasoningContent)) return parseReasoning(block.reasoningContent);
  if (isObject(block.citationsContent)) {
    const citedText = listOf(block.citationsContent.content)
      .map(part => text(part.text))
      .join('');
    const span = { from: offset, to: offset + citedText.length };
    const citations = listOf(block.citationsContent.citations).map(raw => citationOf(raw, span));
    return [{ type: 'text', text: citedText, ...(citations.length > 0 ? { citations } : {}) }];
  }
  return undefined;
}

/** `span` covers the whole block. */
export function citationOf(raw: JsonObject, span: TextSpan): Citation {
  const { title, source, sourceContent, location } = raw;
  const position = objectOf(location);
  const [where = null] = Object.values(position);
  const { url, documentIndex, searchResultIndex } = objectOf(where);
  const quote = listOf(sourceContent)
    .map(part => text(part.text))
    .join('');
  const address = [url, source].find(value => typeof value === 'string' && /^https?:/i.test(value));
  const document = [source, documentIndex, searchResultIndex].find(
    value => (typeof value === 'string' && value !== '') || typeof value === 'number',
  );
  return {
    span,
    ...(typeof address === 'string' ? { url: address } : document === undefined ? {} : { document: String(document) }),
    ...(text(title) === '' ? {} : { title: text(title) }),
    ...(quote === '' ? {} : { quote }),
    raw,
  };
}

function parseReasoning({ reasoningText, redactedContent }: JsonObject): readonly Part[] {
  if (isObject(reasoningText)) {
    const signature = text(reasoningText.signature);
    return [{ type: 'reasoning', text: text(reasoningText.text), ...(signature === '' ? {} : { signature }) }];
  }
  return text(redactedContent) === '' ? [] : [{ type: 'reasoning', text: '', redacted: text(redactedContent) }];
}
