/** Renders a stream as message events: blocks start, grow and stop one after another. The stop reason is sent at the end. */

import type { StreamOptions, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { Finish, StreamEvent, Usage } from '../../core/chat/chat.ts';
import { type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { SseEvent } from '../../core/chat/provider.ts';
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
  /** By call index; the calls of one response may grow in parallel. */
  readonly calls: Map<number, { readonly block: Block; arguments: string }>;
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
    calls: new Map(),
    refusalText: '',
    finish: undefined,
    usage: undefined,
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

function renderEvent(state: State, event: StreamEvent): string {
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
      state.calls.set(event.index, { block, arguments: '' });
      return signatureText + head;
    }
    case 'tool-call-delta': {
      const call = state.calls.get(event.index);
      if (!call || event.arguments === '') return '';
      call.arguments += event.arguments;
      return renderBlockDelta(call.block, { type: 'input_json_delta', partial_json: event.arguments });
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
  const closed = renderMessageStart(state) + closeOpenBlock(state) + closeCompleteCalls(state);
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

/** A call with incomplete arguments stays open, because it may still grow after another has started. */
function closeCompleteCalls(state: State): string {
  const complete = [...state.calls].filter(([, call]) => call.arguments !== '' && parseJson(call.arguments) !== undefined);
  for (const [index] of complete) state.calls.delete(index);
  return complete.map(([, { block }]) => renderBlockStop(block)).join('');
}

function renderEnd(state: State): string {
  const calls = [...state.calls.values()].map(({ block }) => renderBlockStop(block)).join('');
  state.calls.clear();
  const closing = renderMessageStart(state) + closeOpenBlock(state) + calls;
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
