/** Renders the items of a stream: each is added, gets deltas, and is sent again when complete. */
import type { ChatRequest, Citation, StreamEvent, TokenLogprob } from '../../core/chat/chat.ts';
import { type JsonObject, parseJson } from '../../core/chat/json.ts';
import { callFormOf, callItem } from './calls.ts';
import { annotationOf, itemId, messageItem, reasoningItem, refusalPart, textPart } from './wire.ts';

/** Numbers and serialises the event. */
export type EmitEvent = (type: string, data: JsonObject) => string;

interface Content {
  readonly type: 'text' | 'refusal';
  text: string;
  /** Length of all texts before it. */
  readonly offset: number;
  readonly annotations: JsonObject[];
}
type Item =
  | { readonly kind: 'message'; readonly id: string; readonly index: number; readonly contents: Content[]; logprobs: TokenLogprob[] }
  | { readonly kind: 'reasoning'; readonly id: string; readonly index: number; text: string; encryptedContent: string | undefined }
  | {
      readonly kind: 'call';
      readonly id: string;
      readonly index: number;
      readonly called: { id: string; name: string; arguments: string; freeform?: true };
    };
type ItemOf<Kind extends Item['kind']> = Extract<Item, { kind: Kind }>;

export class OutputItems {
  readonly #emit: EmitEvent;
  readonly #request: ChatRequest | undefined;
  /** The complete items. */
  readonly output: JsonObject[] = [];
  responseId = '';
  #count = 0;
  /** Length of all texts so far. */
  #textLength = 0;
  #open: ItemOf<'message'> | ItemOf<'reasoning'> | undefined;
  /** The last message with a text, open or closed. */
  #lastTextMessage: ItemOf<'message'> | undefined;
  readonly #calls = new Map<number, ItemOf<'call'>>();

  constructor(emit: EmitEvent, request: ChatRequest | undefined) {
    this.#emit = emit;
    this.#request = request;
  }

  addText(type: Content['type'], delta: string): string {
    let text = '';
    let item = this.#open?.kind === 'message' ? this.#open : undefined;
    if (!item) {
      text += this.closeOpen();
      item = { kind: 'message', id: itemId('msg', this.responseId, this.#count), index: this.#count++, contents: [], logprobs: [] };
      this.#open = item;
      text += this.#emit('response.output_item.added', { output_index: item.index, item: messageItem(item.id, [], 'in_progress') });
    }
    let content = item.contents.at(-1);
    if (content?.type !== type) {
      if (content) text += this.#closeContent(item);
      content = { type, text: '', offset: this.#textLength, annotations: [] };
      item.contents.push(content);
      if (type === 'text') this.#lastTextMessage = item;
      text += this.#emit('response.content_part.added', { ...positionOf(item), part: contentPart(content) });
    }
    if (delta === '') return text;
    content.text += delta;
    if (type === 'text') this.#textLength += delta.length;
    const event = type === 'text' ? 'response.output_text.delta' : 'response.refusal.delta';
    return text + this.#emit(event, { ...positionOf(item), delta, ...(type === 'text' ? { logprobs: [] } : {}) });
  }

  /** Adds a citation to the open text. */
  addCitation(citation: Citation): string {
    const opened = this.#open?.kind === 'message' && this.#open.contents.at(-1)?.type === 'text' ? '' : this.addText('text', '');
    const item = this.#open as ItemOf<'message'>;
    const { annotations, offset } = item.contents.at(-1)!;
    const annotation = annotationOf(citation, offset);
    const rendered = this.#emit('response.output_text.annotation.added', {
      ...positionOf(item),
      annotation_index: annotations.length,
      annotation,
    });
    annotations.push(annotation);
    return opened + rendered;
  }

  addLogprobs(tokens: readonly TokenLogprob[]): void {
    const item = this.#lastTextMessage;
    if (!item) return;
    item.logprobs.push(...tokens);
    // A late citation belongs into the complete item.
    if (item !== this.#open) this.output[item.index] = completeMessage(item);
  }

  addReasoning(delta: string): string {
    let text = '';
    let item = this.#open?.kind === 'reasoning' ? this.#open : undefined;
    if (!item) {
      text += this.closeOpen();
      ({ item, text } = this.#openReasoning(text));
    }
    if (item.text === '') {
      const part = { type: 'summary_text', text: '' };
      text += this.#emit('response.reasoning_summary_part.added', { item_id: item.id, output_index: item.index, summary_index: 0, part });
    }
    item.text += delta;
    const place = { item_id: item.id, output_index: item.index, summary_index: 0 };
    return text + this.#emit('response.reasoning_summary_text.delta', { ...place, delta });
  }

  /** Encrypted content ends its reasoning item. */
  addEncryptedContent(seal: string): string {
    let text = '';
    let item = this.#open?.kind === 'reasoning' ? this.#open : undefined;
    if (!item) {
      text += this.closeOpen();
      ({ item, text } = this.#openReasoning(text));
    }
    item.encryptedContent = seal;
    return text + this.closeOpen();
  }

  #openReasoning(before: string): { readonly item: ItemOf<'reasoning'>; readonly text: string } {
    const item: ItemOf<'reasoning'> = {
      kind: 'reasoning',
      id: itemId('rs', this.responseId, this.#count),
      index: this.#count++,
      text: '',
      encryptedContent: undefined,
    };
    this.#open = item;
    const added = this.#emit('response.output_item.added', { output_index: item.index, item: reasoningItem(item.id, '', undefined) });
    return { item, text: before + added };
  }

  addCall({ index: number, id, name, freeform }: StreamEvent & { type: 'tool-call-start' }): string {
    const closed = this.closeOpen() + this.#closeCompleteCalls();
    const called = { id, name, arguments: '', ...(freeform ? { freeform } : {}) };
    const { kind } = callFormOf(called, this.#request);
    const item: ItemOf<'call'> = { kind: 'call', id: itemId(kind, this.responseId, this.#count), index: this.#count++, called };
    this.#calls.set(number, item);
    return closed + this.#emit('response.output_item.added', { output_index: item.index, item: this.#callItem(item, 'in_progress') });
  }

  #callItem({ id, called }: ItemOf<'call'>, status: string): JsonObject {
    return callItem(id, called, status, this.#request);
  }

  addCallArguments(number: number, delta: string): string {
    const item = this.#calls.get(number);
    if (!item || delta === '') return '';
    item.called.arguments += delta;
    const { event } = callFormOf(item.called, this.#request);
    return event ? this.#emit(`${event}.delta`, { item_id: item.id, output_index: item.index, delta }) : '';
  }

  /** Closes all open items. */
  close(): string {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return this.closeOpen() + calls.map(item => this.#closeCall(item)).join('');
  }

  closeOpen(): string {
    const item = this.#open;
    if (!item) return '';
    this.#open = undefined;
    return item.kind === 'message'
      ? this.#closeContent(item) + this.#completeItem(item.index, completeMessage(item))
      : this.#closeReasoning(item);
  }

  #closeContent(item: ItemOf<'message'>): string {
    const content = item.contents.at(-1)!;
    const part = contentPart(content, content === firstText(item) ? item.logprobs : []);
    const rendered =
      content.type === 'text'
        ? this.#emit('response.output_text.done', { ...positionOf(item), text: content.text, logprobs: part.logprobs! })
        : this.#emit('response.refusal.done', { ...positionOf(item), refusal: content.text });
    return rendered + this.#emit('response.content_part.done', { ...positionOf(item), part });
  }

  #closeReasoning(item: ItemOf<'reasoning'>): string {
    const complete = reasoningItem(item.id, item.text, item.encryptedContent);
    const place = { item_id: item.id, output_index: item.index, summary_index: 0 };
    const rendered =
      item.text === ''
        ? ''
        : this.#emit('response.reasoning_summary_text.done', { ...place, text: item.text }) +
          this.#emit('response.reasoning_summary_part.done', { ...place, part: { type: 'summary_text', text: item.text } });
    return rendered + this.#completeItem(item.index, complete);
  }

  /** A call with incomplete arguments stays open, because it may still grow after another has started. */
  #closeCompleteCalls(): string {
    const complete = [...this.#calls].filter(([, item]) => item.called.arguments !== '' && parseJson(item.called.arguments) !== undefined);
    for (const [number] of complete) this.#calls.delete(number);
    return complete.map(([, item]) => this.#closeCall(item)).join('');
  }

  #closeCall(item: ItemOf<'call'>): string {
    const { id, index, called } = item;
    const { event, member } = callFormOf(called, this.#request);
    const complete = this.#callItem(item, 'completed');
    const done = { item_id: id, output_index: index, name: complete.name ?? called.name, [member]: called.arguments };
    return (event ? this.#emit(`${event}.done`, done) : '') + this.#completeItem(index, complete);
  }

  #completeItem(index: number, item: JsonObject): string {
    this.output[index] = item;
    return this.#emit('response.output_item.done', { output_index: index, item });
  }
}

const positionOf = ({ id, index, contents }: ItemOf<'message'>): JsonObject => ({
  item_id: id,
  output_index: index,
  content_index: Math.max(0, contents.length - 1),
});
const contentPart = ({ type, text, annotations }: Content, logprobs: readonly TokenLogprob[] = []): JsonObject =>
  type === 'text' ? textPart(text, [...annotations], logprobs) : refusalPart(text);
const firstText = ({ contents }: ItemOf<'message'>): Content | undefined => contents.find(content => content.type === 'text');

function completeMessage(item: ItemOf<'message'>): JsonObject {
  const first = firstText(item);
  return messageItem(
    item.id,
    item.contents.map(content => contentPart(content, content === first ? item.logprobs : [])),
    'completed',
  );
}
