/** A streamed answer as message events: blocks open, grow and close in turn; how it stopped is held back until it is over. */
import type { Finish, StreamEvent, Usage } from '../../core/chat.ts';
import type { StreamOptions, StreamRenderer } from '../../core/dialect.ts';
import { type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { SseEvent } from '../../core/provider.ts';
import { citationOf } from './citations.ts';
import { errorOf, proofBlock, stopOf, usageOf } from './wire.ts';

type BlockType = 'text' | 'thinking' | 'tool_use';

interface Block {
  readonly type: BlockType;
  readonly index: number;
  /** Its text is told: what follows is not what is cited. */
  isCited?: true;
}

interface State {
  readonly hidesThoughts: boolean;
  id: string;
  model: string;
  begun: boolean;
  /** Blocks opened so far. */
  count: number;
  /** The block that text or thoughts go into. */
  open: Block | undefined;
  /** By the number of the call; calls of one answer may grow side by side. */
  readonly calls: Map<number, { readonly block: Block; arguments: string }>;
  explanation: string;
  finish: Finish | undefined;
  usage: Usage | undefined;
  tier: string | undefined;
}

export function renderStream({ asked }: StreamOptions): StreamRenderer {
  const state: State = {
    hidesThoughts: asked?.reasoning?.shown === false,
    id: '',
    model: '',
    begun: false,
    count: 0,
    open: undefined,
    calls: new Map(),
    explanation: '',
    finish: undefined,
    usage: undefined,
    tier: undefined,
  };
  return {
    render: event => ('choice' in event && event.choice !== 0 ? '' : renderEvent(state, event)),
    frame,
    end: () => ending(state),
    fail: error => send('error', errorOf(error)),
  };
}

/** Clients of this format read the event's name. */
export const frame = ({ event, data }: SseEvent): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;

function renderEvent(state: State, event: StreamEvent): string {
  switch (event.type) {
    case 'response-start':
      state.id = event.id;
      state.model = event.model;
      return '';
    case 'text-delta':
      return (state.open?.isCited ? closeOpen(state) : '') + grow(state, 'text', { type: 'text_delta', text: event.text });
    case 'reasoning-delta':
      return grow(state, 'thinking', { type: 'thinking_delta', thinking: state.hidesThoughts ? '' : event.text });
    case 'reasoning-signature':
      return grow(state, 'thinking', { type: 'signature_delta', signature: event.signature }) + closeOpen(state);
    case 'reasoning-redacted':
      return wholeBlock(state, { type: 'redacted_thinking', data: event.data });
    case 'citation':
      return cite(state, citationOf(event.citation));
    case 'tool-call-start': {
      const proof = event.signature === undefined ? '' : wholeBlock(state, proofBlock(''), event.signature);
      const { head, block } = openBlock(state, { type: 'tool_use', id: event.id, name: event.name, input: {} }, 'tool_use');
      state.calls.set(event.index, { block, arguments: '' });
      return proof + head;
    }
    case 'tool-call-delta': {
      const call = state.calls.get(event.index);
      if (!call || event.arguments === '') return '';
      call.arguments += event.arguments;
      return delta(call.block, { type: 'input_json_delta', partial_json: event.arguments });
    }
    case 'refusal-delta':
      state.explanation += event.text;
      return begin(state);
    case 'choice-end':
      state.finish = event.finish;
      return '';
    case 'usage':
      state.usage = event.usage;
      return '';
    case 'tier':
      state.tier = event.tier;
      return '';
    // What has no place in this format is a loss; a failure is told by fail().
    case 'logprobs':
    case 'media':
    case 'unread':
    case 'response-end':
    case 'failure':
      return '';
  }
}

/** Told with the first content, so that what the provider counted before it is in it. Output is counted at the end: some clients add the two. */
function begin(state: State): string {
  if (state.begun) return '';
  state.begun = true;
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
  return send('message_start', { type: 'message_start', message });
}

function grow(state: State, type: 'text' | 'thinking', piece: JsonObject): string {
  if (state.open?.type === type) return delta(state.open, piece);
  const content = type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' };
  const { head, block } = openBlock(state, content, type);
  state.open = block;
  return head + delta(block, piece);
}

/** Of the block that is open. */
function cite(state: State, citation: JsonObject): string {
  const told = grow(state, 'text', { type: 'citations_delta', citation });
  if (state.open) state.open.isCited = true;
  return told;
}

function wholeBlock(state: State, content: JsonObject, signature?: string): string {
  const { head, block } = openBlock(state, content, 'thinking');
  const signed = signature === undefined ? '' : delta(block, { type: 'signature_delta', signature });
  return head + signed + stop(block);
}

function openBlock(state: State, content: JsonObject, type: BlockType): { readonly head: string; readonly block: Block } {
  const closed = begin(state) + closeOpen(state) + closeWholeCalls(state);
  const block: Block = { type, index: state.count++ };
  return { head: closed + send('content_block_start', { type: 'content_block_start', index: block.index, content_block: content }), block };
}

function closeOpen(state: State): string {
  const { open } = state;
  state.open = undefined;
  return open ? stop(open) : '';
}

/** A call whose arguments are not whole yet may still grow after another has begun. */
function closeWholeCalls(state: State): string {
  const whole = [...state.calls].filter(([, call]) => call.arguments !== '' && parseJson(call.arguments) !== undefined);
  for (const [index] of whole) state.calls.delete(index);
  return whole.map(([, { block }]) => stop(block)).join('');
}

function ending(state: State): string {
  const calls = [...state.calls.values()].map(({ block }) => stop(block)).join('');
  state.calls.clear();
  const last = begin(state) + closeOpen(state) + calls;
  const { finish = { reason: 'other', raw: '' } as const, explanation, usage, tier } = state;
  const said = send('message_delta', { type: 'message_delta', delta: stopOf(finish, explanation), usage: usageOf(usage, tier) });
  return last + said + send('message_stop', { type: 'message_stop' });
}

const delta = ({ index }: Block, piece: JsonObject): string =>
  send('content_block_delta', { type: 'content_block_delta', index, delta: piece });
const stop = ({ index }: Block): string => send('content_block_stop', { type: 'content_block_stop', index });
const send = (event: string, data: Json): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
