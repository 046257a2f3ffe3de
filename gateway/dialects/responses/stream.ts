/** Renders a stream as numbered response events. The completion is sent at the end. */

import type { CallerError, StreamOptions, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { ChatRequest, Finish, StreamEvent, Usage } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { renderSseEvent } from '../anthropic/stream.ts';
import { OutputItems } from './items.ts';
import { type ResponseBase, responseOf, statusOf, usageOf } from './wire.ts';

interface State {
  readonly request: ChatRequest | undefined;
  readonly items: OutputItems;
  emit: (type: string, data: JsonObject) => string;
  head: ResponseBase;
  isStarted: boolean;
  refused: boolean;
  finish: Finish;
  usage: Usage | undefined;
  tier: string | undefined;
}

export function renderStream({ request, now = 0 }: StreamOptions): StreamRenderer {
  let sequence = 0;
  const emit = (type: string, data: JsonObject): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`;
  const state: State = {
    request,
    items: new OutputItems(emit, request),
    emit,
    head: { id: '', model: '', created: now },
    isStarted: false,
    refused: false,
    finish: { reason: 'other', raw: '' },
    usage: undefined,
    tier: undefined,
  };
  return {
    render: event => ('choice' in event && event.choice !== 0 ? '' : renderEvent(state, event)),
    frame: event => {
      sequence++;
      return renderSseEvent(event);
    },
    end: () => renderEnd(state),
    fail: error => renderFailureEvents(state, error),
  };
}

function renderEvent(state: State, event: StreamEvent): string {
  const { items } = state;
  switch (event.type) {
    case 'response-start': {
      const { id, model, created = state.head.created } = event;
      state.head = { id, model, created };
      items.responseId = id;
      return '';
    }
    case 'text-delta':
      return renderStart(state) + items.addText('text', event.text);
    case 'refusal-delta':
      state.refused = true;
      return renderStart(state) + items.addText('refusal', event.text);
    case 'reasoning-delta':
      return renderStart(state) + items.addReasoning(event.text);
    case 'reasoning-signature':
      return renderStart(state) + items.addEncryptedContent(event.signature);
    case 'reasoning-redacted':
      return renderStart(state) + items.closeOpen() + items.addEncryptedContent(event.data);
    case 'citation':
      return renderStart(state) + items.addCitation(event.citation);
    case 'tier':
      state.tier = event.tier;
      return '';
    case 'tool-call-start': {
      const opening = renderStart(state);
      const proof = event.signature === undefined ? '' : items.closeOpen() + items.addEncryptedContent(event.signature);
      return opening + proof + items.addCall(event);
    }
    case 'tool-call-delta':
      return items.addCallArguments(event.index, event.arguments);
    case 'logprobs':
      items.addLogprobs(event.tokens);
      return '';
    case 'choice-end':
      state.finish = event.finish;
      return '';
    case 'usage':
      state.usage = event.usage;
      return '';
    // Without a place in this format, so a loss; fail() renders failures.
    case 'media':
    case 'unread':
    case 'response-end':
    case 'failure':
      return '';
  }
}

function renderStart(state: State): string {
  if (state.isStarted) return '';
  state.isStarted = true;
  const response = responseOf(state.head, state.request, {});
  return state.emit('response.created', { response }) + state.emit('response.in_progress', { response });
}

function renderEnd(state: State): string {
  const { items, head, request, finish, refused, usage, tier } = state;
  const closed = renderStart(state) + items.close();
  const status = statusOf(finish, refused);
  const response = responseOf(head, request, {
    ...status,
    output: items.output,
    ...(usage ? { usage: usageOf(usage) } : {}),
    ...(tier === undefined ? {} : { service_tier: tier }),
  });
  return closed + state.emit(`response.${status.status}`, { response });
}

/** Both error events, because some clients read one and some the other. */
function renderFailureEvents({ emit, head, request, items }: State, { code, message, param }: CallerError): string {
  const output = items.output.filter(item => item !== undefined);
  const response = responseOf(head, request, { status: 'failed', output, error: { code, message } });
  return emit('response.failed', { response }) + emit('error', { code, message, param });
}
