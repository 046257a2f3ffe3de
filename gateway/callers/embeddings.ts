/** Translates embeddings requests from OpenAI's format to Gemini's, and the responses back. */
import { isObject, type Json, type JsonObject, parseJson } from '../core/chat/json.ts';
import { invalid, type Refusal } from '../exchange/response/refusal.ts';

export interface GeminiEmbeddings {
  /** Appended to the base URL. */
  readonly path: string;
  readonly body: Buffer;
  /** The problem with the provider's response; undefined when it is valid. */
  validateResponse(body: Buffer): string | undefined;
  /** The response in OpenAI's format. */
  translateResponse(body: Buffer): Buffer;
}

const textsMax = 2_048;
const supportedFields = ['model', 'models', 'fallbacks', 'input', 'dimensions', 'encoding_format', 'user'];

/** The request in Gemini's format; an error response for what Gemini does not support. */
export function toGeminiEmbeddings(requestBody: JsonObject, model: string): GeminiEmbeddings | Refusal {
  const { input, dimensions, encoding_format: format = 'float' } = requestBody;
  const texts = typeof input === 'string' ? [input] : input;
  if (
    !Array.isArray(texts) ||
    texts.length === 0 ||
    texts.length > textsMax ||
    !texts.every(text => typeof text === 'string' && text !== '')
  ) {
    return invalid('invalid_value', `input must be a text or 1 to ${textsMax} texts: this target does not support tokens.`, 'input');
  }
  const other = Object.keys(requestBody).find(member => !supportedFields.includes(member));
  if (other !== undefined) {
    return invalid('unsupported_parameter', `This target does not support ${other.slice(0, 80)}. Remove it.`, other.slice(0, 80));
  }
  if (dimensions !== undefined && (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1)) {
    return invalid('invalid_type', 'dimensions must be a whole number of at least 1.', 'dimensions');
  }
  const name = model.startsWith('models/') ? model : `models/${model}`;
  const requests = (texts as readonly string[]).map(text => ({
    model: name,
    content: { parts: [{ text }] },
    ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
  }));
  return {
    path: `/v1beta/${name.toWellFormed().split('/').map(encodeURIComponent).join('/')}:batchEmbedContents`,
    body: Buffer.from(JSON.stringify({ requests })),
    validateResponse: response => embeddingsProblem(parseJson(response.toString()), 'embeddings', texts.length),
    translateResponse: response =>
      Buffer.from(JSON.stringify(toOpenAiList(parseJson(response.toString()), model, format === 'base64', texts as readonly string[]))),
  };
}

function toOpenAiList(answer: Json | undefined, model: string, isBase64: boolean, texts: readonly string[]): JsonObject {
  const embeddings = isObject(answer) && Array.isArray(answer.embeddings) ? (answer.embeddings as readonly Json[]) : [];
  const counted = isObject(answer) && isObject(answer.usageMetadata) ? answer.usageMetadata.promptTokenCount : undefined;
  const tokens = typeof counted === 'number' ? counted : estimateTokens(texts);
  return {
    object: 'list',
    data: embeddings.map((embedding, index) => {
      const values = isObject(embedding) && Array.isArray(embedding.values) ? (embedding.values as readonly number[]) : [];
      return { object: 'embedding', index, embedding: isBase64 ? encodeBase64(values) : values };
    }),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** The number of requested vectors: one for a text or its tokens, else the length of the list. Undefined for other input, which the provider rejects. */
export function countInputs(input: Json | undefined): number | undefined {
  if (typeof input === 'string') return 1;
  if (!Array.isArray(input)) return undefined;
  return input.length > 0 && input.every(token => typeof token === 'number') ? 1 : input.length;
}

/** The problem with a list of vectors; undefined when it is valid. With a vector missing, later vectors would belong to the wrong texts. */
export function embeddingsProblem(answer: Json | undefined, member: 'data' | 'embeddings', inputs: number | undefined): string | undefined {
  const list = isObject(answer) ? answer[member] : undefined;
  if (!Array.isArray(list)) return `a response without ${member}`;
  if (inputs !== undefined && list.length !== inputs) return `${list.length} embeddings for ${inputs} inputs`;
  const isVector = (entry: Json): boolean => {
    const vector = isObject(entry) ? (entry[member === 'data' ? 'embedding' : 'values'] ?? '') : '';
    return (typeof vector === 'string' || Array.isArray(vector)) && vector.length > 0;
  };
  const empty = (list as readonly Json[]).findIndex(entry => !isVector(entry));
  return empty < 0 ? undefined : `embedding ${empty} is not a vector`;
}

/** Estimated by length, for providers that report no usage. */
export const estimateTokens = (texts: readonly string[]): number =>
  Math.ceil(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 4);

/** 32-bit little-endian floats, as clients decode them. */
function encodeBase64(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString('base64');
}
