/** One system prompt before all turns, for chat templates that refuse several, later ones, and the role developer. */
import type { ChatRequest, Message, Part } from '../chat.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import { approximated, type Warning } from '../provider.ts';

const isPrompt = ({ role }: { readonly role?: Json }): boolean => role === 'system' || role === 'developer';

/** Whether the templates take the messages as they are. */
export const hasOnePrompt = (messages: ChatRequest['messages']): boolean =>
  messages.every(({ role }, i) => role !== 'developer' && (role !== 'system' || i === 0));

/** What becomes of each message: where it goes, and as whose. */
interface Fitting<Item> {
  merge(items: readonly Item[]): Item;
  asUser(item: Item): Item;
  append(item: Item, more: Item): Item;
}

interface Fitted<Item> {
  readonly items: readonly Item[];
  /** The index that each had before. */
  readonly indexes: readonly number[];
  /** Indexes of prompts that became a user's. */
  readonly moved: readonly number[];
}

/** Leading prompts become one; a later one becomes a text of the user, at its place, in the message next to it. */
function arrange<Item extends { readonly role?: Json }>(items: readonly Item[], { merge, asUser, append }: Fitting<Item>): Fitted<Item> {
  const leading = items.findIndex(item => !isPrompt(item));
  const count = leading < 0 ? items.length : leading;
  const out: Item[] = count > 0 ? [merge(items.slice(0, count))] : [];
  const indexes = count > 0 ? [0] : [];
  const moved: number[] = [];
  /** The last message is a moved prompt of its own, which the user's next message joins. */
  let isOpen = false;
  for (let i = count; i < items.length; i++) {
    const item = items[i]!;
    const last: Item | undefined = out.at(-1);
    const isMoved = isPrompt(item);
    if (isMoved) moved.push(i);
    const joins: boolean = last?.role === 'user' && (isMoved || (isOpen && item.role === 'user'));
    const placed = isMoved ? asUser(item) : item;
    if (joins) out[out.length - 1] = append(last!, placed);
    else {
      out.push(placed);
      indexes.push(i);
    }
    isOpen = isMoved && (!joins || isOpen);
  }
  return { items: out, indexes, moved };
}

const textsOf = ({ content }: Message): readonly string[] => content.flatMap(part => (part.type === 'text' ? [part.text] : []));
const separator = '\n\n';

const ofChat: Fitting<Message> = {
  merge: ([first, ...more]) => {
    if (more.length === 0) return first!.role === 'system' ? first! : { ...first!, role: 'system' };
    const part: Part = { type: 'text', text: [first!, ...more].flatMap(textsOf).join(separator) };
    return { role: 'system', content: [part] };
  },
  asUser: ({ name: _, ...message }) => ({ ...message, role: 'user' }),
  append: (message, more) => ({ ...message, content: [...message.content, ...more.content] }),
};

/** The request with one system prompt at the start, and a warning for each message that was moved or joined. */
export function withOnePrompt(chat: ChatRequest, warnings: Warning[]): ChatRequest {
  const { items, indexes, moved } = arrange(chat.messages, ofChat);
  const pathOf = (index: number): string => chat.messagePaths?.[index] ?? `messages[${index}]`;
  chat.messages.forEach(({ role }, i) => {
    if (moved.includes(i))
      warnings.push(approximated(pathOf(i), 'Sent as a text of the user: this target takes one system prompt, at the start.'));
    else if (role === 'developer') warnings.push(approximated(pathOf(i), 'Sent as a system prompt: only OpenAI has the role developer.'));
    else if (role === 'system' && i > 0) warnings.push(approximated(pathOf(i), 'Joined with the system prompt before it.'));
  });
  return { ...chat, messages: items, messagePaths: indexes.map(pathOf) };
}

const partsOf = (content: Json | undefined): readonly Json[] =>
  typeof content === 'string' ? (content === '' ? [] : [{ type: 'text', text: content }]) : Array.isArray(content) ? content : [];
const bodyTexts = ({ content }: JsonObject): readonly string[] =>
  partsOf(content).flatMap(part => (isObject(part) && typeof part.text === 'string' ? [part.text] : []));

const ofBody: Fitting<JsonObject> = {
  merge: ([first, ...more]) => {
    if (more.length === 0) return first!.role === 'system' ? first! : { ...first!, role: 'system' };
    return { role: 'system', content: [first!, ...more].flatMap(bodyTexts).join(separator) };
  },
  asUser: ({ name: _, ...message }) => ({ ...message, role: 'user' }),
  append: (message, more) => ({ ...message, content: [...partsOf(message.content), ...partsOf(more.content)] }),
};

/** The same for the messages of a body of chat completions. */
export const withOnePromptInBody = (messages: readonly JsonObject[]): readonly JsonObject[] => arrange(messages, ofBody).items;
