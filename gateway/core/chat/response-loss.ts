/** Features of a response that the caller's format drops or changes: the counterpart of request-loss.ts. */
import type { ChatRequest, ChatResponse, Choice, Part } from './chat.ts';
import { isObject, parseJson } from './json.ts';
import { dropped, type Warning } from './provider.ts';

/** Features that a response may have, by the name of their warning after `answer.`. */
export type ResponseFeature =
  | 'choices'
  /** With a URL; the others are separate features. */
  | 'citations'
  | 'citations.document'
  | 'citations.quote'
  | 'citations.span'
  | 'logprobs'
  /** Of content that is not text. */
  | 'logprobs.textless'
  | 'reasoning'
  | 'reasoning.signature'
  | 'reasoning.encrypted'
  | 'refusal'
  | 'images'
  | 'audio'
  | 'documents'
  | 'tool_calls'
  | 'tool_calls.signature'
  /** More tool calls than the one that the legacy format allows. */
  | 'function_call'
  /** That are no JSON object. */
  | 'tool_calls.arguments'
  /** Of interleaved text, reasoning and tool calls. */
  | 'order'
  | 'stop_sequence'
  | 'usage.audio_tokens'
  | 'usage.cache_write_tokens'
  | 'service_tier';

/** How a caller format loses a feature: dropped or approximated, and why. */
export interface ResponseLoss {
  readonly type: Warning['type'];
  readonly detail: string;
  /** Set when only one of the two forms loses it. */
  readonly only?: 'non-streaming' | 'streaming';
}

/** A caller format's losses; features without an entry are rendered exactly. */
export type ResponseLosses = Readonly<Partial<Record<ResponseFeature, ResponseLoss>>>;

/** A feature that the caller's format has no place for. */
export const lossOf = (detail: string): ResponseLoss => ({ type: 'dropped', detail });

/** A feature that the caller's format has in another shape; `only` limits it to streaming or non-streaming responses. */
export const approximationOf = (detail: string, only?: ResponseLoss['only']): ResponseLoss => ({
  type: 'approximated',
  detail,
  ...(only === undefined ? {} : { only }),
});

/**
 * `response` is the response as rendered for the caller. Content without a place in the vocabulary is lost to every format but the
 * provider's own.
 */
export function responseLossesOf(response: ChatResponse, table: ResponseLosses, request: ChatRequest): readonly Warning[] {
  const form = request.stream ? 'streaming' : 'non-streaming';
  const known = [...featuresIn(response, request)].flatMap((thing): readonly Warning[] => {
    const loss = table[thing];
    if (!loss || (loss.only ?? form) !== form) return [];
    return [{ type: loss.type, field: `answer.${thing}`, detail: loss.detail }];
  });
  const kinds = new Set(response.choices.flatMap(({ unread = [] }) => unread));
  const unmapped = [...kinds].map(what => dropped(`answer.${what}`, 'Only the wire format of its provider can express it.'));
  return [...known, ...unmapped];
}

function featuresIn(response: ChatResponse, request: ChatRequest): ReadonlySet<ResponseFeature> {
  const { choices, usage, serviceTier } = response;
  const features = new Set<ResponseFeature>(choices.flatMap(choice => [...choiceFeatures(choice, request)]));
  if (choices.length > 1) features.add('choices');
  if (usage?.audioInput || usage?.audioOutput) features.add('usage.audio_tokens');
  if (usage?.cacheWrite) features.add('usage.cache_write_tokens');
  if (serviceTier !== undefined) features.add('service_tier');
  return features;
}

function* choiceFeatures(
  { content, finish, logprobs = [] }: Choice,
  { reasoning, legacyFunctions }: ChatRequest,
): Generator<ResponseFeature> {
  for (const part of content) yield* partFeatures(part, reasoning?.shown !== false);
  if (logprobs.length > 0) yield 'logprobs';
  if (logprobs.length > 0 && !content.some(part => part.type === 'text')) yield 'logprobs.textless';
  if (finish.sequence !== undefined) yield 'stop_sequence';
  if (isInterleaved(content)) yield 'order';
  if (legacyFunctions && content.filter(part => part.type === 'tool-call').length > 1) yield 'function_call';
}

function* partFeatures(part: Part, showsThoughts: boolean): Generator<ResponseFeature> {
  switch (part.type) {
    case 'text':
      for (const { url, quote, span } of part.citations ?? []) {
        yield url === undefined ? 'citations.document' : 'citations';
        if (quote !== undefined) yield 'citations.quote';
        if (span !== undefined) yield 'citations.span';
      }
      return;
    case 'reasoning':
      if (part.text !== '' && showsThoughts) yield 'reasoning';
      if (part.signature !== undefined) yield 'reasoning.signature';
      if (part.redacted !== undefined) yield 'reasoning.encrypted';
      return;
    case 'tool-call':
      yield 'tool_calls';
      if (part.signature !== undefined) yield 'tool_calls.signature';
      if (part.arguments.trim() !== '' && !isObject(parseJson(part.arguments))) yield 'tool_calls.arguments';
      return;
    case 'refusal':
      yield 'refusal';
      return;
    case 'image':
      yield 'images';
      return;
    case 'audio':
      yield 'audio';
      return;
    case 'document':
      yield 'documents';
      return;
    case 'tool-result':
      return;
  }
}

const partOrder: Readonly<Record<Part['type'], number>> = {
  reasoning: 0,
  text: 1,
  refusal: 2,
  image: 3,
  document: 3,
  audio: 3,
  'tool-call': 4,
  'tool-result': 5,
};

const isInterleaved = (content: readonly Part[]): boolean =>
  content.some((part, at) => at > 0 && partOrder[part.type] < partOrder[content[at - 1]!.type]);
