/** Marks signed and encrypted reasoning with its origin, because only the provider that made it accepts it again. */
import type { ChatRequest, Citation, Part, StreamEvent } from './chat.ts';
import { isObject } from './json.ts';
import { dropped, type Warning } from './provider.ts';

/** Base64, because clients of some formats decode signatures. Nine bytes, so that every marked one begins with the same letters. */
const originPrefix = 'hindcast:';
const encodedPrefix = btoa(originPrefix);

/** `sealed`: an encrypted part of reasoning; `call`: the signature of the tool call that follows. */
type SignatureKind = 'sealed' | 'call';

/** The signature marked with the wire format that made it, in base64. */
export const wrapSignature = (wire: string, signature: string, kind?: SignatureKind): string =>
  btoa(`${originPrefix}${wire}${kind === undefined ? '' : `/${kind}`}:${encodeURIComponent(signature.toWellFormed())}`);

interface Origin {
  readonly wire: string;
  readonly signature: string;
  readonly kind?: SignatureKind;
}

/** Undefined for an unmarked signature, which comes from a provider of the caller's own format. */
export function unwrapSignature(signature: string): Origin | undefined {
  if (!signature.startsWith(encodedPrefix)) return undefined;
  try {
    const text = atob(signature).slice(originPrefix.length);
    const colon = text.indexOf(':');
    if (colon < 0) return undefined;
    const [wire = '', kind] = text.slice(0, colon).split('/');
    const original = decodeURIComponent(text.slice(colon + 1));
    return { wire, signature: original, ...(kind === 'sealed' || kind === 'call' ? { kind } : {}) };
  } catch {
    return undefined;
  }
}

/** A stream event with its signature marked; other events are unchanged. */
export function wrapEventSignature(event: StreamEvent, wire: string): StreamEvent {
  switch (event.type) {
    case 'reasoning-signature':
      return { ...event, signature: wrapSignature(wire, event.signature) };
    case 'reasoning-redacted':
      return { ...event, data: wrapSignature(wire, event.data, 'sealed') };
    case 'tool-call-start':
      return event.signature === undefined ? event : { ...event, signature: wrapSignature(wire, event.signature, 'call') };
    default:
      return event;
  }
}

/** A part with its signature marked; other parts are unchanged. */
export function wrapPartSignature(part: Part, wire: string): Part {
  if (part.type !== 'reasoning' && part.type !== 'tool-call') return part;
  if (part.type === 'reasoning' && part.redacted !== undefined) return { ...part, redacted: wrapSignature(wire, part.redacted, 'sealed') };
  if (part.signature === undefined) return part;
  return {
    ...part,
    signature: part.type === 'tool-call' ? wrapSignature(wire, part.signature, 'call') : wrapSignature(wire, part.signature),
  };
}

/** Whether the caller's own bytes may go to a target of its format. Reasoning of other formats in them would be refused. */
export const isNative = ({ messages }: ChatRequest, requiresSignatures: boolean): boolean =>
  messages.every(message =>
    message.content.every(part => {
      if (part.type === 'text') return !part.citations?.some(isForeignCitation);
      if (part.type !== 'reasoning' && part.type !== 'tool-call') return true;
      const proof = part.type === 'reasoning' ? (part.redacted ?? part.signature) : part.signature;
      if (proof === undefined) return part.type === 'tool-call' || !requiresSignatures;
      return unwrapSignature(proof) === undefined;
    }),
  );

/** The `encrypted_index` of other providers' citations, which Anthropic's format requires. */
export const foreignIndex = wrapSignature('none', '');

const isForeignCitation = ({ raw }: Citation): boolean =>
  isObject(raw) && typeof raw.encrypted_index === 'string' && unwrapSignature(raw.encrypted_index) !== undefined;

/** The request for a target of `wire`: its own signatures are unwrapped, those of others removed. */
export function restoreSignatures(chat: ChatRequest, from: string, wire: string, warnings: Warning[]): ChatRequest {
  if (!chat.messages.some(message => message.content.some(isSigned))) return chat;
  const messages = chat.messages.map((message, index) => {
    const context: RestoreContext = { from, wire, warnings, callSignature: undefined };
    return { ...message, content: message.content.flatMap((part, at) => restorePart(part, `messages[${index}].content[${at}]`, context)) };
  });
  return { ...chat, messages };
}

interface RestoreContext {
  readonly from: string;
  readonly wire: string;
  readonly warnings: Warning[];
  /** Kept for the next call, because not every format can attach a signature to a call. */
  callSignature: string | undefined;
}

const isSigned = (part: Part): boolean =>
  (part.type === 'reasoning' && (part.signature !== undefined || part.redacted !== undefined)) ||
  (part.type === 'tool-call' && part.signature !== undefined);

function restorePart(part: Part, path: string, context: RestoreContext): readonly Part[] {
  if (part.type === 'reasoning') return restoreReasoning(part, path, context);
  if (part.type !== 'tool-call') return [part];
  const { signature, ...unsigned } = part;
  const restored = signature === undefined ? context.callSignature : ownSignature(signature, context);
  context.callSignature = undefined;
  if (restored !== undefined) return [{ ...unsigned, signature: restored }];
  if (signature !== undefined) context.warnings.push(foreignSignatureWarning(path));
  return [unsigned];
}

function restoreReasoning(part: Part & { type: 'reasoning' }, path: string, context: RestoreContext): readonly Part[] {
  const { signature, redacted, ...open } = part;
  const proof = redacted ?? signature;
  if (proof === undefined) return [part];
  const kind = unwrapSignature(proof)?.kind ?? (redacted === undefined ? undefined : 'sealed');
  const restored = ownSignature(proof, context);
  if (kind === 'call') {
    context.callSignature = restored;
    if (restored === undefined) context.warnings.push(foreignSignatureWarning(path));
    return [];
  }
  if (kind === 'sealed') {
    if (restored !== undefined) return [{ ...open, redacted: restored }];
    context.warnings.push(dropped(path, 'Encrypted reasoning can only go back to the provider that made it.'));
    return [];
  }
  if (restored !== undefined) return [{ ...open, signature: restored }];
  context.warnings.push(foreignSignatureWarning(path));
  return part.text === '' ? [] : [open];
}

const foreignSignatureWarning = (path: string): Warning =>
  dropped(`${path}.signature`, 'A signature can only go back to the provider that made it.');

/** Signatures in chat completions are Google's, whatever provider uses the format. */
function ownSignature(signature: string, { from, wire }: RestoreContext): string | undefined {
  const origin = unwrapSignature(signature);
  if (origin) return origin.wire === wire ? origin.signature : undefined;
  return from === wire || from === 'openai-chat' ? signature : undefined;
}
