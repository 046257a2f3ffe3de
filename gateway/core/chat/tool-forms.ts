/** Freeform, namespaced and searching tools as functions, for targets that have no such tools, and the way back in responses. */
import type { ChatRequest, ChatResponse, Message, Part, StreamEvent, Tool } from './chat.ts';
import { isObject, type JsonObject, parseJson } from './json.ts';
import type { FieldLimits } from './limits/field-limits.ts';
import { approximated, type Provider, type StreamEnd, type StreamParser, type Warning } from './provider.ts';

/** A request with functions only, where the target accepts no more. */
export interface PlainRequest {
  readonly chat: ChatRequest;
  readonly warnings: readonly Warning[];
  /** Names of freeform tools that were sent as functions; absent without any. */
  readonly freeformTools?: ReadonlySet<string>;
}

const emptyList: readonly Warning[] = [];

/** Joined as agents join the names of servers and their tools. */
export const qualifiedName = (namespace: string | undefined, name: string): string => (namespace ? `${namespace}__${name}` : name);

/** A tool's namespace and its name in there; a name that was shortened to a target's limit has none. */
export function placeOf({ name, form }: Pick<Tool, 'name' | 'form'>): { readonly name: string; readonly namespace?: string } {
  const { name: namespace } = form?.namespace ?? {};
  return namespace && name.startsWith(`${namespace}__`) ? { name: name.slice(namespace.length + '__'.length), namespace } : { name };
}

/** The same request when it has functions only, or when the target accepts its tools. */
export function withPlainTools(chat: ChatRequest, accepted: FieldLimits['toolForms'] = []): PlainRequest {
  const isPlain = chat.tools.every(tool => !tool.form) && !chat.messages.some(({ content }) => content.some(isFreeformCall));
  if (isPlain) return { chat, warnings: emptyList };
  const warnings: Warning[] = [];
  const freeformTools = new Set<string>();
  const takesFreeform = accepted.includes('freeform');
  const tools = chat.tools.map(tool => {
    const plain = plainTool(tool, accepted, warnings);
    if (tool.form?.type === 'freeform' && plain.form?.type !== 'freeform') freeformTools.add(tool.name);
    return plain;
  });
  const messages = takesFreeform ? chat.messages : chat.messages.map(withPlainCalls);
  const isSame = messages.every((message, i) => message === chat.messages[i]) && tools.every((tool, i) => tool === chat.tools[i]);
  if (isSame) return { chat, warnings: emptyList };
  return { chat: { ...chat, tools, messages }, warnings, ...(freeformTools.size > 0 ? { freeformTools } : {}) };
}

const isFreeformCall = (part: Part): boolean => part.type === 'tool-call' && part.freeform === true;

function plainTool(tool: Tool, accepted: NonNullable<FieldLimits['toolForms']>, warnings: Warning[]): Tool {
  const { form, ...plain } = tool;
  if (!form) return tool;
  const { type, namespace, deferred, path, format } = form;
  const takesNamespace = accepted.includes('namespace');
  const takesType = type === 'function' || accepted.includes(type);
  const takesDeferred = accepted.includes('deferred');
  if (takesType && (!namespace || takesNamespace) && (!deferred || takesDeferred)) return tool;
  if (namespace && !takesNamespace)
    warnings.push(approximated(path, `Sent as ${tool.name}, and undone in the response: no namespaces here.`));
  else if (deferred && !takesDeferred) warnings.push(approximated(path, 'Sent at once: this target loads no tools later.'));
  if (takesType) return type === 'function' ? plain : { ...plain, form: { type, path, ...(format ? { format } : {}) } };
  if (type === 'search') {
    warnings.push(approximated(path, 'Sent as a function, and undone in the response.'));
    return plain;
  }
  warnings.push(approximated(path, 'Sent as a function whose `input` is the text, and undone in the response.'));
  return freeformAsFunction(plain, format);
}

/** The grammar goes into the description, because a function cannot enforce it. */
function freeformAsFunction(tool: Tool, format: JsonObject | undefined): Tool {
  const definition = typeof format?.definition === 'string' ? format.definition : undefined;
  const syntax = typeof format?.syntax === 'string' ? `${format.syntax} ` : '';
  const grammar = definition === undefined ? [] : [`The input must match this ${syntax}grammar:\n${definition}`];
  const description = [...(tool.description === undefined ? [] : [tool.description]), ...grammar].join('\n\n');
  return {
    ...tool,
    ...(description === '' ? {} : { description }),
    parameters: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The whole text, as it is: no JSON, no quotes, no code fence.' } },
      required: ['input'],
      additionalProperties: false,
    },
  };
}

function withPlainCalls(message: Message): Message {
  if (!message.content.some(isFreeformCall)) return message;
  return {
    ...message,
    content: message.content.map(part => {
      if (part.type !== 'tool-call' || !part.freeform) return part;
      const { freeform: _, ...call } = part;
      return { ...call, arguments: JSON.stringify({ input: part.arguments }) };
    }),
  };
}

/** What a response's tool calls are undone by. */
export interface SentTools {
  /** The caller's names by the names that were sent. */
  readonly toolNames?: ReadonlyMap<string, string>;
  /** The caller's names of freeform tools that were sent as functions. */
  readonly freeformTools?: ReadonlySet<string>;
}

/** The same provider, whose responses name and call tools as the caller declared them. */
export function restoringTools(provider: Provider, { toolNames, freeformTools }: SentTools): Provider {
  if (!toolNames && !freeformTools) return provider;
  const sent: SentTools = { ...(toolNames ? { toolNames } : {}), ...(freeformTools ? { freeformTools } : {}) };
  return {
    ...provider,
    parseResponse: body => {
      const response = provider.parseResponse(body);
      return 'kind' in response ? response : restoreTools(response, sent);
    },
    parseStream: () => restoringStream(provider.parseStream(), sent),
  };
}

/** The response with the caller's own tools. */
export function restoreTools(response: ChatResponse, { toolNames, freeformTools }: SentTools): ChatResponse {
  const restore = (part: Part): Part => {
    if (part.type !== 'tool-call') return part;
    const name = toolNames?.get(part.name) ?? part.name;
    if (part.freeform || !freeformTools?.has(name)) return name === part.name ? part : { ...part, name };
    return { ...part, name, arguments: inputIn(part.arguments), freeform: true };
  };
  return { ...response, choices: response.choices.map(choice => ({ ...choice, content: choice.content.map(restore) })) };
}

/** The text of a freeform call that came as a function; what is no such JSON is the text itself. */
function inputIn(text: string): string {
  const value = parseJson(text);
  if (!isObject(value)) return typeof value === 'string' ? value : text;
  const [only, more] = Object.values(value);
  if (typeof value.input === 'string') return value.input;
  return typeof only === 'string' && more === undefined ? only : text;
}

function restoringStream(parser: StreamParser, sent: SentTools): StreamParser {
  /** The JSON so far of calls that become freeform, by choice and index. */
  const open = new Map<string, { readonly choice: number; readonly index: number; json: string }>();
  const restore = (events: readonly StreamEvent[]): readonly StreamEvent[] => events.flatMap(event => restoreEvent(event, sent, open));
  return {
    parse: event => restore(parser.parse(event)),
    end: (): StreamEnd => {
      const end = parser.end();
      return end.complete ? { ...end, events: [...restore(end.events), ...closedCalls(open)] } : end;
    },
  };
}

type OpenCalls = Map<string, { readonly choice: number; readonly index: number; json: string }>;

/** A freeform call's text comes at once, when its JSON is complete. */
function restoreEvent(event: StreamEvent, { toolNames, freeformTools }: SentTools, open: OpenCalls): readonly StreamEvent[] {
  switch (event.type) {
    case 'tool-call-start': {
      const name = toolNames?.get(event.name) ?? event.name;
      const closed = closedCalls(open, event.choice, true);
      if (event.freeform || !freeformTools?.has(name)) return [...closed, name === event.name ? event : { ...event, name }];
      open.set(`${event.choice} ${event.index}`, { choice: event.choice, index: event.index, json: '' });
      return [...closed, { ...event, name, freeform: true }];
    }
    case 'tool-call-delta': {
      const call = open.get(`${event.choice} ${event.index}`);
      if (!call) return [event];
      call.json += event.arguments;
      return [];
    }
    case 'choice-end':
      return [...closedCalls(open, event.choice), event];
    default:
      return [event];
  }
}

function closedCalls(open: OpenCalls, choice?: number, isCompleteOnly = false): readonly StreamEvent[] {
  return [...open].flatMap(([key, call]): readonly StreamEvent[] => {
    if (choice !== undefined && call.choice !== choice) return [];
    if (isCompleteOnly && parseJson(call.json) === undefined) return [];
    open.delete(key);
    return [{ type: 'tool-call-delta', choice: call.choice, index: call.index, arguments: inputIn(call.json) }];
  });
}
