/** Estimates token counts that a provider did not give; always marked as estimated. */
import type { ChatRequest, ChatResponse, Part, Usage } from '../chat/chat.ts';

/** English prose averages about four bytes a token in current encodings. */
const bytesPerToken = 4;
/** Tokens added by each message and by the start of the response in OpenAI's formats; other formats are similar. */
const tokensPerMessage = 3;
/** A medium-sized image. Vendors count from 85 to a few thousand. */
const tokensPerImage = 1_000;
/** Typical tokens and bytes of a document page. */
const documentPage = { tokens: 1_500, bytes: 50_000 };
/** A second of audio. */
const audioSecond = { tokens: 10, bytes: 16_000 };

/** The texts of a call to be tokenized with the model's encoding. */
export interface TokenizableCall {
  readonly prompt: readonly string[];
  /** Prompt tokens that are not text. */
  readonly promptFixedTokens: number;
  readonly response: readonly string[];
  readonly reasoning: readonly string[];
}

/** `response` is the response so far, undefined for none. */
export function tokenizableCall(request: ChatRequest, response: ChatResponse | undefined): TokenizableCall {
  const parts = request.messages.flatMap(message => message.content);
  const responseParts = response?.choices.flatMap(choice => choice.content) ?? [];
  const { output, tools } = request;
  return {
    prompt: [
      ...parts.flatMap(textsOf),
      ...tools.map(tool => JSON.stringify(tool)),
      ...(output?.type === 'json-schema' ? [JSON.stringify(output.schema)] : []),
    ],
    promptFixedTokens: tokensPerMessage * (request.messages.length + 1) + parts.reduce((sum, part) => sum + fixedTokensOf(part), 0),
    response: responseParts.flatMap(textsOf),
    reasoning: responseParts.flatMap(part => (part.type === 'reasoning' ? textsOf(part) : [])),
  };
}

/** Estimated prompt tokens before sending, from the body's length without images and files. */
export function estimatePromptTokens({ messages }: ChatRequest, bodyBytes: number): number {
  let mediaBytes = 0;
  let fixed = 0;
  for (const { content } of messages) {
    for (const part of content) {
      mediaBytes += inlineBytes(part);
      fixed += fixedTokensOf(part);
    }
  }
  return Math.ceil(Math.max(0, bodyBytes - mediaBytes) / bytesPerToken) + fixed;
}

function inlineBytes(part: Part): number {
  if (part.type === 'tool-result') return part.content.reduce((sum, inner) => sum + inlineBytes(inner), 0);
  return 'source' in part && part.source.type === 'inline' ? part.source.data.length : 0;
}

/** `count` returns the total tokens of some texts. */
export function usageFromCounts(
  { prompt, promptFixedTokens, response, reasoning }: TokenizableCall,
  count: (texts: readonly string[]) => number,
): Usage {
  return {
    input: count(prompt) + promptFixedTokens,
    output: count(response),
    cached: 0,
    cacheWrite: 0,
    reasoning: count(reasoning),
    source: 'estimated',
  };
}

/** An estimate from length alone, when nothing better is available. */
export const estimateTokensByLength = (texts: readonly string[]): number =>
  Math.ceil(texts.reduce((sum, text) => sum + utf8Length(text), 0) / bytesPerToken);

function textsOf(part: Part): readonly string[] {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return [part.text];
    case 'tool-call':
      return [part.name, part.arguments];
    case 'tool-result':
      return part.content.flatMap(textsOf);
    default:
      return [];
  }
}

function fixedTokensOf(part: Part): number {
  switch (part.type) {
    case 'image':
      return tokensPerImage;
    case 'document':
      return mediaTokens(part, documentPage);
    case 'audio':
      return mediaTokens(part, audioSecond);
    case 'tool-result':
      return part.content.reduce((sum, inner) => sum + fixedTokensOf(inner), 0);
    default:
      return 0;
  }
}

function mediaTokens({ source }: Part & { type: 'document' | 'audio' }, { tokens, bytes }: typeof documentPage): number {
  const length = source.type === 'inline' ? (source.data.length * 3) / 4 : bytes;
  return tokens * Math.ceil(length / bytes);
}

const wholeLengthMax = 64 * 1024;
const sampleStep = 17;

/** Each half of a surrogate pair counts as two bytes. Of a long text every 17th unit is looked at. */
function utf8Length(text: string): number {
  const step = text.length > wholeLengthMax ? sampleStep : 1;
  let [bytes, units] = [0, 0];
  for (let i = 0; i < text.length; i += step, units++) {
    const unit = text.charCodeAt(i);
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return step === 1 ? bytes : Math.round((bytes / units) * text.length);
}

/** A cut response's usage may have been reported before most of its tokens arrived. */
export const usageAtLeast = (reported: Usage, estimated: Usage): Usage =>
  reported.output >= estimated.output ? reported : { ...reported, output: estimated.output, source: 'estimated' };
