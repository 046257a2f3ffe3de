/** A streamed answer as response events, numbered; that it is completed is held back until it is over. */
import type { ChatRequest, Finish, StreamEvent, Usage } from '../../core/chat.ts';
import type { CallerError, StreamOptions, StreamRenderer } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { frame } from '../anthropic/stream.ts';
import { Items } from './items.ts';
import { type Head, responseOf, statusOf, usageOf } from './wire.ts';

interface State {
  readonly asked: ChatRequest | undefined;
  readonly items: Items;
  tell: (type: string, data: JsonObject) => string;
  head: Head;
  begun: boolean;
  refused: boolean;
  finish: Finish;
  usage: Usage | undefined;
  tier: string | undefined;
}

export function renderStream({ asked, now = 0 }: StreamOptions): StreamRenderer {
  let sequence = 0;
  const tell = (type: string, data: JsonObject): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`;
  const state: State = {
    asked,
    items: new Items(tell),
    tell,
    head: { id: '', model: '', created: now },
    begun: false,
    refused: false,
    finish: { reason: 'other', raw: '' },
    usage: undefined,
    tier: undefined,
  };
  return {
    render: event => ('choice' in event && event.choice !== 0 ? '' : renderEvent(state, event)),
    frame: event => {
      sequence++;
      return frame(event);
    },
    end: () => ending(state),
    fail: error => failing(state, error),
  };
}

function renderEvent(state: State, event: StreamEvent): string {
  const { items } = state;
  switch (event.type) {
    case 'response-start': {
      const { id, model, created = state.head.created } = event;
      state.head = { id, model, created };
      items.answer = id;
      return '';
    }
    case 'text-delta':
      return begin(state) + items.say('text', event.text);
    case 'refusal-delta':
      state.refused = true;
      return begin(state) + items.say('refusal', event.text);
    case 'reasoning-delta':
      return begin(state) + items.think(event.text);
    case 'reasoning-signature':
      return begin(state) + items.seal(event.signature);
    case 'reasoning-redacted':
      return begin(state) + items.closeOpen() + items.seal(event.data);
    case 'citation':
      return begin(state) + items.cite(event.citation);
    case 'tier':
      state.tier = event.tier;
      return '';
    case 'tool-call-start': {
      const opening = begin(state);
      const proof = event.signature === undefined ? '' : items.closeOpen() + items.seal(event.signature);
      return opening + proof + items.call(event.index, event.id, event.name);
    }
    case 'tool-call-delta':
      return items.argue(event.index, event.arguments);
    case 'logprobs':
      items.weigh(event.tokens);
      return '';
    case 'choice-end':
      state.finish = event.finish;
      return '';
    case 'usage':
      state.usage = event.usage;
      return '';
    // What has no place in this format is a loss; a failure is told by fail().
    case 'media':
    case 'unread':
    case 'response-end':
    case 'failure':
      return '';
  }
}

function begin(state: State): string {
  if (state.begun) return '';
  state.begun = true;
  const response = responseOf(state.head, state.asked, {});
  return state.tell('response.created', { response }) + state.tell('response.in_progress', { response });
}

function ending(state: State): string {
  const { items, head, asked, finish, refused, usage, tier } = state;
  const closed = begin(state) + items.close();
  const status = statusOf(finish, refused);
  const response = responseOf(head, asked, {
    ...status,
    output: items.output,
    ...(usage ? { usage: usageOf(usage) } : {}),
    ...(tier === undefined ? {} : { service_tier: tier }),
  });
  return closed + state.tell(`response.${status.status}`, { response });
}

/** Some clients hear the one and some the other. */
function failing({ tell, head, asked, items }: State, { code, message, param }: CallerError): string {
  const output = items.output.filter(item => item !== undefined);
  const response = responseOf(head, asked, { status: 'failed', output, error: { code, message } });
  return tell('response.failed', { response }) + tell('error', { code, message, param });
}
