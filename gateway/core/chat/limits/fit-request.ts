/** Fits a request to a target's field limits. */
import type { ChatRequest, Message, Part, Tool } from '../chat.ts';
import { altered, approximated, dropped, type Warning } from '../provider.ts';
import type { FieldLimits } from './field-limits.ts';
import { hasRefNeighbours, isStrictSchema, withLoneRefs } from './fit-schema.ts';
import { describeLimit, fitMetadata, fitName, fitUser, type Hash, isTaken } from './fit-values.ts';
import { hasOnePrompt, withOnePrompt } from './system-prompts.ts';

/** A request within the limits, and the tool names to restore in its response. */
export interface FittedRequest {
  readonly chat: ChatRequest;
  readonly warnings: readonly Warning[];
  /** The caller's tool names by the names that were sent; absent when none was changed. */
  readonly toolNames?: ReadonlyMap<string, string>;
}

const emptyList: readonly Warning[] = [];

/** The same request when it is within the limits, which is the common case. */
export function fitToLimits(chat: ChatRequest, limits: FieldLimits | undefined, hash: Hash): FittedRequest {
  if (!limits || isWithinLimits(chat, limits)) return { chat, warnings: emptyList };
  const warnings: Warning[] = [];
  let fitted = fitFields(chat, limits, hash, warnings);
  fitted = fitTools(fitted, limits, warnings);
  fitted = fitCallIds(fitted, limits, hash);
  if (limits.systemPrompts && !hasOnePrompt(fitted.messages)) fitted = withOnePrompt(fitted, warnings);
  return fitToolNames(fitted, limits, hash, warnings);
}

/** Checks every limited field without allocating. */
function isWithinLimits({ user, metadata, output, tools, messages, toolChoice, stop }: ChatRequest, limits: FieldLimits): boolean {
  const { toolName, callId } = limits;
  if (user !== undefined && limits.user && (limits.user.refusesEmail || !isTaken(user, limits.user))) return false;
  if (metadata && limits.metadata) return false;
  if (stop.length > (limits.stopCountMax ?? Number.POSITIVE_INFINITY)) return false;
  if (tools.length > (limits.toolCountMax ?? Number.POSITIVE_INFINITY)) return false;
  if (limits.systemPrompts && !hasOnePrompt(messages)) return false;
  if (output?.type === 'json-schema' && (limits.outputName || limits.refs || limits.strictSchema)) return false;
  if (toolChoice?.type === 'tool' && toolName && !isTaken(toolChoice.name, toolName)) return false;
  for (const tool of tools) if (!isToolWithin(tool, limits)) return false;
  for (const { content } of messages) {
    for (const part of content) {
      if (part.type !== 'tool-call' && part.type !== 'tool-result') continue;
      if ((callId && !isTaken(part.id, callId)) || (toolName && part.name !== undefined && !isTaken(part.name, toolName))) return false;
    }
  }
  return true;
}

function isToolWithin({ name, strict, parameters }: Tool, { toolName, refs, strictSchema }: FieldLimits): boolean {
  if (toolName && !isTaken(name, toolName)) return false;
  if (strictSchema && strict && !isStrictSchema(parameters, strictSchema)) return false;
  return !refs || !hasRefNeighbours(parameters, 0);
}

function fitFields(chat: ChatRequest, limits: FieldLimits, hash: Hash, warnings: Warning[]): ChatRequest {
  let fitted = chat;
  if (chat.user !== undefined) {
    const { user, reason } = fitUser(chat.user, limits.user, hash);
    if (reason !== undefined) warnings.push(approximated('user', `Sent as its SHA-256: ${reason}.`));
    if (user !== chat.user) fitted = { ...fitted, user };
  }
  if (chat.metadata) {
    const metadata = fitMetadata(chat.metadata, limits.metadata);
    if (metadata !== chat.metadata) {
      const { countMax, keyLengthMax, valueLengthMax } = limits.metadata!;
      const why = `The target takes at most ${countMax} entries, with keys of ${keyLengthMax} and values of ${valueLengthMax} characters.`;
      for (const key of Object.keys(chat.metadata))
        if (!Object.hasOwn(metadata, key)) warnings.push(dropped(`metadata.${key.slice(0, 100)}`, why));
      fitted = { ...fitted, metadata };
    }
  }
  const { stopCountMax = chat.stop.length } = limits;
  if (chat.stop.length > stopCountMax) {
    warnings.push(dropped('stop', `The target takes at most ${stopCountMax} stop sequences; the rest were left out.`));
    fitted = { ...fitted, stop: chat.stop.slice(0, stopCountMax) };
  }
  return fitOutput(fitted, limits, hash, warnings);
}

function fitOutput(chat: ChatRequest, { outputName, refs, strictSchema }: FieldLimits, hash: Hash, warnings: Warning[]): ChatRequest {
  const { output } = chat;
  if (output?.type !== 'json-schema') return chat;
  let fitted = output;
  const name = fitName(output.name, outputName, hash);
  if (name !== output.name) {
    warnings.push(approximated('response_format.json_schema.name', `Sent as ${name}: ${describeLimit(outputName!)}.`));
    fitted = { ...fitted, name };
  }
  const schema = refs ? withLoneRefs(output.schema) : output.schema;
  if (schema !== output.schema) fitted = { ...fitted, schema };
  if (strictSchema && output.strict && !isStrictSchema(schema, strictSchema)) {
    warnings.push(altered('response_format.json_schema.strict', 'Sent without: the target enforces no such schema strictly.'));
    fitted = { ...fitted, strict: false };
  }
  return fitted === output ? chat : { ...chat, output: fitted };
}

function fitTools(chat: ChatRequest, limits: FieldLimits, warnings: Warning[]): ChatRequest {
  const { toolCountMax = Number.POSITIVE_INFINITY, refs, strictSchema } = limits;
  if (chat.tools.length > toolCountMax) {
    const why = `The target takes at most ${toolCountMax} tools; this one and those after it were left out.`;
    warnings.push(dropped(`tools[${toolCountMax}]`, why));
  }
  const kept = chat.tools.length > toolCountMax ? chat.tools.slice(0, toolCountMax) : chat.tools;
  const tools = kept.map((tool, i) => {
    let fitted = tool;
    const parameters = refs && tool.parameters ? withLoneRefs(tool.parameters) : tool.parameters;
    if (parameters && parameters !== tool.parameters) fitted = { ...fitted, parameters };
    if (!strictSchema || !tool.strict || isStrictSchema(parameters, strictSchema)) return fitted;
    warnings.push(altered(`tools[${i}].function.strict`, 'Sent without: the target enforces no such schema strictly.'));
    return { ...fitted, strict: false };
  });
  return tools.every((tool, i) => tool === chat.tools[i]) && tools.length === chat.tools.length ? chat : { ...chat, tools };
}

/** Without a warning, because these ids only join results to calls. */
function fitCallIds(chat: ChatRequest, { callId: limit }: FieldLimits, hash: Hash): ChatRequest {
  if (!limit) return chat;
  return mapParts(chat, part => {
    if (part.type !== 'tool-call' && part.type !== 'tool-result') return part;
    const id = fitName(part.id, limit, hash);
    return id === part.id ? part : { ...part, id };
  });
}

function fitToolNames(chat: ChatRequest, { toolName: limit }: FieldLimits, hash: Hash, warnings: Warning[]): FittedRequest {
  if (!limit) return { chat, warnings };
  const original = new Map<string, string>();
  // A target that takes namespaces takes their tools by the names that they have in there.
  const prefixes = [...new Set(chat.tools.flatMap(({ form }) => (form?.namespace ? [`${form.namespace.name}__`] : [])))];
  const rename = (name: string): string => {
    if (prefixes.some(prefix => name.startsWith(prefix))) return name;
    const fitted = fitName(name, limit, hash);
    if (fitted !== name) original.set(fitted, name);
    return fitted;
  };
  const tools = chat.tools.map((tool, i) => {
    const name = rename(tool.name);
    if (name === tool.name) return tool;
    warnings.push(approximated(`tools[${i}].function.name`, `Sent as ${name}, and undone in the answer: ${describeLimit(limit)}.`));
    return { ...tool, name };
  });
  const { toolChoice } = chat;
  const named = mapParts({ ...chat, tools }, part => {
    if ((part.type !== 'tool-call' && part.type !== 'tool-result') || part.name === undefined) return part;
    const name = rename(part.name);
    return name === part.name ? part : { ...part, name };
  });
  const fitted = toolChoice?.type === 'tool' ? { ...named, toolChoice: { ...toolChoice, name: rename(toolChoice.name) } } : named;
  return original.size === 0 ? { chat, warnings } : { chat: fitted, warnings, toolNames: original };
}

/** A copy with changed parts; messages without a change stay the same objects. */
function mapParts(chat: ChatRequest, change: (part: Part) => Part): ChatRequest {
  let isChanged = false;
  const messages = chat.messages.map((message): Message => {
    const content = message.content.map(change);
    if (content.every((part, i) => part === message.content[i])) return message;
    isChanged = true;
    return { ...message, content };
  });
  return isChanged ? { ...chat, messages } : chat;
}
