/** A stream whose attempt broke while its caller was reading: what was said of it, and how another attempt goes on from there. */

import { type ChatRequest, isContent, type StreamEvent, type Usage } from '../core/chat.ts';
import type { StreamRenderer } from '../core/dialect.ts';
import type { OnBreak } from '../core/routing.ts';
import type { Attempt } from './attempt.ts';
import type { Delta } from './deliver.ts';

/** Of English prose; it need not be exact. */
const lettersPerToken = 4;

export class Mending {
  readonly type: OnBreak['type'] | undefined;
  readonly #lettersHeld: number;
  /** What the caller has read, while it is nothing but text. */
  #said: string | undefined = '';
  /** Blanks that the next attempt may say once more: none may stand at the end of a beginning that is given to it. */
  #blanks = '';
  #isOver = false;
  #prior: Usage | undefined;

  constructor(onBreak: OnBreak | undefined) {
    this.type = onBreak?.type;
    const held = onBreak?.type === 'hold' ? onBreak.tokens : undefined;
    this.#lettersHeld = held === undefined ? Number.POSITIVE_INFINITY : held * lettersPerToken;
  }

  /** Whether what is held back is enough to be released. */
  isEnough(held: readonly Delta[]): boolean {
    if (this.#lettersHeld === Number.POSITIVE_INFINITY) return false;
    let letters = 0;
    for (const { events } of held) for (const event of events) letters += lettersOf(event);
    return letters >= this.#lettersHeld;
  }

  get isContinuable(): boolean {
    return this.type === 'continue' && !this.#isOver && this.#said !== undefined && this.#said.trim() !== '';
  }

  /** What the target is asked that goes on with it. */
  asked(chat: ChatRequest): ChatRequest {
    const text = this.#said!.trimEnd();
    return { ...chat, messages: [...chat.messages, { role: 'assistant', content: [{ type: 'text', text }] }] };
  }

  /** Another attempt takes the place of the one that broke: true when it begins anew, false when it goes on. */
  begin(broken: Attempt, next: Attempt): boolean {
    next.flag(this.type === 'continue' ? 'continued' : 'restarted');
    if (this.type !== 'continue') return true;
    const { usage } = broken.record(false);
    if (this.#said !== undefined) this.#blanks = this.#said.slice(this.#said.trimEnd().length);
    if (usage) this.#prior = plus(this.#prior, usage);
    return false;
  }

  /** Of the events of an attempt that goes on, what the caller is still to be told. */
  rest(events: readonly StreamEvent[]): readonly StreamEvent[] {
    return events.flatMap((event): readonly StreamEvent[] => {
      switch (event.type) {
        case 'response-start':
          return [];
        case 'usage':
          return [{ ...event, usage: plus(this.#prior, event.usage) }];
        case 'text-delta':
          return this.#unsaid(event);
        default:
          return [event];
      }
    });
  }

  /** Remembers what is delivered, and has the renderer know of it where bytes pass it by. */
  told(events: readonly StreamEvent[], passed: StreamRenderer | undefined): void {
    if (this.type !== 'continue') return;
    for (const event of events) {
      passed?.render(event);
      if (event.type === 'text-delta' && event.choice === 0) {
        if (this.#said !== undefined) this.#said += event.text;
      } else if (isContent(event)) this.#said = undefined;
      else if (event.type === 'choice-end') this.#isOver = true;
    }
  }

  #unsaid(event: StreamEvent & { readonly type: 'text-delta' }): readonly StreamEvent[] {
    let { text } = event;
    while (this.#blanks !== '' && text !== '' && text[0] === this.#blanks[0]) {
      text = text.slice(1);
      this.#blanks = this.#blanks.slice(1);
    }
    if (text === '') return [];
    this.#blanks = '';
    return [{ ...event, text }];
  }
}

/** A chunk without choices: clients yield every data event, whatever its name. `discard_bytes` of the stream came before it. */
export const restartChunk = (discardBytes: number): string =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [], x_hindcast: { restart: true, discard_bytes: discardBytes } })}\n\n`;

function lettersOf(event: StreamEvent): number {
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

const plus = (a: Usage | undefined, b: Usage): Usage =>
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
