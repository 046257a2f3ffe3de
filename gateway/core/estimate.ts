/** Token counts for answers whose provider said none: an estimate by length, always marked as one. */
import type { ChatResponse, Part, Usage } from './chat.ts';

/** English prose in today's encodings runs to about four bytes a token. */
const bytesPerToken = 4;

/** `requestBytes` is the length of the body sent upstream. */
export function estimateUsage(requestBytes: number, response: ChatResponse): Usage {
  const parts = response.choices.flatMap(choice => choice.content);
  const tokensOf = (some: readonly Part[]): number => Math.ceil(some.reduce((sum, part) => sum + bytesOf(part), 0) / bytesPerToken);
  return {
    input: Math.ceil(requestBytes / bytesPerToken),
    output: tokensOf(parts),
    cached: 0,
    cacheWrite: 0,
    reasoning: tokensOf(parts.filter(part => part.type === 'reasoning')),
    source: 'estimated',
  };
}

function bytesOf(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return utf8Length(part.text);
    case 'tool-call':
      return utf8Length(part.name) + utf8Length(part.arguments);
    default:
      return 0;
  }
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
