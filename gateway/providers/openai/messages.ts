/** A conversation in chat completions format: a message per turn, and one per tool result. */
import type { Message, Part } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { approximated, dropped, type Warning, withoutCitations } from '../../core/chat/provider.ts';
import { renderMedia } from './media.ts';
import type { ModelTraits } from './model.ts';
import { callIdLengthMax } from './parsing/reading.ts';
import { detailOf } from './parsing/reasoning-details.ts';

interface Context {
  readonly traits: ModelTraits;
  readonly warnings: Warning[];
  /** Replacements of ids that OpenAI would refuse. */
  readonly ids: Map<string, string>;
}

type Result = Part & { type: 'tool-result' };

export function renderMessages(messages: readonly Message[], traits: ModelTraits, warnings: Warning[]): readonly JsonObject[] {
  const context: Context = { traits, warnings, ids: new Map() };
  const out: JsonObject[] = [];
  /** Media of tool results, sent after the last result, because consecutive results must not be separated. */
  let deferredMedia: JsonObject[] = [];
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    const results = message.content.flatMap((part, at) => (part.type === 'tool-result' ? [{ part, path: `${path}.content[${at}]` }] : []));
    const rest = message.content.flatMap((part, at) => (part.type === 'tool-result' ? [] : [{ part, path: `${path}.content[${at}]` }]));
    if (results.length === 0 && deferredMedia.length > 0) {
      out.push({ role: 'user', content: deferredMedia });
      deferredMedia = [];
    }
    for (const result of results) out.push(renderResult(result.part, result.path, context, deferredMedia));
    if (results.length > 0 && rest.length === 0) continue;
    if (message.role === 'assistant') out.push(renderAssistant(message, rest, context));
    else out.push(renderContentMessage(message, rest, path, context));
  }
  if (deferredMedia.length > 0) out.push({ role: 'user', content: deferredMedia });
  return out;
}

interface LocatedPart {
  readonly part: Exclude<Part, Result>;
  readonly path: string;
}

function renderContentMessage(message: Message, parts: readonly LocatedPart[], path: string, context: Context): JsonObject {
  const role = roleOf(message.role, path, context);
  const textOnly = message.role === 'system' || message.role === 'developer';
  const content = parts.flatMap(({ part, path: at }): readonly JsonObject[] => {
    switch (part.type) {
      case 'text':
        return [{ type: 'text', text: withoutCitations(part, at, context.warnings) }];
      case 'image':
      case 'document':
      case 'audio':
        if (!textOnly) return renderMedia(part, at, context.traits, context.warnings);
        return dropPart(at, `A system prompt takes no ${part.type}.`, context);
      default:
        return dropPart(at, `A message of the role ${message.role} takes no ${part.type}.`, context);
    }
  });
  return { role, content: simplifyContent(content), ...(message.name === undefined ? {} : { name: message.name }) };
}

function roleOf(role: Message['role'], path: string, { traits, warnings }: Context): string {
  switch (role) {
    case 'tool':
      return 'user';
    case 'system':
    case 'developer':
      if (traits.systemPromptRoles === 'user') {
        warnings.push(approximated(path, 'This model has no system role; sent with the role user.'));
        return 'user';
      }
      if (role === 'developer' && traits.systemPromptRoles === 'system') {
        warnings.push(approximated(path, 'Sent as a system prompt: only OpenAI has the role developer.'));
        return 'system';
      }
      return role;
    default:
      return role;
  }
}

function renderAssistant(message: Message, parts: readonly LocatedPart[], context: Context): JsonObject {
  const content: JsonObject[] = [];
  const calls: JsonObject[] = [];
  const thoughts: string[] = [];
  const details: JsonObject[] = [];
  for (const { part, path: at } of parts) {
    switch (part.type) {
      case 'text':
        content.push({ type: 'text', text: withoutCitations(part, at, context.warnings) });
        break;
      case 'refusal':
        content.push({ type: 'refusal', refusal: part.text });
        break;
      case 'tool-call':
        calls.push(renderCall(part, at, context));
        break;
      case 'reasoning': {
        const detail = context.traits.acceptsReasoningDetails ? detailOf(part) : undefined;
        if (detail) details.push(detail);
        else thoughts.push(...renderReasoning(part, at, context));
        break;
      }
      default:
        dropPart(at, `An assistant message takes no ${part.type}.`, context);
    }
  }
  return {
    role: 'assistant',
    ...(thoughts.length > 0 ? { reasoning_content: thoughts.join('') } : {}),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
    // Content is null beside tool calls, because some vendors refuse an empty text.
    content: content.length === 0 && calls.length > 0 ? null : simplifyContent(content),
    ...(message.name === undefined ? {} : { name: message.name }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function renderReasoning(part: Part & { type: 'reasoning' }, path: string, { traits, warnings }: Context): readonly string[] {
  if (part.redacted !== undefined) warnings.push(dropped(path, 'Encrypted reasoning can only go back to the provider that made it.'));
  if (part.text === '') return [];
  if (traits.acceptsReasoning) {
    if (part.signature !== undefined)
      warnings.push(dropped(`${path}.signature`, 'A signature of reasoning can only go back to the provider that made it.'));
    return [part.text];
  }
  warnings.push(dropped(path, 'This model accepts no earlier reasoning.'));
  return [];
}

function renderCall(part: Part & { type: 'tool-call' }, path: string, context: Context): JsonObject {
  const id = renderId(part.id, context);
  if (part.freeform) return { id, type: 'custom', custom: { name: part.name, input: part.arguments } };
  const call = { id, type: 'function', function: { name: part.name, arguments: part.arguments } };
  if (part.signature === undefined) return call;
  // Only Google signs calls, and expects its signatures here.
  if (!context.traits.isOpenAi) return { ...call, extra_content: { google: { thought_signature: part.signature } } };
  context.warnings.push(dropped(`${path}.signature`, 'The signature of a call can only go back to the provider that made it.'));
  return call;
}

function renderResult(part: Result, path: string, context: Context, deferredMedia: JsonObject[]): JsonObject {
  const texts: JsonObject[] = [];
  for (const [at, inner] of part.content.entries()) {
    const innerPath = `${path}.content[${at}]`;
    if (inner.type === 'text') texts.push({ type: 'text', text: withoutCitations(inner, innerPath, context.warnings) });
    else if (inner.type === 'image' || inner.type === 'document' || inner.type === 'audio') {
      context.warnings.push(approximated(innerPath, 'A tool result takes only text here; the media follows in a message of the user.'));
      deferredMedia.push(...renderMedia(inner, innerPath, context.traits, context.warnings));
    } else dropPart(innerPath, `A tool result takes no ${inner.type}.`, context);
  }
  if (part.failed) context.warnings.push(dropped(`${path}.failed`, 'A tool result has no failure mark here; only its text can say so.'));
  const toolName = part.name === undefined ? {} : { name: part.name };
  return { role: 'tool', tool_call_id: renderId(part.id, context), ...toolName, content: simplifyContent(texts) };
}

/** A single text is sent as a string, which every vendor accepts. */
function simplifyContent(content: readonly JsonObject[]): Json {
  if (content.length === 0) return '';
  const [first] = content;
  return content.length === 1 && first!.type === 'text' ? first!.text! : content;
}

/** Ids only join calls to results. */
function renderId(id: string, { ids }: Context): string {
  if (id !== '' && id.length <= callIdLengthMax) return id;
  const known = ids.get(id);
  if (known !== undefined) return known;
  const short = `call_long_${ids.size}`;
  ids.set(id, short);
  return short;
}

function dropPart(path: string, detail: string, { warnings }: Context): readonly JsonObject[] {
  warnings.push(dropped(path, detail));
  return [];
}
