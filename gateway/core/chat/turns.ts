/** Converts a conversation for formats with one system prompt followed by alternating turns of user and assistant. */
import type { Message, Part } from './chat.ts';
import type { JsonObject } from './json.ts';
import { altered, dropped, type Warning } from './provider.ts';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: readonly JsonObject[];
}

export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly turns: readonly Turn[];
}

/** The blocks of a part. `textOnly` is set in a system prompt. */
export type RenderPart = (part: Part, path: string, textOnly: boolean, warnings: Warning[]) => readonly JsonObject[];

/** The system prompt and the alternating turns, as blocks of a wire format. Moved prompts and lost names become warnings. */
export function conversationOf(messages: readonly Message[], vendor: string, renderPart: RenderPart, warnings: Warning[]): Conversation {
  const system: JsonObject[] = [];
  const turns: { role: Turn['role']; content: JsonObject[] }[] = [];
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    if (message.name !== undefined) warnings.push(dropped(`${path}.name`, `${vendor} takes no participant names.`));
    const isSystem = message.role === 'system' || message.role === 'developer';
    const content = message.content.flatMap((part, at) => renderPart(part, `${path}.content[${at}]`, isSystem, warnings));
    if (isSystem) {
      if (turns.length > 0) warnings.push(altered(path, `Moved to the front: ${vendor} has one system prompt, before all turns.`));
      system.push(...content);
      continue;
    }
    if (content.length === 0) continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content });
  }
  return { system, turns };
}

/** The content of a tool result. Parts that are allowed in a turn but not in a result are lost, with a warning. */
export const resultContent = (
  { content }: Part & { type: 'tool-result' },
  path: string,
  renderPart: RenderPart,
  warnings: Warning[],
): readonly JsonObject[] =>
  content.flatMap((inner, at) => {
    const innerPath = `${path}.content[${at}]`;
    if (inner.type === 'text' || inner.type === 'image' || inner.type === 'document') return renderPart(inner, innerPath, false, warnings);
    return dropPart(innerPath, `A tool result takes no ${inner.type}.`, warnings);
  });

/** No blocks, with a warning that the part was dropped. */
export function dropPart(path: string, detail: string, warnings: Warning[]): readonly JsonObject[] {
  warnings.push(dropped(path, detail));
  return [];
}
