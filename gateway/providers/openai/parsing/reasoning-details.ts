/** Signed and encrypted reasoning as OpenRouter's `reasoning_details`. The provider that made them expects them back unchanged. */
import type { Part } from '../../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../../core/chat/json.ts';
import { listOf, text } from './reading.ts';

type ReasoningPart = Part & { readonly type: 'reasoning' };

/** The signature is the whole detail but its text, as JSON, because there is no other place for its kind, format and index. */
export type ReasoningSignature = { readonly signature: string } | { readonly redacted: string };

/** Signature or encrypted text of a reasoning detail; undefined when it has neither. */
export function signatureOf(detail: JsonObject): ReasoningSignature | undefined {
  const { text: _, ...rest } = detail;
  if (text(detail.data) !== '') return { redacted: JSON.stringify(rest) };
  return text(detail.signature) === '' ? undefined : { signature: JSON.stringify(rest) };
}

/** The signed reasoning of a whole message; undefined without a signature. Text before an encrypted detail is its summary. */
export function signedReasoningIn(message: JsonObject): readonly ReasoningPart[] | undefined {
  const parts: ReasoningPart[] = [];
  let pendingText = '';
  for (const detail of listOf(message.reasoning_details)) {
    const signature = signatureOf(detail);
    const reasoningText = pendingText + (text(detail.text) || text(detail.summary));
    pendingText = signature && 'signature' in signature ? '' : reasoningText;
    if (!signature) continue;
    if ('redacted' in signature && pendingText !== '') parts.push({ type: 'reasoning', text: pendingText });
    parts.push({ type: 'reasoning', text: 'signature' in signature ? reasoningText : '', ...signature });
    pendingText = '';
  }
  if (parts.length === 0) return undefined;
  return pendingText === '' ? parts : [...parts, { type: 'reasoning', text: pendingText }];
}

/** The original detail of such reasoning; undefined for signatures of others. */
export function detailOf({ text: reasoningText, signature, redacted }: ReasoningPart): JsonObject | undefined {
  const detail = parseJson(redacted ?? signature ?? '');
  if (!isObject(detail) || !text(detail.type).startsWith('reasoning.')) return undefined;
  return reasoningText === '' ? detail : { ...detail, text: reasoningText };
}
