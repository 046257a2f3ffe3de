/** Fits a request to a target's field limits, and restores renamed tools in the response. */
import type { ChatRequest, Message, Part } from './chat.ts';
import type { FieldLimits, NameLimit } from './field-limits.ts';
import { approximated, dropped, type Warning } from './provider.ts';

/** A request within the limits, and the tool names to restore in its response. */
export interface FittedRequest {
  readonly chat: ChatRequest;
  readonly warnings: readonly Warning[];
  /** The caller's tool names by the names that were sent; absent when none was changed. */
  readonly toolNames?: ReadonlyMap<string, string>;
}

/** A hash in hex. It keeps shortened ids and names distinct, and equal in every turn. */
export type Hash = (text: string) => string;

const emailPattern = /[^\s@]+@[^\s@]+\.[^\s@]+/;
/** The maximum length of an address that is searched for, so that a long text is cheap. */
const emailLengthMax = 400;

const emptyList: readonly Warning[] = [];

/** The same request when it is within the limits, which is the common case. */
export function fitToLimits(chat: ChatRequest, limits: FieldLimits | undefined, hash: Hash): FittedRequest {
  if (!limits || isWithinLimits(chat, limits)) return { chat, warnings: emptyList };
  const warnings: Warning[] = [];
  let fitted = fitUser(chat, limits, hash, warnings);
  fitted = fitMetadata(fitted, limits, warnings);
  fitted = fitOutputName(fitted, limits, hash, warnings);
  fitted = fitTools(fitted, limits, warnings);
  fitted = fitCallIds(fitted, limits, hash);
  return fitToolNames(fitted, limits, hash, warnings);
}

/** Checks every limited field without allocating. */
function isWithinLimits({ user, metadata, output, tools, messages, toolChoice }: ChatRequest, limits: FieldLimits): boolean {
  const { toolName, callId } = limits;
  if (user !== undefined && limits.user && (limits.user.refusesEmail || !isTaken(user, limits.user))) return false;
  if (metadata && limits.metadata) return false;
  if (tools.length > (limits.toolCountMax ?? Number.POSITIVE_INFINITY)) return false;
  if (output?.type === 'json-schema' && limits.outputName && !isTaken(output.name, limits.outputName)) return false;
  if (toolChoice?.type === 'tool' && toolName && !isTaken(toolChoice.name, toolName)) return false;
  if (toolName) for (const { name } of tools) if (!isTaken(name, toolName)) return false;
  for (const { content } of messages) {
    for (const part of content) {
      if (part.type !== 'tool-call' && part.type !== 'tool-result') continue;
      if ((callId && !isTaken(part.id, callId)) || (toolName && part.name !== undefined && !isTaken(part.name, toolName))) return false;
    }
  }
  return true;
}

function fitUser(chat: ChatRequest, { user: limit }: FieldLimits, hash: Hash, warnings: Warning[]): ChatRequest {
  const { user } = chat;
  if (!limit || user === undefined) return chat;
  const isEmail = limit.refusesEmail === true && emailPattern.test(user.slice(0, emailLengthMax));
  if (!isEmail && isTaken(user, limit)) return chat;
  warnings.push(approximated('user', `Sent as its SHA-256: ${isEmail ? 'the target takes no e-mail address' : namesTaken(limit)}.`));
  return { ...chat, user: hash(user).slice(0, limit.lengthMax) };
}

function fitMetadata(chat: ChatRequest, { metadata: limit }: FieldLimits, warnings: Warning[]): ChatRequest {
  const { metadata } = chat;
  if (!limit || !metadata) return chat;
  const entries = Object.entries(metadata);
  const fits = ([key, value]: [string, string]): boolean => key.length <= limit.keyLengthMax && value.length <= limit.valueLengthMax;
  const kept = entries.filter(fits).slice(0, limit.countMax);
  if (kept.length === entries.length) return chat;
  for (const [key] of entries.filter(entry => !kept.includes(entry))) {
    const { countMax, keyLengthMax, valueLengthMax } = limit;
    const why = `The target takes at most ${countMax} entries, with keys of ${keyLengthMax} and values of ${valueLengthMax} characters.`;
    warnings.push(dropped(`metadata.${key.slice(0, 100)}`, why));
  }
  return { ...chat, metadata: Object.fromEntries(kept) };
}

function fitOutputName(chat: ChatRequest, { outputName: limit }: FieldLimits, hash: Hash, warnings: Warning[]): ChatRequest {
  const { output } = chat;
  if (!limit || output?.type !== 'json-schema') return chat;
  const name = fitName(output.name, limit, hash);
  if (name === output.name) return chat;
  warnings.push(approximated('response_format.json_schema.name', `Sent as ${name}: ${namesTaken(limit)}.`));
  return { ...chat, output: { ...output, name } };
}

function fitTools(chat: ChatRequest, { toolCountMax = Number.POSITIVE_INFINITY }: FieldLimits, warnings: Warning[]): ChatRequest {
  if (chat.tools.length <= toolCountMax) return chat;
  warnings.push(
    dropped(`tools[${toolCountMax}]`, `The target takes at most ${toolCountMax} tools; this one and those after it were left out.`),
  );
  return { ...chat, tools: chat.tools.slice(0, toolCountMax) };
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
  const rename = (name: string): string => {
    const fitted = fitName(name, limit, hash);
    if (fitted !== name) original.set(fitted, name);
    return fitted;
  };
  const tools = chat.tools.map((tool, i) => {
    const name = rename(tool.name);
    if (name === tool.name) return tool;
    warnings.push(approximated(`tools[${i}].function.name`, `Sent as ${name}, and undone in the answer: ${namesTaken(limit)}.`));
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

const namesTaken = ({ lengthMax, letters }: NameLimit): string => `the target takes at most ${lengthMax} of the letters ${letters}`;

const hashLength = 8;
const firstLetter = /^[a-zA-Z_]/;
/** By accepted letters. Limits are constants, so the map stays small. */
const patterns = new Map<string, RegExp>();

function isTaken(name: string, { lengthMax, letters, startsWithLetter }: NameLimit): boolean {
  if (name === '' || name.length > lengthMax || (startsWithLetter && !firstLetter.test(name))) return false;
  let pattern = patterns.get(letters);
  if (!pattern) {
    pattern = new RegExp(`^[${letters}]+$`);
    patterns.set(letters, pattern);
  }
  return pattern.test(name);
}

/** The name itself where it fits, else its readable beginning with a hash of the whole name. */
export function fitName(name: string, limit: NameLimit, hash: Hash): string {
  if (isTaken(name, limit)) return name;
  const { lengthMax, letters, startsWithLetter } = limit;
  const starts = !startsWithLetter || firstLetter.test(name);
  const readable = (starts ? '' : '_') + name.replaceAll(new RegExp(`[^${letters}]`, 'g'), '_');
  return `${readable.slice(0, lengthMax - hashLength - 1)}_${hash(name).slice(0, hashLength)}`;
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
