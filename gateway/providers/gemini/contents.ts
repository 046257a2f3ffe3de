/** A conversation in Gemini's format: a separate system instruction, and contents of user and model. */
import type { MediaSource, Message, Part } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { altered, approximated, argumentsObject, dropped, type Warning, withoutCitations } from '../../core/chat/provider.ts';

export interface Content {
  readonly role: 'user' | 'model';
  readonly parts: readonly JsonObject[];
}

export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly contents: readonly Content[];
}

interface Context {
  /** Gemini 3 or later. */
  readonly modern: boolean;
  readonly warnings: Warning[];
  /** The names of the tool calls so far, because Gemini joins results to calls by name. */
  readonly names: Map<string, string>;
}

/** The signature that Google documents for calls of another model; base64 of `skip_thought_signature_validator`. */
const skipSignatureValidation = 'c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=';
const filesBaseUrl = 'https://generativelanguage.googleapis.com/v1beta/';

export function renderContents(messages: readonly Message[], isGemini3: boolean, warnings: Warning[]): Conversation {
  const context: Context = { modern: isGemini3, warnings, names: new Map() };
  const system: JsonObject[] = [];
  const contents: { role: Content['role']; parts: JsonObject[] }[] = [];
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    if (message.name !== undefined) warnings.push(dropped(`${path}.name`, 'Gemini takes no participant names.'));
    const isSystem = message.role === 'system' || message.role === 'developer';
    const parts = message.content.flatMap((part, at) => renderPart(part, `${path}.content[${at}]`, isSystem, context));
    if (isSystem) {
      if (contents.length > 0) warnings.push(altered(path, 'Moved to the front: Gemini has one system instruction, before all turns.'));
      system.push(...parts);
      continue;
    }
    const signed = isGemini3 ? withSignature(parts, path, warnings) : parts;
    if (signed.length === 0) continue;
    const role = message.role === 'assistant' ? 'model' : 'user';
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...signed);
    else contents.push({ role, parts: [...signed] });
  }
  return { system, contents };
}

/** Gemini 3 answers 400 when a turn's first call has no signature. It is missing for other models' calls and clients that drop it. */
function withSignature(parts: readonly JsonObject[], path: string, warnings: Warning[]): readonly JsonObject[] {
  const first = parts.find(part => part.functionCall !== undefined);
  if (!first || first.thoughtSignature !== undefined) return parts;
  warnings.push(approximated(path, 'A tool call has no thought signature; Gemini is asked to skip the check.'));
  return parts.map(part => (part === first ? { ...part, thoughtSignature: skipSignatureValidation } : part));
}

function renderPart(part: Part, path: string, textOnly: boolean, context: Context): readonly JsonObject[] {
  const { warnings } = context;
  if (textOnly && part.type !== 'text') return dropPart(path, `A system instruction takes no ${part.type}.`, warnings);
  switch (part.type) {
    case 'text':
      return renderText(withoutCitations(part, path, warnings));
    case 'refusal':
      warnings.push(approximated(path, 'Sent as plain text: Gemini has no refusal in its turns.'));
      return renderText(part.text);
    case 'image':
    case 'document':
    case 'audio':
      return [renderMedia(part, path, warnings)];
    case 'reasoning':
      return renderReasoning(part, path, warnings);
    case 'tool-call': {
      context.names.set(part.id, part.name);
      const call = { id: part.id, name: part.name, args: argumentsObject(part.arguments, path, warnings) };
      return [{ functionCall: call, ...(part.signature === undefined ? {} : { thoughtSignature: part.signature }) }];
    }
    case 'tool-result':
      return renderResult(part, path, context);
  }
}

function dropPart(path: string, detail: string, warnings: Warning[]): readonly JsonObject[] {
  warnings.push(dropped(path, detail));
  return [];
}

const renderText = (text: string): readonly JsonObject[] => (text === '' ? [] : [{ text }]);

function renderReasoning(part: Part & { type: 'reasoning' }, path: string, warnings: Warning[]): readonly JsonObject[] {
  if (part.redacted !== undefined) return dropPart(path, 'Encrypted reasoning can only go back to the provider that made it.', warnings);
  const reasoning = part.text === '' ? [] : [{ text: part.text, thought: true }];
  // Gemini signs a response's text, not its reasoning. The signature goes into an empty part, as in its streams.
  return part.signature === undefined ? reasoning : [...reasoning, { text: '', thoughtSignature: part.signature }];
}

function renderMedia(part: Part & { type: 'image' | 'document' | 'audio' }, path: string, warnings: Warning[]): JsonObject {
  if (part.type === 'image' && (part.detail === 'low' || part.detail === 'high'))
    warnings.push(dropped(`${path}.detail`, 'Gemini takes no detail of single images.'));
  if (part.type === 'document' && part.name !== undefined) warnings.push(dropped(`${path}.name`, 'Gemini takes no names of documents.'));
  return renderSource(part.source);
}

function renderSource(source: MediaSource): JsonObject {
  switch (source.type) {
    case 'inline':
      return { inlineData: { mimeType: source.mediaType, data: source.data } };
    case 'url':
      return { fileData: { fileUri: source.url } };
    case 'file':
      return { fileData: { fileUri: source.id.startsWith('files/') ? filesBaseUrl + source.id : source.id } };
  }
}

function renderResult(part: Part & { type: 'tool-result' }, path: string, context: Context): readonly JsonObject[] {
  const { warnings } = context;
  const name = part.name ?? context.names.get(part.id);
  if (name === undefined) warnings.push(approximated(path, 'No earlier call has this id; the id is sent as the name of the tool.'));
  const texts: string[] = [];
  const media: JsonObject[] = [];
  for (const [at, inner] of part.content.entries()) {
    if (inner.type === 'text') texts.push(withoutCitations(inner, `${path}.content[${at}]`, warnings));
    else if (inner.type === 'image' || inner.type === 'document' || inner.type === 'audio')
      media.push(renderMedia(inner, `${path}.content[${at}]`, warnings));
    else warnings.push(dropped(`${path}.content[${at}]`, `A tool result takes no ${inner.type}.`));
  }
  const beside = media.length > 0 && !context.modern;
  if (beside) warnings.push(approximated(path, 'This model takes media beside a tool result, not within it.'));
  const result = {
    id: part.id,
    name: name ?? part.id,
    response: { [part.failed ? 'error' : 'output']: texts.join('') },
    ...(media.length > 0 && !beside ? { parts: media } : {}),
  };
  return [{ functionResponse: result }, ...(beside ? media : [])];
}
