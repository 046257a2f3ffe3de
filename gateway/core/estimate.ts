/** Token counts for what a provider counted nothing for: an estimate, always marked as one. */
import type { ChatRequest, ChatResponse, Part, Usage } from './chat.ts';

/** English prose in today's encodings runs to about four bytes a token. */
const bytesPerToken = 4;
/** The frame of a message, and of the answer's beginning, in OpenAI's formats; others are alike. */
const tokensPerMessage = 3;
/** A picture of middling size. Vendors count from 85 to a few thousand. */
const tokensPerImage = 1_000;
/** A page of a document is about so many tokens and so many bytes. */
const page = { tokens: 1_500, bytes: 50_000 };
/** A second of sound. */
const second = { tokens: 10, bytes: 16_000 };

/** What a call consists of, to be counted by whoever knows the model's encoding. */
export interface Countable {
  readonly prompt: readonly string[];
  /** Tokens of the prompt that are not text. */
  readonly promptFixed: number;
  readonly answer: readonly string[];
  readonly thoughts: readonly string[];
}

/** `response` is what came of an answer, which may be nothing. */
export function countable(request: ChatRequest, response: ChatResponse | undefined): Countable {
  const parts = request.messages.flatMap(message => message.content);
  const said = response?.choices.flatMap(choice => choice.content) ?? [];
  const { output, tools } = request;
  return {
    prompt: [
      ...parts.flatMap(textsOf),
      ...tools.map(tool => JSON.stringify(tool)),
      ...(output?.type === 'json-schema' ? [JSON.stringify(output.schema)] : []),
    ],
    promptFixed: tokensPerMessage * (request.messages.length + 1) + parts.reduce((sum, part) => sum + fixedOf(part), 0),
    answer: said.flatMap(textsOf),
    thoughts: said.flatMap(part => (part.type === 'reasoning' ? textsOf(part) : [])),
  };
}

/** Of a request before it is sent, by the length of its body: pictures and files in it are no text. */
export function promptTokens({ messages }: ChatRequest, bodyBytes: number): number {
  let mediaBytes = 0;
  let fixed = 0;
  for (const { content } of messages) {
    for (const part of content) {
      mediaBytes += inlineBytes(part);
      fixed += fixedOf(part);
    }
  }
  return Math.ceil(Math.max(0, bodyBytes - mediaBytes) / bytesPerToken) + fixed;
}

function inlineBytes(part: Part): number {
  if (part.type === 'tool-result') return part.content.reduce((sum, inner) => sum + inlineBytes(inner), 0);
  return 'source' in part && part.source.type === 'inline' ? part.source.data.length : 0;
}

/** `count` gives the tokens of some texts together. */
export function usageOf({ prompt, promptFixed, answer, thoughts }: Countable, count: (texts: readonly string[]) => number): Usage {
  return {
    input: count(prompt) + promptFixed,
    output: count(answer),
    cached: 0,
    cacheWrite: 0,
    reasoning: count(thoughts),
    source: 'estimated',
  };
}

/** By length alone, when nothing better is at hand. */
export const byLength = (texts: readonly string[]): number =>
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

function fixedOf(part: Part): number {
  switch (part.type) {
    case 'image':
      return tokensPerImage;
    case 'document':
      return pieces(part, page);
    case 'audio':
      return pieces(part, second);
    case 'tool-result':
      return part.content.reduce((sum, inner) => sum + fixedOf(inner), 0);
    default:
      return 0;
  }
}

function pieces({ source }: Part & { type: 'document' | 'audio' }, { tokens, bytes }: typeof page): number {
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
export const atLeast = (said: Usage, estimated: Usage): Usage =>
  said.output >= estimated.output ? said : { ...said, output: estimated.output, source: 'estimated' };
