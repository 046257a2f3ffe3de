/** Bytes that pass between a caller and a target of the same wire format: the few places that are changed. */
import { isObject, scanObject, spliceMembers } from '../../core/chat/json.ts';
import type { RawRequest } from '../../core/chat/provider.ts';

/** Members of a request for the gateway that mean nothing to a provider. */
export const gatewayMembers: readonly string[] = ['models', 'fallbacks'];

export interface RequestChanges {
  readonly model: string;
  readonly stream: boolean;
  /** Log-probabilities that the gateway adds to the caller's request, with `top` alternatives. */
  readonly logprobs: { readonly top: number } | undefined;
}

/** The caller's JSON text, exact except for the members that the gateway sets. */
export function patchRequestText(wire: string, raw: RawRequest, { model, stream, logprobs }: RequestChanges): string {
  const span = raw.members.get('model');
  const isOnlyModel = span && wire !== 'gemini-generate' && !(wire === 'openai-chat' && (stream || logprobs));
  if (isOnlyModel && !gatewayMembers.some(member => raw.members.has(member)))
    return raw.text.slice(0, span.start) + JSON.stringify(model) + raw.text.slice(span.end);
  const without = Object.fromEntries(gatewayMembers.map(member => [member, undefined]));
  // Gemini's model is in its path.
  if (wire === 'gemini-generate') return spliceMembers(raw.text, raw.members, { ...without, model: undefined });
  if (wire !== 'openai-chat') return spliceMembers(raw.text, raw.members, { model: JSON.stringify(model), ...without });
  return spliceMembers(raw.text, raw.members, {
    model: JSON.stringify(model),
    ...without,
    ...(stream ? { stream_options: streamOptions(raw) } : {}),
    ...(logprobs ? { logprobs: 'true' } : {}),
    ...(logprobs && logprobs.top > 0 ? { top_logprobs: String(logprobs.top) } : {}),
  });
}

const usageOption = Buffer.from(',"stream_options":{"include_usage":true}');

/**
 * The same as UTF-8, cut out of the caller's body without making a text of it; undefined where more than the model and a stream's usage
 * option changes, or where the body's bytes are not the text's characters.
 */
export function patchRequestBytes(wire: string, raw: RawRequest, body: Uint8Array, changes: RequestChanges): Buffer | undefined {
  const { text, members } = raw;
  const span = members.get('model');
  const isOther = !span || wire === 'gemini-generate' || (wire === 'openai-chat' && changes.logprobs);
  if (isOther || text.length !== body.length || gatewayMembers.some(member => members.has(member))) return undefined;
  const asksUsage = wire === 'openai-chat' && changes.stream;
  if (asksUsage && members.has('stream_options')) return undefined;
  const model = JSON.stringify(changes.model);
  const brace = asksUsage ? text.lastIndexOf('}') : body.length;
  const modelBytes = Buffer.byteLength(model);
  const patched = Buffer.allocUnsafe(body.length - (span.end - span.start) + modelBytes + (asksUsage ? usageOption.length : 0));
  patched.set(body.subarray(0, span.start));
  patched.write(model, span.start);
  patched.set(body.subarray(span.end, brace), span.start + modelBytes);
  if (asksUsage) {
    const end = brace - span.end + span.start + modelBytes;
    patched.set(usageOption, end);
    patched.set(body.subarray(brace), end + usageOption.length);
  }
  return patched;
}

/** Without `include_usage` a stream reports no token usage. */
function streamOptions({ text, members }: RawRequest): string {
  const span = members.get('stream_options');
  const current = span && text.slice(span.start, span.end);
  const options = current === undefined ? undefined : scanObject(current);
  return current !== undefined && options?.ok
    ? spliceMembers(current, options.members, { include_usage: 'true' })
    : '{"include_usage":true}';
}

/** A response's text with the caller's own tool names: each is a whole JSON string, and inside of another it would be escaped. */
export function withToolNames(data: string, toolNames: ReadonlyMap<string, string> | undefined): string {
  let text = data;
  for (const [sent, own] of toolNames ?? []) text = text.replaceAll(JSON.stringify(sent), () => JSON.stringify(own));
  return text;
}

// A quote after a comma or a brace cannot close a string that is valid JSON, so these never match inside of one.
const lastNullUsage = /,\s{0,9}"usage"\s{0,9}:\s{0,9}null(?=\s{0,9}[,}])/;
const firstNullUsage = /(?<=\{\s{0,9})"usage"\s{0,9}:\s{0,9}null\s{0,9},/;

/** Whether an event's text can hold a usage object; a cheap check before it is parsed. */
export const mentionsUsage = (data: string): boolean => data.includes('"usage"');

/** With usage requested, OpenAI writes `"usage":null` into every other chunk; it is removed for callers that did not request usage. */
export const withoutNullUsage = (data: string): string =>
  mentionsUsage(data) ? data.replace(lastNullUsage, '').replace(firstNullUsage, '') : data;

/** An answer or a chunk of one with its log-probabilities cut to `top` alternatives, or taken out; undefined when it is no JSON object. */
export function withoutLogprobs(data: string, top: number | undefined): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (!isObject(value) || !Array.isArray(value.choices)) return isObject(value) ? data : undefined;
  const choices = value.choices.map((choice: unknown) =>
    isObject(choice) && isObject(choice.logprobs)
      ? { ...choice, logprobs: top === undefined ? null : limitAlternatives(choice.logprobs, top) }
      : choice,
  );
  return JSON.stringify({ ...value, choices });
}

function limitAlternatives(logprobs: { readonly [key: string]: unknown }, top: number): object {
  const content = Array.isArray(logprobs.content)
    ? logprobs.content.map((token: unknown) =>
        isObject(token) && Array.isArray(token.top_logprobs) ? { ...token, top_logprobs: token.top_logprobs.slice(0, top) } : token,
      )
    : logprobs.content;
  return { ...logprobs, content };
}
