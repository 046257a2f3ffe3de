/** A question and its answer in the words of the GenAI conventions: JSON texts of roles and parts, as backends show them. */
import type { ChatRequest, ChatResponse, Part } from '../core/chat/chat.ts';
import { attribute as a } from './semconv.ts';

export function contentOf({ messages }: ChatRequest, answer: ChatResponse | undefined): Readonly<Record<string, string>> {
  const isSystem = (role: string): boolean => role === 'system' || role === 'developer';
  const system = messages.filter(({ role }) => isSystem(role)).flatMap(({ content }) => content.map(partOf));
  const input = messages.filter(({ role }) => !isSystem(role)).map(({ role, content }) => ({ role, parts: content.map(partOf) }));
  const output = answer?.choices.map(({ content, finish }) => ({
    role: 'assistant',
    parts: content.map(partOf),
    finish_reason: finish.raw || finish.reason,
  }));
  return {
    ...(system.length > 0 ? { [a.systemInstructions]: JSON.stringify(system) } : {}),
    [a.inputMessages]: JSON.stringify(input),
    ...(output ? { [a.outputMessages]: JSON.stringify(output) } : {}),
  };
}

function partOf(part: Part): object {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', content: part.text };
    case 'reasoning':
      return { type: 'reasoning', content: part.text };
    case 'tool-call':
      return { type: 'tool_call', id: part.id, name: part.name, arguments: part.arguments };
    case 'tool-result':
      return { type: 'tool_call_response', id: part.id, response: part.content.map(partOf) };
    default:
      return mediaOf(part);
  }
}

/** Media by reference; bytes would swell a trace, and lie in the store. */
function mediaOf({ type, source }: Extract<Part, { readonly source: unknown }>): object {
  switch (source.type) {
    case 'url':
      return { type: 'uri', modality: type, uri: source.url };
    case 'file':
      return { type: 'file', modality: type, file_id: source.id };
    case 'inline':
      return { type: 'blob', modality: type, mime_type: source.mediaType };
  }
}
