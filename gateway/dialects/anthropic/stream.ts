/** Renders a stream as message events: blocks start, grow and stop one after another. The stop reason is sent at the end. */

import type { StreamOptions, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { ChatRequest, Finish, StreamEvent, Usage } from '../../core/chat/chat.ts';
import { type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent } from '../../core/chat/provider.ts';
import { estimateTokensByLength, tokenizableCall, usageFromCounts } from '../../core/money/token-estimate.ts';
import { citationOf } from './citations.ts';
import { errorOf, signatureBlock, stopOf, usageOf } from './wire.ts';

type BlockType = 'text' | 'thinking' | 'tool_use';

interface Block {
  readonly type: BlockType;
  readonly index: number;
  /** Set once its citation was sent; further text needs another block. */
  isCited?: true;
}

interface State {
  readonly hidesReasoning: boolean;
  id: string;
  model: string;
  isStarted: boolean;
  /** Number of blocks started so far. */
  count: number;
  /** The open block for text or reasoning. */
  open: Block | undefined;
  /** The open block for a call. */
  openCall: { readonly index: number; readonly block: Block; arguments: string } | undefined;
  /** Content that came while a call was incomplete: some vendors' calls grow in parallel, and blocks of this format never overlap. */
  waiting: StreamEvent[];
  refusalText: string;
  finish: Finish | undefined;
  usage: Usage | undefined;
  tier: string | undefined;
}

/** A renderer of message events. */
export function renderStream({ request }: StreamOptions): StreamRenderer {
  const state: State = {
    hidesReasoning: request?.reasoning?.shown === false,
    id: '',
    model: '',
    isStarted: false,
    count: 0,
    open: undefined,
    openCall: undefined,
    waiting: [],
    refusalText: '',
    finish: undefined,
    usage: request && estimatedInput(request),
    tier: undefined,
  };
  return {
    render: event => ('choice' in event && event.choice !== 0 ? '' : renderEvent(state, event)),
    frame: renderSseEvent,
    end: () => renderEnd(state),
    fail: error => renderNamedEvent('error', errorOf(error)),
  };
}

/** Includes the event's name, because clients of this format read it. */
export const renderSseEvent = ({ event, data }: SseEvent): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;

/** Clients show the input of the first event; the count of the provider comes with the last. */
const estimatedInput = (request: ChatRequest): Usage => usageFromCounts(tokenizableCall(request, undefined), estimateTokensByLength);

/** Whether an event begins or extends a block other than the open call's. */
const isOtherContent = (event: StreamEvent, call: number): boolean =>
  'choice' in event &&
  event.type !== 'choice-end' &&
  event.type !== 'logprobs' &&
  event.type !== 'unread' &&
  !(event.type === 'tool-call-delta' && event.index === call);

function renderEvent(state: State, event: StreamEvent): string {
  const { openCall } = state;
  if (!openCall || !isOtherContent(event, openCall.index)) return renderContent(state, event);
  if (isComplete(openCall)) return closeCall(state) + renderContent(state, event);
  state.waiting.push(event);
  return '';
}

const isComplete = ({ arguments: text }: { readonly arguments: string }): boolean => text !== '' && parseJson(text) !== undefined;

function closeCall(state: State): string {
  const { openCall } = state;
  state.openCall = undefined;
  return openCall ? renderBlockStop(openCall.block) : '';
}

/** What waited for the open call. */
function renderWaiting(state: State): string {
  const { waiting } = state;
  state.waiting = [];
  return waiting.map(event => renderEvent(state, event)).join('');
}

function renderContent(state: State, event: StreamEvent): string {
  switch (event.type) {
    case 'response-start':
      state.id = event.id;
      state.model = event.model;
      return '';
    case 'text-delta':
      return (state.open?.isCited ? closeOpenBlock(state) : '') + extendBlock(state, 'text', { type: 'text_delta', text: event.text });
    case 'reasoning-delta':
      return extendBlock(state, 'thinking', { type: 'thinking_delta', thinking: state.hidesReasoning ? '' : event.text });
    case 'reasoning-signature':
      return extendBlock(state, 'thinking', { type: 'signature_delta', signature: event.signature }) + closeOpenBlock(state);
    case 'reasoning-redacted':
      return renderCompleteBlock(state, { type: 'redacted_thinking', data: event.data });
    case 'citation':
      return renderCitation(state, citationOf(event.citation));
    case 'tool-call-start': {
      const signatureText = event.signature === undefined ? '' : renderCompleteBlock(state, signatureBlock(''), event.signature);
      const { head, block } = renderBlockStart(state, { type: 'tool_use', id: event.id, name: event.name, input: {} }, 'tool_use');
      state.openCall = { index: event.index, block, arguments: '' };
      return signatureText + head;
    }
    case 'tool-call-delta': {
      const call = state.openCall;
      if (call?.index !== event.index || event.arguments === '') return '';
      call.arguments += event.arguments;
      const delta = renderBlockDelta(call.block, { type: 'input_json_delta', partial_json: event.arguments });
      return state.waiting.length > 0 && isComplete(call) ? delta + closeCall(state) + renderWaiting(state) : delta;
    }
    case 'refusal-delta':
      state.refusalText += event.text;
      return renderMessageStart(state);
    case 'choice-end':
      state.finish = event.finish;
      return '';
    case 'usage':
      state.usage = event.usage;
      return '';
    case 'tier':
      state.tier = event.tier;
      return '';
    // Without a place in this format, so a loss; fail() renders failures.
    case 'logprobs':
    case 'media':
    case 'unread':
    case 'response-end':
    case 'failure':
      return '';
  }
}

/**
 * Sent with the first content, so that it includes the usage reported before. Output is reported at the end, because some clients add the
 * two.
 */
function renderMessageStart(state: State): string {
  if (state.isStarted) return '';
  state.isStarted = true;
  const { id, model, usage, tier } = state;
  const message = {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usageOf(usage, tier), output_tokens: 0 },
  };
  return renderNamedEvent('message_start', { type: 'message_start', message });
}

function extendBlock(state: State, type: 'text' | 'thinking', increment: JsonObject): string {
  if (state.open?.type === type) return renderBlockDelta(state.open, increment);
  const content = type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' };
  const { head, block } = renderBlockStart(state, content, type);
  state.open = block;
  return head + renderBlockDelta(block, increment);
}

/** Adds a citation to the open block. */
function renderCitation(state: State, citation: JsonObject): string {
  const rendered = extendBlock(state, 'text', { type: 'citations_delta', citation });
  if (state.open) state.open.isCited = true;
  return rendered;
}

function renderCompleteBlock(state: State, content: JsonObject, signature?: string): string {
  const { head, block } = renderBlockStart(state, content, 'thinking');
  const signatureDelta = signature === undefined ? '' : renderBlockDelta(block, { type: 'signature_delta', signature });
  return head + signatureDelta + renderBlockStop(block);
}

function renderBlockStart(state: State, content: JsonObject, type: BlockType): { readonly head: string; readonly block: Block } {
  const closed = renderMessageStart(state) + closeOpenBlock(state) + closeCall(state);
  const block: Block = { type, index: state.count++ };
  return {
    head: closed + renderNamedEvent('content_block_start', { type: 'content_block_start', index: block.index, content_block: content }),
    block,
  };
}

function closeOpenBlock(state: State): string {
  const { open } = state;
  state.open = undefined;
  return open ? renderBlockStop(open) : '';
}

function renderEnd(state: State): string {
  let closing = renderMessageStart(state) + closeOpenBlock(state) + closeCall(state);
  while (state.waiting.length > 0) closing += renderWaiting(state) + closeOpenBlock(state) + closeCall(state);
  const { finish = { reason: 'other', raw: '' } as const, refusalText, usage, tier } = state;
  const messageDelta = renderNamedEvent('message_delta', {
    type: 'message_delta',
    delta: stopOf(finish, refusalText),
    usage: usageOf(usage, tier),
  });
  return closing + messageDelta + renderNamedEvent('message_stop', { type: 'message_stop' });
}

const renderBlockDelta = ({ index }: Block, increment: JsonObject): string =>
  renderNamedEvent('content_block_delta', { type: 'content_block_delta', index, delta: increment });
const renderBlockStop = ({ index }: Block): string => renderNamedEvent('content_block_stop', { type: 'content_block_stop', index });
const renderNamedEvent = (event: string, data: Json): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
