/** Recovery of a stream that broke after its first content: what was sent, and how another attempt continues it. */

import type { StreamRenderer } from '../../core/chat/caller-format.ts';
import { type ChatRequest, isContentEvent, type StreamEvent, type Usage } from '../../core/chat/chat.ts';
import type { OnBreak } from '../../core/routing/contract.ts';
import type { Attempt } from '../attempt/attempt.ts';
import type { Delta } from '../response/render.ts';

/** Of English prose; it need not be exact. */
const charactersPerToken = 4;

/** Remembers what the caller has received, and says how another attempt continues a broken stream. */
export class StreamRecovery {
  readonly type: OnBreak['type'] | undefined;
  readonly #bufferCharacters: number;
  /** What the caller has read, while it is nothing but text. */
  #deliveredText: string | undefined = '';
  /** Trailing white space that the next attempt may repeat: a prefix must not end with any. */
  #trailingWhitespace = '';
  #isFinished = false;
  #priorUsage: Usage | undefined;

  constructor(onBreak: OnBreak | undefined) {
    this.type = onBreak?.type;
    const bufferTokens = onBreak?.type === 'hold' ? onBreak.tokens : undefined;
    this.#bufferCharacters = bufferTokens === undefined ? Number.POSITIVE_INFINITY : bufferTokens * charactersPerToken;
  }

  /** Whether what is held back is enough to be released. */
  canRelease(buffered: readonly Delta[]): boolean {
    if (this.#bufferCharacters === Number.POSITIVE_INFINITY) return false;
    let characters = 0;
    for (const { events } of buffered) for (const event of events) characters += charactersIn(event);
    return characters >= this.#bufferCharacters;
  }

  get isContinuable(): boolean {
    return this.type === 'continue' && !this.#isFinished && this.#deliveredText !== undefined && this.#deliveredText.trim() !== '';
  }

  /** The request for the target that continues the stream. */
  continuationRequest(chat: ChatRequest): ChatRequest {
    const text = this.#deliveredText!.trimEnd();
    return { ...chat, messages: [...chat.messages, { role: 'assistant', content: [{ type: 'text', text }] }] };
  }

  /** Replaces the broken attempt. Returns true for a restart, false for a continuation. */
  switchAttempt(broken: Attempt, next: Attempt): boolean {
    next.flag(this.type === 'continue' ? 'continued' : 'restarted');
    if (this.type !== 'continue') return true;
    const { usage } = broken.record(false);
    if (this.#deliveredText !== undefined) this.#trailingWhitespace = this.#deliveredText.slice(this.#deliveredText.trimEnd().length);
    if (usage) this.#priorUsage = addUsage(this.#priorUsage, usage);
    return false;
  }

  /** The events of a continuation that the caller has not received yet. */
  unsentEvents(events: readonly StreamEvent[]): readonly StreamEvent[] {
    return events.flatMap((event): readonly StreamEvent[] => {
      switch (event.type) {
        case 'response-start':
          return [];
        case 'usage':
          return [{ ...event, usage: addUsage(this.#priorUsage, event.usage) }];
        case 'text-delta':
          return this.#skipRepeatedWhitespace(event);
        default:
          return [event];
      }
    });
  }

  /** Remembers what is delivered, and has the renderer know of it where bytes pass it by. */
  recordDelivered(events: readonly StreamEvent[], verbatimRenderer: StreamRenderer | undefined): void {
    if (this.type !== 'continue') return;
    for (const event of events) {
      verbatimRenderer?.render(event);
      if (event.type === 'text-delta' && event.choice === 0) {
        if (this.#deliveredText !== undefined) this.#deliveredText += event.text;
      } else if (isContentEvent(event)) this.#deliveredText = undefined;
      else if (event.type === 'choice-end') this.#isFinished = true;
    }
  }

  #skipRepeatedWhitespace(event: StreamEvent & { readonly type: 'text-delta' }): readonly StreamEvent[] {
    let { text } = event;
    while (this.#trailingWhitespace !== '' && text !== '' && text[0] === this.#trailingWhitespace[0]) {
      text = text.slice(1);
      this.#trailingWhitespace = this.#trailingWhitespace.slice(1);
    }
    if (text === '') return [];
    this.#trailingWhitespace = '';
    return [{ ...event, text }];
  }
}

/** A chunk without choices: clients yield every data event, whatever its name. `discard_bytes` of the stream came before it. */
export const restartChunk = (discardBytes: number): string =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [], x_hindcast: { restart: true, discard_bytes: discardBytes } })}\n\n`;

function charactersIn(event: StreamEvent): number {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return event.text.length;
    case 'tool-call-delta':
      return event.arguments.length;
    default:
      return 0;
  }
}

const addUsage = (a: Usage | undefined, b: Usage): Usage =>
  a === undefined
    ? b
    : {
        ...b,
        input: a.input + b.input,
        output: a.output + b.output,
        cached: a.cached + b.cached,
        cacheWrite: a.cacheWrite + b.cacheWrite,
        reasoning: a.reasoning + b.reasoning,
        source: a.source === 'provider' ? b.source : 'estimated',
      };
