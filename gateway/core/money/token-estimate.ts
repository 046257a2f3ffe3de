/** Token counts for what a provider counted nothing for: an estimate, always marked as one. */
import type { ChatRequest, ChatResponse, Part, Usage } from '../chat/chat.ts';

/** English prose in today's encodings runs to about four bytes a token. */
const bytesPerToken = 4;
/** The frame of a message, and of the answer's beginning, in OpenAI's formats; others are alike. */
const tokensPerMessage = 3;
/** A picture of middling size. Vendors count from 85 to a few thousand. */
const tokensPerImage = 1_000;
/** A page of a document is about so many tokens and so many bytes. */
const documentPage = { tokens: 1_500, bytes: 50_000 };
/** A second of sound. */
const audioSecond = { tokens: 10, bytes: 16_000 };

/** What a call consists of, to be counted by whoever knows the model's encoding. */
export interface TokenizableCall {
  readonly prompt: readonly string[];
  /** Tokens of the prompt that are not text. */
  readonly promptFixedTokens: number;
  readonly response: readonly string[];
  readonly reasoning: readonly string[];
}

/** `response` is what came of an answer, which may be nothing. */
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

/** Of a request before it is sent, by the length of its body: pictures and files in it are no text. */
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

/** `count` gives the tokens of some texts together. */
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

/** By length alone, when nothing better is at hand. */
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

/** A code unit of a pair counts two bytes, its fellow the other two. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}

/** A cut answer's usage may have been told before most of its tokens came. */
export const usageAtLeast = (reported: Usage, estimated: Usage): Usage =>
  reported.output >= estimated.output ? reported : { ...reported, output: estimated.output, source: 'estimated' };
