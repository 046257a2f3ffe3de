/** What a passed-through response used: tokens, seconds, characters, searches, images. Read from the response, else from the request. */
import { estimateTokens } from '../callers/embeddings.ts';
import type { Usage } from '../core/chat/chat.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../core/chat/json.ts';
import type { Operation } from '../core/exchange.ts';

export interface Consumption {
  readonly servedModel: string;
  readonly usage?: Usage;
  /** Of transcribed audio. */
  readonly seconds?: number;
  /** Of text turned into speech. */
  readonly characters?: number;
  readonly searches?: number;
  readonly images?: { readonly count: number; readonly size: string; readonly quality: string };
}

/** Fields of the request that prices depend on. */
export interface RequestFields {
  /** The text of a field; undefined when it is absent. */
  readonly text: (name: string) => string | undefined;
}

/** What the response used. `body` is its JSON, or the events of its stream in order; [] when it was neither. */
export function consumptionOf(operation: Operation, fields: RequestFields, body: readonly JsonObject[]): Consumption {
  // A stored response tells what it used when it was made.
  if (operation === 'responses') return { servedModel: '' };
  const last = body.findLast(event => isObject(event.usage)) ?? body.at(-1) ?? {};
  const usage = isObject(last.usage) ? last.usage : {};
  const servedModel = typeof last.model === 'string' ? last.model : '';
  const tokenUsage = tokensIn(usage);
  const base: Consumption = { servedModel, ...(tokenUsage ? { usage: tokenUsage } : {}) };
  switch (operation) {
    case 'images':
      return { ...base, ...imagesOf(fields, last, usage, tokenUsage) };
    case 'transcription':
    case 'translation': {
      const seconds = numberIn(usage.seconds) ?? numberIn(last.duration);
      return seconds === undefined ? base : { ...base, seconds };
    }
    case 'speech':
      return { ...base, characters: [...(fields.text('input') ?? '')].length };
    case 'rerank': {
      const billed = isObject(last.meta) && isObject(last.meta.billed_units) ? last.meta.billed_units : {};
      const searches = numberIn(billed.search_units);
      return searches === undefined ? base : { ...base, searches };
    }
    case 'embeddings':
      return tokenUsage ? base : { ...base, usage: estimateEmbeddingUsage(fields, last) };
    default:
      return base;
  }
}

/** Gemini reports tokens in `usageMetadata`, or not at all. */
function estimateEmbeddingUsage(fields: RequestFields, last: JsonObject): Usage {
  const counted = isObject(last.usageMetadata) ? numberIn(last.usageMetadata.promptTokenCount) : undefined;
  const input = counted ?? estimateTokens([fields.text('input') ?? '']);
  return { input, output: 0, cached: 0, cacheWrite: 0, reasoning: 0, source: counted === undefined ? 'estimated' : 'provider' };
}

function tokensIn(usage: JsonObject): Usage | undefined {
  const total = numberIn(usage.total_tokens);
  const input = numberIn(usage.input_tokens) ?? numberIn(usage.prompt_tokens) ?? total;
  if (input === undefined) return undefined;
  const output = numberIn(usage.output_tokens) ?? numberIn(usage.completion_tokens) ?? 0;
  const details = isObject(usage.input_tokens_details)
    ? usage.input_tokens_details
    : isObject(usage.input_token_details)
      ? usage.input_token_details
      : {};
  const audio = numberIn(details.audio_tokens);
  const cached = Math.min(input, numberIn(details.cached_tokens) ?? 0);
  return { input, output, cached, cacheWrite: 0, reasoning: 0, ...(audio ? { audioInput: audio } : {}), source: 'provider' };
}

/** The output tokens of an image model are image tokens, unless it reports them apart. */
function imagesOf(fields: RequestFields, last: JsonObject, usage: JsonObject, tokenUsage: Usage | undefined): Partial<Consumption> {
  const count = Array.isArray(last.data) ? last.data.length : 1;
  const size = textIn(last.size) ?? fields.text('size') ?? '1024x1024';
  const images = { count, size, quality: textIn(last.quality) ?? fields.text('quality') ?? 'standard' };
  if (!tokenUsage) return { images };
  const details = isObject(usage.input_tokens_details) ? usage.input_tokens_details : {};
  const outputDetails = isObject(usage.output_tokens_details) ? usage.output_tokens_details : {};
  const imageInput = numberIn(details.image_tokens) ?? 0;
  const imageOutput = numberIn(outputDetails.image_tokens) ?? tokenUsage.output;
  return { images, usage: { ...tokenUsage, ...(imageInput > 0 ? { imageInput } : {}), ...(imageOutput > 0 ? { imageOutput } : {}) } };
}

const numberIn = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
const textIn = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** The JSON objects of a response: its body, or the data of its events. [] when it holds none. */
export function objectsIn(contentType: string, bytes: Buffer): readonly JsonObject[] {
  if (/^text\/event-stream/i.test(contentType)) {
    return [...bytes.toString().matchAll(/^data: ?(\{.*\})\r?$/gm)].map(found => parseJson(found[1]!)).filter(value => isObject(value));
  }
  const value = /json/i.test(contentType) ? parseJson(bytes.toString()) : undefined;
  return isObject(value) ? [value] : [];
}
