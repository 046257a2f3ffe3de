/** Recorded turns of conversations: from the user's message to the response without tool calls. Replay reuses the recorded tool results, so no tool is executed. */

import { isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import type { ChatRequest, ChatResponse, Message, Part } from '../../gateway/core/chat/chat.ts';
import { type JsonObject, parseJson } from '../../gateway/core/chat/json.ts';
import type { Store } from '../../recorder/store/store.ts';
import { canonicalRequest } from './canonical.ts';
import { dialectOf, wireProviderOf } from './dialects.ts';
import { loadConversations, type RecordedRequest } from './requests.ts';

export interface ToolResult {
  readonly name: string;
  readonly arguments: string;
  readonly content: readonly Part[];
  readonly failed?: boolean;
}

export interface Turn {
  /** In the order of the conversation. */
  readonly toolResults: readonly ToolResult[];
  /** The requests of the turn, the first included. */
  readonly calls: readonly RecordedRequest[];
}

/** How a tool call is matched with a recorded result: `fifo` by name, in order; `strict` by arguments as well. */
export type ToolMatching = 'fifo' | 'strict';

/** The parsed request; undefined when it cannot be parsed. */
export function chatOf({
  body,
  dialect,
  route,
  stream,
}: Pick<RecordedRequest, 'body' | 'dialect' | 'route' | 'stream'>): ChatRequest | undefined {
  const value = parseJson(body);
  const chat =
    typeof value === 'object' && value !== null
      ? dialectOf(dialect)?.parseRequest({ model: route, stream, ...(value as JsonObject) })
      : undefined;
  return chat === undefined || isFieldProblem(chat) ? undefined : chat;
}

const isToolMessage = ({ content }: Message): boolean => content.some(part => part.type === 'tool-result');

/** Turns by the id of their first request. A request that ends with a tool result continues another turn. */
export function turnsIn(requests: readonly RecordedRequest[]): ReadonlyMap<string, Turn> {
  const read = requests.flatMap(request => {
    const chat = chatOf(request);
    return chat ? [{ request, messages: chat.messages, isFirst: !isToolMessage(chat.messages.at(-1) ?? emptyMessage) }] : [];
  });
  const groups = Map.groupBy(read, ({ request: { tenant, conversation, id } }) => (conversation === '' ? id : `${tenant} ${conversation}`));
  const turns = new Map<string, Turn>();
  for (const first of read.filter(({ isFirst }) => isFirst)) {
    const { tenant, conversation, id } = first.request;
    const others = groups.get(conversation === '' ? id : `${tenant} ${conversation}`)!;
    const later = others.filter(
      ({ request, messages, isFirst }) =>
        !isFirst && request.receivedAt >= first.request.receivedAt && continuesWith(first.messages, messages),
    );
    const inOrder = later.toSorted((a, b) => a.messages.length - b.messages.length || a.request.receivedAt - b.request.receivedAt);
    const longest = inOrder.at(-1)?.messages ?? first.messages;
    turns.set(id, {
      toolResults: toolResultsIn(longest.slice(first.messages.length)),
      calls: [first.request, ...inOrder.map(({ request }) => request)],
    });
  }
  return turns;
}

const emptyMessage: Message = { role: 'user', content: [] };

/** Whether `all` begins with `first`, and continues with assistant and tool messages only. */
function continuesWith(first: readonly Message[], all: readonly Message[]): boolean {
  const rest = all.slice(first.length);
  if (rest.length === 0 || rest.some(message => message.role !== 'assistant' && !isToolMessage(message))) return false;
  return JSON.stringify(all.slice(0, first.length)) === JSON.stringify(first);
}

function toolResultsIn(messages: readonly Message[]): readonly ToolResult[] {
  const calls = new Map<string, { readonly name: string; readonly arguments: string }>();
  const results: ToolResult[] = [];
  for (const part of messages.flatMap(({ content }) => content)) {
    if (part.type === 'tool-call') calls.set(part.id, part);
    if (part.type !== 'tool-result') continue;
    const { name, arguments: callArguments } = calls.get(part.id) ?? { name: part.name ?? '', arguments: '' };
    results.push({ name, arguments: callArguments, content: part.content, ...(part.failed === undefined ? {} : { failed: part.failed }) });
  }
  return results;
}

/** The requests that begin a turn, and the turns. Their later requests are loaded from the conversations. */
export async function turnsOf(
  store: Store,
  requests: readonly RecordedRequest[],
): Promise<{ readonly first: readonly RecordedRequest[]; readonly of: ReadonlyMap<string, Turn> }> {
  const known = new Map([...(await loadConversations(store, requests)), ...requests].map(request => [request.id, request]));
  const of = turnsIn([...known.values()]);
  return { first: requests.filter(({ id }) => of.has(id)), of };
}

/** Returns recorded tool results, each once. */
export class ToolResultReplayer {
  readonly #left: ToolResult[];
  readonly #matching: ToolMatching;

  constructor(results: readonly ToolResult[], matching: ToolMatching) {
    this.#left = [...results];
    this.#matching = matching;
  }

  /** The number of results that no call has taken. */
  get unused(): number {
    return this.#left.length;
  }

  /** The next matching result; undefined when none was recorded or all are taken. */
  take(call: { readonly name: string; readonly arguments: string }): ToolResult | undefined {
    const wanted = canonicalRequest(call.arguments || '{}');
    const at = this.#left.findIndex(
      ({ name, arguments: recorded }) => name === call.name && (this.#matching === 'fifo' || canonicalRequest(recorded || '{}') === wanted),
    );
    return at < 0 ? undefined : this.#left.splice(at, 1)[0];
  }
}

/** The next request of a turn: the same with the response and its tool results. `unknown` when a result is missing; undefined without tool calls. */
export function nextRequest(
  recorded: RecordedRequest,
  response: ChatResponse,
  toolResults: ToolResultReplayer,
): RecordedRequest | 'unknown' | undefined {
  const parts = response.choices[0]?.content ?? [];
  const calls = parts.flatMap(part => (part.type === 'tool-call' ? [part] : []));
  if (calls.length === 0) return undefined;
  const chat = chatOf(recorded);
  const wire = wireProviderOf(recorded.dialect);
  const answered = calls.map(call => ({ call, result: toolResults.take(call) }));
  if (!chat || !wire || answered.some(({ result }) => result === undefined)) return 'unknown';
  const results = answered.map(({ call, result }): Message => {
    const { content, failed } = result!;
    return {
      role: 'tool',
      content: [{ type: 'tool-result', id: call.id, name: call.name, content, ...(failed === undefined ? {} : { failed }) }],
    };
  });
  const messages: readonly Message[] = [...chat.messages, { role: 'assistant', content: parts }, ...results];
  return { ...recorded, body: wire.renderRequest({ ...chat, messages }, chat.model).body };
}
