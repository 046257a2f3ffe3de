/** Token counts for answers whose provider said none: an estimate by length, always marked as one. */
import type { ChatResponse, Part, Usage } from './chat.ts';

/** English prose in today's encodings runs to about four bytes a token. */
const bytesPerToken = 4;

/** `requestBytes` is the length of the body sent upstream. */
export function estimateUsage(requestBytes: number, response: ChatResponse): Usage {
  const answered = response.choices.flatMap(choice => choice.content).reduce((sum, part) => sum + lengthOf(part), 0);
  return {
    input: Math.ceil(requestBytes / bytesPerToken),
    output: Math.ceil(answered / bytesPerToken),
    cached: 0,
    cacheWrite: 0,
    reasoning: 0,
    source: 'estimated',
  };
}

function lengthOf(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return part.text.length;
    case 'tool-call':
      return part.name.length + part.arguments.length;
    default:
      return 0;
  }
}
