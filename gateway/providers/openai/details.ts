/** Signed and sealed thoughts as OpenRouter's `reasoning_details`: whoever made them wants them back as they were, with their kind and format. */
import type { Part } from '../../core/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { listOf, text } from './reading.ts';

type Thought = Part & { readonly type: 'reasoning' };

/** The proof of a detail is all of it but its words, as JSON: there is no other place for its kind, its format and its number. */
export type Proof = { readonly signature: string } | { readonly redacted: string };

export function proofOf(detail: JsonObject): Proof | undefined {
  const { text: _, ...rest } = detail;
  if (text(detail.data) !== '') return { redacted: JSON.stringify(rest) };
  return text(detail.signature) === '' ? undefined : { signature: JSON.stringify(rest) };
}

/** The thoughts of a whole message with their proofs; undefined where nothing is proven. Words before a sealed thought are its summary. */
export function thoughtsIn(message: JsonObject): readonly Thought[] | undefined {
  const thoughts: Thought[] = [];
  let open = '';
  for (const detail of listOf(message.reasoning_details)) {
    const proof = proofOf(detail);
    const words = open + (text(detail.text) || text(detail.summary));
    open = proof && 'signature' in proof ? '' : words;
    if (!proof) continue;
    if ('redacted' in proof && open !== '') thoughts.push({ type: 'reasoning', text: open });
    thoughts.push({ type: 'reasoning', text: 'signature' in proof ? words : '', ...proof });
    open = '';
  }
  if (thoughts.length === 0) return undefined;
  return open === '' ? thoughts : [...thoughts, { type: 'reasoning', text: open }];
}

/** The detail that such a thought was; undefined for proofs of others. */
export function detailOf({ text: words, signature, redacted }: Thought): JsonObject | undefined {
  const detail = parseJson(redacted ?? signature ?? '');
  if (!isObject(detail) || !text(detail.type).startsWith('reasoning.')) return undefined;
  return words === '' ? detail : { ...detail, text: words };
}
