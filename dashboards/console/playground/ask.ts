/** One question to one target, as any caller asks it: streamed, recorded, paid by the key that is given. */
import { answerTurns } from '../text/turns/answer.ts';

export interface Asked {
  readonly target: string;
  readonly state: 'waiting' | 'streaming' | 'done' | 'failed';
  readonly text: string;
  readonly firstMs: number | null;
  readonly totalMs: number | null;
  /** Id of its exchange; '' until the gateway has answered. */
  readonly exchange: string;
}

export interface Question {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  /** '' without keys. */
  readonly key: string;
}

const tagHeader = (name: string): string => `x-hindcast-tag-${name}`;

/** How a target stands before it is asked. */
export const waiting = (target: string): Asked => ({ target, state: 'waiting', text: '', firstMs: null, totalMs: null, exchange: '' });

/** Tells of every piece as it comes. Rejects never; a failure is a state. */
export async function ask(target: string, { messages, key }: Question, signal: AbortSignal, tell: (asked: Asked) => void): Promise<void> {
  const begun = performance.now();
  let asked = waiting(target);
  const update = (change: Partial<Asked>): void => {
    asked = { ...asked, ...change };
    tell(asked);
  };
  try {
    const response = await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
        [tagHeader('source')]: 'playground',
      },
      body: JSON.stringify({ model: target, messages, stream: true }),
      signal,
    });
    update({ exchange: response.headers.get('x-request-id') ?? '' });
    let body = '';
    for await (const piece of piecesOf(response)) {
      body += piece;
      const text = textOf(body);
      if (text !== asked.text) update({ state: 'streaming', text, firstMs: asked.firstMs ?? performance.now() - begun });
    }
    update({ state: response.ok ? 'done' : 'failed', text: textOf(body) || body, totalMs: performance.now() - begun });
  } catch (error) {
    update({ state: 'failed', text: signal.aborted ? 'Stopped.' : String(error), totalMs: performance.now() - begun });
  }
}

async function* piecesOf({ body }: Response): AsyncGenerator<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const read = await reader?.read();
    if (!read || read.done) return;
    yield read.value;
  }
}

const textOf = (body: string): string =>
  answerTurns(body)
    .flatMap(({ parts }) => parts.map(part => ('text' in part ? part.text : `${part.name}(${part.input})`)))
    .join('\n');
