/** The text of a recorded request, for a judge. */
import { isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { dialectOf } from './dialects.ts';

/** The conversation as text; the body itself when it cannot be parsed. */
export function requestText(dialect: string, body: string): string {
  try {
    const chat = dialectOf(dialect)?.parseRequest(JSON.parse(body) as JsonObject);
    if (!chat || isFieldProblem(chat)) return body;
    return chat.messages
      .map(({ role, content }) => `${role}: ${content.map(part => ('text' in part ? part.text : `(${part.type})`)).join('')}`)
      .join('\n\n');
  } catch {
    return body;
  }
}
