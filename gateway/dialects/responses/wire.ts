/** Parts shared by streaming and non-streaming responses: the object around the output, items, status, usage. */

import type { ChatRequest, Choice, Citation, Finish, Part, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { approximationOf, lossOf, type ResponseLosses } from '../../core/chat/response-loss.ts';
import { logprobsOf } from '../openai/wire.ts';
import { type CallForm, callFormOf, callItem, toolsOf } from './calls.ts';

export interface ResponseBase {
  readonly id: string;
  readonly model: string;
  readonly created: number;
}

/** A response object. Clients require `id`, `object` and `output` only; some read the request's parameters from it. */
export const responseOf = ({ id, model, created }: ResponseBase, request: ChatRequest | undefined, members: JsonObject): JsonObject => ({
  id,
  object: 'response',
  created_at: created,
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  instructions: null,
  max_output_tokens: request?.maxOutputTokens ?? null,
  model,
  output: [],
  parallel_tool_calls: request?.parallelToolCalls ?? true,
  previous_response_id: null,
  reasoning: { effort: request?.reasoning?.effort ?? null, summary: null },
  store: false,
  temperature: request?.temperature ?? null,
  text: { format: formatOf(request) },
  tool_choice: choiceOf(request),
  tools: toolsOf(request),
  top_p: request?.topP ?? null,
  truncation: 'disabled',
  usage: null,
  metadata: request?.metadata ?? {},
  ...members,
});

const choiceOf = (request: ChatRequest | undefined): Json => {
  const { toolChoice: choice = { type: 'auto' } as const } = request ?? {};
  return choice.type === 'tool' ? { type: 'function', name: choice.name } : choice.type;
};

function formatOf(request: ChatRequest | undefined): JsonObject {
  const { output } = request ?? {};
  if (output?.type !== 'json-schema') return { type: output?.type === 'json' ? 'json_object' : 'text' };
  const { name, schema, strict, description } = output;
  return { type: 'json_schema', name, schema, strict: strict ?? false, description: description ?? null };
}

/** The status. A withheld response is incomplete; a refusal in text is a completed one. */
export function statusOf({ reason, raw }: Finish, isRefused: boolean): JsonObject {
  const incomplete = (why: string): JsonObject => ({ status: 'incomplete', incomplete_details: { reason: why } });
  switch (reason) {
    case 'stop':
    case 'tool-calls':
      return { status: 'completed' };
    case 'length':
      return incomplete('max_output_tokens');
    case 'content-filter':
      return incomplete('content_filter');
    case 'refusal':
      return isRefused ? { status: 'completed' } : incomplete('content_filter');
    default:
      return incomplete(raw || 'unknown');
  }
}

/** Usage in the shape of the Responses API. */
export const usageOf = ({ input, output, cached, cacheWrite, reasoning }: Usage): JsonObject => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: cached, ...(cacheWrite > 0 ? { cache_write_tokens: cacheWrite } : {}) },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: reasoning },
  total_tokens: input + output,
});

const nativeCitationTypes = ['url_citation', 'file_citation', 'container_file_citation', 'file_path'];

/** Offsets are relative to the text, `offset` characters into the response. A source without a URL becomes a file citation. */
export function annotationOf({ raw, url, title, document, span }: Citation, offset: number): JsonObject {
  if (isObject(raw) && nativeCitationTypes.includes(String(raw.type)) && raw.url_citation === undefined) return raw;
  const from = Math.max(0, (span?.from ?? 0) - offset);
  const to = Math.max(0, (span?.to ?? 0) - offset);
  if (url !== undefined) return { type: 'url_citation', url, title: title ?? url, start_index: from, end_index: to };
  return { type: 'file_citation', file_id: document ?? title ?? '', filename: title ?? document ?? '', index: to };
}

/** A part of output text with its annotations and log-probabilities. */
export const textPart = (text: string, annotations: readonly JsonObject[] = [], logprobs: readonly TokenLogprob[] = []): JsonObject => ({
  type: 'output_text',
  text,
  annotations,
  logprobs: logprobs.length > 0 ? logprobsOf(logprobs).content! : [],
});

/** A part with a refusal. */
export const refusalPart = (refusal: string): JsonObject => ({ type: 'refusal', refusal });

/** An output item with a message. */
export const messageItem = (id: string, content: readonly JsonObject[], status: string): JsonObject => ({
  id,
  type: 'message',
  status,
  role: 'assistant',
  content,
});

/** An output item with reasoning: its summary, and its encrypted text where there is one. */
export const reasoningItem = (id: string, text: string, encryptedContent: string | undefined): JsonObject => ({
  id,
  type: 'reasoning',
  summary: text === '' ? [] : [{ type: 'summary_text', text }],
  ...(encryptedContent === undefined ? {} : { encrypted_content: encryptedContent }),
});

/** Item ids are unique within a response and between responses. */
export const itemId = (kind: 'msg' | 'rs' | CallForm['kind'], responseId: string, index: number): string =>
  `${kind}_${responseId.replace(/[^a-zA-Z0-9]/g, '').slice(-40)}_${index}`;

/** A response's parts as items. Consecutive texts and refusals share a message, which has the log-probabilities. */
export function itemsOf({ content, logprobs = [] }: Choice, responseId: string, request?: ChatRequest): readonly JsonObject[] {
  const items: JsonObject[] = [];
  let messageParts: JsonObject[] = [];
  let tokens = logprobs;
  let length = 0;
  const close = (): void => {
    if (messageParts.length > 0) items.push(messageItem(itemId('msg', responseId, items.length), messageParts, 'completed'));
    messageParts = [];
  };
  for (const part of content) {
    if (part.type === 'text') {
      const annotations = (part.citations ?? []).map(citation => annotationOf(citation, length));
      messageParts.push(textPart(part.text, annotations, tokens));
      tokens = [];
      length += part.text.length;
    } else if (part.type === 'refusal') messageParts.push(refusalPart(part.text));
    else {
      close();
      for (const item of itemsOfPart(part, request)) items.push(item(itemId(kindOf(part, request), responseId, items.length)));
    }
  }
  close();
  return items;
}

const kindOf = (part: Part, request: ChatRequest | undefined): 'rs' | CallForm['kind'] =>
  part.type === 'tool-call' ? callFormOf(part, request).kind : 'rs';

/** Calls have no signature in this format, so it goes before them as an empty reasoning item. */
function itemsOfPart(part: Part, request: ChatRequest | undefined): readonly ((id: string) => JsonObject)[] {
  switch (part.type) {
    case 'reasoning':
      return [id => reasoningItem(id, part.text, part.signature ?? part.redacted)];
    case 'tool-call': {
      const call = (id: string): JsonObject => callItem(id, part, 'completed', request);
      return part.signature === undefined ? [call] : [id => reasoningItem(id, '', part.signature), call];
    }
    default:
      return [];
  }
}

const noSuchField = (what: string): string => `A response has no ${what}.`;
export const responseLosses: ResponseLosses = {
  choices: lossOf(noSuchField('second choice')),
  'citations.document': approximationOf('Rendered as a file, because the request of this format has no such document.'),
  'citations.quote': lossOf(noSuchField('words of a source')),
  'logprobs.textless': lossOf('In a response they belong to a text.'),
  images: lossOf(noSuchField('picture that no tool of OpenAI drew')),
  audio: lossOf(noSuchField('sound')),
  documents: lossOf(noSuchField('documents')),
  stop_sequence: lossOf('A response does not name the matched stop sequence.'),
  'usage.audio_tokens': lossOf('A response does not count audio tokens.'),
};
