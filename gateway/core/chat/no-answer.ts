/** Responses that came with status 200 and are none: nothing at all, or an error as the finish reason. */
import type { Failure } from '../shared/failure.ts';
import type { ChatRequest, ChatResponse, Finish, Part } from './chat.ts';

/** The failure of a complete response without an answer; undefined for an answer. */
export function noAnswerIn({ choices, usage }: ChatResponse, request: ChatRequest): Failure | undefined {
  const broken = choices.find(({ finish }) => finish.reason === 'error');
  if (broken) return brokenAnswer(broken.finish);
  const isEmpty = choices.every(
    ({ content, finish, unread = [] }) => unread.length === 0 && isNothing(finish, request) && !content.some(isContent),
  );
  if (!isEmpty || isSilentEnd(choices[0]?.finish, usage?.output ?? 0, request)) return undefined;
  return { kind: 'invalid-response', message: `a response without any content (${choices[0]?.finish.raw || 'no finish reason'})` };
}

/** A response that its provider ended with an error, such as a malformed call. */
export const brokenAnswer = ({ raw }: Finish): Failure => ({
  kind: 'invalid-response',
  message: `the provider ended its response with ${raw || 'an error'}`,
});

/** A limit, a filter and a stop sequence may leave nothing, and that is the answer. */
const isNothing = ({ reason, sequence }: Finish, { stop }: ChatRequest): boolean =>
  reason === 'tool-calls' || reason === 'other' || (reason === 'stop' && sequence === undefined && stop.length === 0);

/** Claude says nothing when it has nothing to add to a tool's result. */
const isSilentEnd = (finish: Finish | undefined, outputTokens: number, { messages }: ChatRequest): boolean =>
  finish?.raw === 'end_turn' && outputTokens > 0 && (messages.at(-1)?.content.some(part => part.type === 'tool-result') ?? false);

function isContent(part: Part): boolean {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text !== '';
    case 'reasoning':
      return part.text !== '' || part.redacted !== undefined;
    default:
      return true;
  }
}
