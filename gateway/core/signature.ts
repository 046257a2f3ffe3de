/** Signed and encrypted thoughts mean something to the provider that made them only: what leaves in another's format is marked with where it must go back to. */
import type { ChatRequest, Citation, Part, StreamEvent } from './chat.ts';
import { isObject } from './json.ts';
import { dropped, type Warning } from './provider.ts';

/** Base64, as clients of some formats decode what they are given; nine bytes, so that every marked one begins with the same letters. */
const prefix = 'hindcast:';
const marked = btoa(prefix);

/** What else a signature is: the whole of a thought that nobody can read, or the proof of the call that follows it. */
type Kind = 'sealed' | 'call';

export const mark = (wire: string, signature: string, kind?: Kind): string =>
  btoa(`${prefix}${wire}${kind === undefined ? '' : `/${kind}`}:${encodeURIComponent(signature.toWellFormed())}`);

interface Origin {
  readonly wire: string;
  readonly signature: string;
  readonly kind?: Kind;
}

/** Undefined for one that is not marked: it came from a provider of the caller's own format. */
export function originOf(signature: string): Origin | undefined {
  if (!signature.startsWith(marked)) return undefined;
  try {
    const text = atob(signature).slice(prefix.length);
    const colon = text.indexOf(':');
    if (colon < 0) return undefined;
    const [wire = '', kind] = text.slice(0, colon).split('/');
    const proof = decodeURIComponent(text.slice(colon + 1));
    return { wire, signature: proof, ...(kind === 'sealed' || kind === 'call' ? { kind } : {}) };
  } catch {
    return undefined;
  }
}

export function markEvent(event: StreamEvent, wire: string): StreamEvent {
  switch (event.type) {
    case 'reasoning-signature':
      return { ...event, signature: mark(wire, event.signature) };
    case 'reasoning-redacted':
      return { ...event, data: mark(wire, event.data, 'sealed') };
    case 'tool-call-start':
      return event.signature === undefined ? event : { ...event, signature: mark(wire, event.signature, 'call') };
    default:
      return event;
  }
}

export function markPart(part: Part, wire: string): Part {
  if (part.type !== 'reasoning' && part.type !== 'tool-call') return part;
  if (part.type === 'reasoning' && part.redacted !== undefined) return { ...part, redacted: mark(wire, part.redacted, 'sealed') };
  if (part.signature === undefined) return part;
  return { ...part, signature: part.type === 'tool-call' ? mark(wire, part.signature, 'call') : mark(wire, part.signature) };
}

/** Whether the caller's own bytes can go to a target of its format: thoughts of other formats among them would be refused there. */
export const isNative = ({ messages }: ChatRequest, demandsSignatures: boolean): boolean =>
  messages.every(message =>
    message.content.every(part => {
      if (part.type === 'text') return !part.citations?.some(isForeign);
      if (part.type !== 'reasoning' && part.type !== 'tool-call') return true;
      const proof = part.type === 'reasoning' ? (part.redacted ?? part.signature) : part.signature;
      if (proof === undefined) return part.type === 'tool-call' || !demandsSignatures;
      return originOf(proof) === undefined;
    }),
  );

/** Stands where Anthropic has a proof of what it found, in citations of others. */
export const foreignIndex = mark('none', '');

const isForeign = ({ raw }: Citation): boolean =>
  isObject(raw) && typeof raw.encrypted_index === 'string' && originOf(raw.encrypted_index) !== undefined;

/** The request as a target of `wire` may have it: with its own signatures unmarked, and without those of others. */
export function homeward(chat: ChatRequest, from: string, wire: string, warnings: Warning[]): ChatRequest {
  if (!chat.messages.some(message => message.content.some(isSigned))) return chat;
  const messages = chat.messages.map((message, index) => {
    const way: Way = { from, wire, warnings, call: undefined };
    return { ...message, content: message.content.flatMap((part, at) => sentHome(part, `messages[${index}].content[${at}]`, way)) };
  });
  return { ...chat, messages };
}

interface Way {
  readonly from: string;
  readonly wire: string;
  readonly warnings: Warning[];
  /** Waits for its call: not every format can say a call's signature in the call. */
  call: string | undefined;
}

const isSigned = (part: Part): boolean =>
  (part.type === 'reasoning' && (part.signature !== undefined || part.redacted !== undefined)) ||
  (part.type === 'tool-call' && part.signature !== undefined);

function sentHome(part: Part, path: string, way: Way): readonly Part[] {
  if (part.type === 'reasoning') return thoughtHome(part, path, way);
  if (part.type !== 'tool-call') return [part];
  const { signature, ...unsigned } = part;
  const proof = signature === undefined ? way.call : provenFor(signature, way);
  way.call = undefined;
  if (proof !== undefined) return [{ ...unsigned, signature: proof }];
  if (signature !== undefined) way.warnings.push(foreignSignature(path));
  return [unsigned];
}

function thoughtHome(part: Part & { type: 'reasoning' }, path: string, way: Way): readonly Part[] {
  const { signature, redacted, ...open } = part;
  const proof = redacted ?? signature;
  if (proof === undefined) return [part];
  const kind = originOf(proof)?.kind ?? (redacted === undefined ? undefined : 'sealed');
  const own = provenFor(proof, way);
  if (kind === 'call') {
    way.call = own;
    if (own === undefined) way.warnings.push(foreignSignature(path));
    return [];
  }
  if (kind === 'sealed') {
    if (own !== undefined) return [{ ...open, redacted: own }];
    way.warnings.push(dropped(path, 'Encrypted reasoning can only go back to the provider that made it.'));
    return [];
  }
  if (own !== undefined) return [{ ...open, signature: own }];
  way.warnings.push(foreignSignature(path));
  return part.text === '' ? [] : [open];
}

const foreignSignature = (path: string): Warning =>
  dropped(`${path}.signature`, 'A signature can only go back to the provider that made it.');

/** In chat completions signatures are Google's, whoever speaks the format. */
function provenFor(signature: string, { from, wire }: Way): string | undefined {
  const origin = originOf(signature);
  if (origin) return origin.wire === wire ? origin.signature : undefined;
  return from === wire || from === 'openai-chat' ? signature : undefined;
}
