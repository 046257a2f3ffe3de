/** How many tokens a request has, for clients that ask before they send: an estimate by length, which says that it is one. */
import type { ChatRequest, MediaSource, Part } from '../core/chat.ts';
import type { Dialect } from '../core/dialect.ts';
import { estimateUsage } from '../core/estimate.ts';

/** What a picture of usual size costs at the vendors that say so. */
const pictureTokens = 1_100;
/** Around each message stand a few tokens that nobody wrote. */
const messageTokens = 4;

export function countTokens(chat: ChatRequest): number {
  const told = chat.messages.flatMap(({ content }) => content);
  const text = [...told.map(textOf), ...chat.tools.map(tool => JSON.stringify(tool))].join('');
  const pictures = told.filter(part => part.type === 'image' || (part.type === 'document' && !isText(part.source))).length;
  const { input } = estimateUsage(Buffer.byteLength(text), { id: '', model: '', choices: [] });
  return input + pictures * pictureTokens + chat.messages.length * messageTokens;
}

const isText = (source: MediaSource): source is MediaSource & { type: 'inline' } =>
  source.type === 'inline' && source.mediaType.startsWith('text/');

function textOf(part: Part): string {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return part.text;
    case 'tool-call':
      return part.name + part.arguments;
    case 'tool-result':
      return part.content.map(textOf).join('');
    case 'document':
      return isText(part.source) ? part.source.data.slice(0, part.source.data.length * 0.75) : '';
    default:
      return '';
  }
}

/** In the shape of the dialect's own counter. */
export const countAnswer = ({ wire }: Dialect, tokens: number): object =>
  wire === 'gemini-generate' ? { totalTokens: tokens } : { input_tokens: tokens };
