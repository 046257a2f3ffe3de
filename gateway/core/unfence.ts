/** Models that are only asked for JSON, and not held to it, put it into a code fence: their callers parse it, and get it without. */
import type { ChatResponse, Choice, StreamEvent } from './chat.ts';
import type { Provider, StreamEnd, StreamParser } from './provider.ts';

/** The same provider, whose answers' texts stand without the fence around them. */
export const unfenced = (provider: Provider): Provider => ({
  ...provider,
  parseResponse: body => {
    const response = provider.parseResponse(body);
    return 'kind' in response ? response : bare(response);
  },
  parseStream: () => barely(provider.parseStream()),
});

const bare = (response: ChatResponse): ChatResponse => ({ ...response, choices: response.choices.map(withoutFence) });

function withoutFence(choice: Choice): Choice {
  const texts = choice.content.filter(part => part.type === 'text');
  const [only] = texts;
  if (texts.length !== 1 || !only) return choice;
  const fence = openFence();
  const text = fence.push(only.text) + fence.end();
  return text === only.text ? choice : { ...choice, content: choice.content.map(part => (part === only ? { ...only, text } : part)) };
}

function barely(parser: StreamParser): StreamParser {
  const fences = new Map<number, Fence>();
  const told = (events: readonly StreamEvent[]): readonly StreamEvent[] => events.flatMap(event => seen(fences, event));
  return {
    parse: event => told(parser.parse(event)),
    end: (): StreamEnd => {
      const end = parser.end();
      return end.complete ? { ...end, events: told(end.events) } : end;
    },
  };
}

function seen(fences: Map<number, Fence>, event: StreamEvent): readonly StreamEvent[] {
  if (event.type !== 'text-delta' && event.type !== 'choice-end') return [event];
  const { choice } = event;
  const fence = fences.get(choice) ?? openFence();
  fences.set(choice, fence);
  const text = event.type === 'text-delta' ? fence.push(event.text) : fence.end();
  const said: readonly StreamEvent[] = text === '' ? [] : [{ type: 'text-delta', choice, text }];
  return event.type === 'text-delta' ? said : [...said, event];
}

interface Fence {
  /** What is sure to be no part of the fence. */
  push(text: string): string;
  end(): string;
}

const opening = /^\s*```[\w-]{0,20}[ \t]*\r?\n\s*/;
/** What may still become an opening. */
const mayOpen = /^\s*(?:`{0,2}|```[\w-]{0,20}[ \t]*\r?)$/;
const heldMax = 200;
/** What may be, or become, the closing one. */
const mayClose = /\s*`{0,3}\s*$/;

function openFence(): Fence {
  let held = '';
  let state: 'start' | 'within' | 'plain' = 'start';
  const within = (): string => {
    const from = Math.max(0, held.length - heldMax);
    const tail = mayClose.exec(held.slice(from))![0].length;
    const sure = held.slice(0, held.length - tail);
    held = held.slice(held.length - tail);
    return sure;
  };
  return {
    push: text => {
      if (state === 'plain') return text;
      held += text;
      if (state === 'within') return within();
      const fence = opening.exec(held);
      if (fence) {
        state = 'within';
        held = held.slice(fence[0].length);
        return within();
      }
      if (held.length <= heldMax && mayOpen.test(held)) return '';
      state = 'plain';
      const told = held;
      held = '';
      return told;
    },
    end: () => {
      const rest = state === 'within' ? held.replace(/\s*```\s*$/, '') : held;
      held = '';
      state = 'plain';
      return rest;
    },
  };
}
