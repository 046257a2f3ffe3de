/** Signed and encrypted thoughts mean something to the provider that made them only: what leaves in another's format is marked with where it must go back to. */
import type { ChatRequest, Part, StreamEvent } from './chat.ts';
import { dropped, type Warning } from './provider.ts';

/** Base64, as clients of some formats decode what they are given; nine bytes, so that every marked one begins with the same letters. */
const prefix = 'hindcast:';
const marked = btoa(prefix);

export const mark = (wire: string, signature: string): string => btoa(`${prefix}${wire}:${encodeURIComponent(signature)}`);

interface Origin {
  readonly wire: string;
  readonly signature: string;
}

/** Undefined for one that is not marked: it came from a provider of the caller's own format. */
export function originOf(signature: string): Origin | undefined {
  if (!signature.startsWith(marked)) return undefined;
  try {
    const text = atob(signature).slice(prefix.length);
    const colon = text.indexOf(':');
    return colon < 0 ? undefined : { wire: text.slice(0, colon), signature: decodeURIComponent(text.slice(colon + 1)) };
  } catch {
    return undefined;
  }
}

export function markEvent(event: StreamEvent, wire: string): StreamEvent {
  switch (event.type) {
    case 'reasoning-signature':
      return { ...event, signature: mark(wire, event.signature) };
    case 'reasoning-redacted':
      return { ...event, data: mark(wire, event.data) };
    case 'tool-call-start':
      return event.signature === undefined ? event : { ...event, signature: mark(wire, event.signature) };
    default:
      return event;
  }
}

export function markPart(part: Part, wire: string): Part {
  if (part.type !== 'reasoning' && part.type !== 'tool-call') return part;
  if (part.type === 'reasoning' && part.redacted !== undefined) return { ...part, redacted: mark(wire, part.redacted) };
  return part.signature === undefined ? part : { ...part, signature: mark(wire, part.signature) };
}

/** Whether the caller's own bytes can go to a target of its format: thoughts of other formats among them would be refused there. */
export const isNative = ({ messages }: ChatRequest, demandsSignatures: boolean): boolean =>
  messages.every(message =>
    message.content.every(part => {
      if (part.type !== 'reasoning' && part.type !== 'tool-call') return true;
      const proof = part.type === 'reasoning' ? (part.redacted ?? part.signature) : part.signature;
      if (proof === undefined) return part.type === 'tool-call' || !demandsSignatures;
      return originOf(proof) === undefined;
    }),
  );

/** The request as a target of `wire` may have it: with its own signatures unmarked, and without those of others. */
export function homeward(chat: ChatRequest, from: string, wire: string, warnings: Warning[]): ChatRequest {
  if (!chat.messages.some(message => message.content.some(isSigned))) return chat;
  const messages = chat.messages.map((message, index) => ({
    ...message,
    content: message.content.flatMap((part, at) => sentHome(part, `messages[${index}].content[${at}]`, from, wire, warnings)),
  }));
  return { ...chat, messages };
}

const isSigned = (part: Part): boolean =>
  (part.type === 'reasoning' && (part.signature !== undefined || part.redacted !== undefined)) ||
  (part.type === 'tool-call' && part.signature !== undefined);

function sentHome(part: Part, path: string, from: string, wire: string, warnings: Warning[]): readonly Part[] {
  if (part.type !== 'reasoning' && part.type !== 'tool-call') return [part];
  const { signature, ...unsigned } = part;
  if (part.type === 'reasoning' && part.redacted !== undefined) {
    const redacted = provenFor(part.redacted, from, wire);
    if (redacted !== undefined) return [{ ...part, redacted }];
    warnings.push(dropped(path, 'Encrypted reasoning can only go back to the provider that made it.'));
    return [];
  }
  if (signature === undefined) return [part];
  const own = provenFor(signature, from, wire);
  if (own !== undefined) return [{ ...part, signature: own }];
  warnings.push(dropped(`${path}.signature`, 'A signature can only go back to the provider that made it.'));
  return part.type === 'reasoning' && part.text === '' ? [] : [unsigned as Part];
}

/** In chat completions signatures are Google's, whoever speaks the format. */
function provenFor(signature: string, from: string, wire: string): string | undefined {
  const origin = originOf(signature);
  if (origin) return origin.wire === wire ? origin.signature : undefined;
  return from === wire || from === 'openai-chat' ? signature : undefined;
}
