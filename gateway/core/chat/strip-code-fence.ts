/** Removes the code fence that models put around JSON when they are only prompted for it. Callers parse the text. */
import type { ChatResponse, Choice, StreamEvent } from './chat.ts';
import type { Provider, StreamEnd, StreamParser } from './provider.ts';

/** The same provider, with the code fence removed from its responses' texts. */
export const stripCodeFence = (provider: Provider): Provider => ({
  ...provider,
  parseResponse: body => {
    const response = provider.parseResponse(body);
    return 'kind' in response ? response : stripResponse(response);
  },
  parseStream: () => stripStream(provider.parseStream()),
});

const stripResponse = (response: ChatResponse): ChatResponse => ({ ...response, choices: response.choices.map(stripChoice) });

function stripChoice(choice: Choice): Choice {
  const texts = choice.content.filter(part => part.type === 'text');
  const [only] = texts;
  if (texts.length !== 1 || !only) return choice;
  const fence = createFenceStripper();
  const text = fence.push(only.text) + fence.end();
  return text === only.text ? choice : { ...choice, content: choice.content.map(part => (part === only ? { ...only, text } : part)) };
}

function stripStream(parser: StreamParser): StreamParser {
  const fences = new Map<number, FenceStripper>();
  const strip = (events: readonly StreamEvent[]): readonly StreamEvent[] => events.flatMap(event => stripEvent(fences, event));
  return {
    parse: event => strip(parser.parse(event)),
    end: (): StreamEnd => {
      const end = parser.end();
      return end.complete ? { ...end, events: strip(end.events) } : end;
    },
  };
}

function stripEvent(fences: Map<number, FenceStripper>, event: StreamEvent): readonly StreamEvent[] {
  if (event.type !== 'text-delta' && event.type !== 'choice-end') return [event];
  const { choice } = event;
  const fence = fences.get(choice) ?? createFenceStripper();
  fences.set(choice, fence);
  const text = event.type === 'text-delta' ? fence.push(event.text) : fence.end();
  const released: readonly StreamEvent[] = text === '' ? [] : [{ type: 'text-delta', choice, text }];
  return event.type === 'text-delta' ? released : [...released, event];
}

interface FenceStripper {
  /** Returns the text that is certainly not part of the fence. */
  push(text: string): string;
  end(): string;
}

const opening = /^\s*```[\w-]{0,20}[ \t]*\r?\n\s*/;
/** Text that may still become an opening fence. */
const mayOpen = /^\s*(?:`{0,2}|```[\w-]{0,20}[ \t]*\r?)$/;
const bufferedMax = 200;
/** Text that is, or may become, the closing fence. */
const mayClose = /\s*`{0,3}\s*$/;

function createFenceStripper(): FenceStripper {
  let buffered = '';
  let state: 'start' | 'inside' | 'unfenced' = 'start';
  const releaseInside = (): string => {
    const from = Math.max(0, buffered.length - bufferedMax);
    const tail = mayClose.exec(buffered.slice(from))![0].length;
    const released = buffered.slice(0, buffered.length - tail);
    buffered = buffered.slice(buffered.length - tail);
    return released;
  };
  return {
    push: text => {
      if (state === 'unfenced') return text;
      buffered += text;
      if (state === 'inside') return releaseInside();
      const fence = opening.exec(buffered);
      if (fence) {
        state = 'inside';
        buffered = buffered.slice(fence[0].length);
        return releaseInside();
      }
      if (buffered.length <= bufferedMax && mayOpen.test(buffered)) return '';
      state = 'unfenced';
      const released = buffered;
      buffered = '';
      return released;
    },
    end: () => {
      const text = state === 'inside' ? buffered.replace(/\s*```\s*$/, '') : buffered;
      buffered = '';
      state = 'unfenced';
      return text;
    },
  };
}
