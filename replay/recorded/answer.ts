/** Parses a recorded response from the bytes that the caller got. */
import type { ChatResponse, StreamEvent } from '../../gateway/core/chat/chat.ts';
import { collectResponse } from '../../gateway/core/chat/collect.ts';
import type { Json } from '../../gateway/core/chat/json.ts';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';
import { sseDecoder } from '../../gateway/transport/frames.ts';

/** The response, or a Failure. `wire` is a provider with the caller's wire format. A cut stream gives what had arrived. */
export function readAnswer(wire: Provider, stream: boolean, bytes: Uint8Array): ChatResponse | Failure {
  if (!stream) {
    try {
      return wire.parseResponse(JSON.parse(Buffer.from(bytes).toString()) as Json);
    } catch {
      return { kind: 'invalid-response', message: 'the recorded response is not JSON' };
    }
  }
  const events: StreamEvent[] = [];
  const parser = wire.parseStream();
  const frames = sseDecoder({
    event: event => events.push(...parser.parse(event)),
    comment: () => {},
    overflow: () => {},
  });
  frames.feed(bytes);
  frames.end();
  const end = parser.end();
  if (end.complete) events.push(...end.events);
  return collectResponse(events.filter(event => event.type !== 'failure'));
}

/** The text and tool calls of the first choice, which diff compares. */
export function contentOf(response: ChatResponse | Failure): Pick<Answer, 'text' | 'toolCalls'> {
  const content = 'kind' in response ? [] : (response.choices[0]?.content ?? []);
  return {
    text: content.map(part => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join(''),
    toolCalls: content.flatMap(part => (part.type === 'tool-call' ? [{ name: part.name, arguments: part.arguments }] : [])),
  };
}

export interface ToolCall {
  readonly name: string;
  /** JSON text as the model wrote it. */
  readonly arguments: string;
}

/** A response as the caller got it, with its usage, cost and latency: one side of a comparison. */
export interface Answer {
  readonly outcome: string;
  readonly target: string;
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finish: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly reasoningTokens?: number;
  readonly escalations?: number;
  /** Undefined when the request has no schema. */
  readonly schemaValid?: boolean;
  /** Undefined when the price is unknown. */
  readonly costNanoUsd?: NanoUsd;
  readonly latencyMs: Milliseconds;
  /** To the first content; undefined when there was none. */
  readonly firstTokenMs?: Milliseconds;
}
