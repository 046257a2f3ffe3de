/** The items of a streamed response while they grow: each opens, gets pieces and closes, and stands whole in the end. */
import type { Citation, TokenLogprob } from '../../core/chat.ts';
import { type JsonObject, parseJson } from '../../core/json.ts';
import { annotationOf, callItem, itemId, messageItem, reasoningItem, refusalPart, textPart } from './wire.ts';

/** Numbers the event and puts it on the wire. */
export type Tell = (type: string, data: JsonObject) => string;

interface Content {
  readonly type: 'text' | 'refusal';
  text: string;
  /** Length of all texts before it. */
  readonly offset: number;
  readonly annotations: JsonObject[];
}
type Item =
  | { readonly kind: 'message'; readonly id: string; readonly index: number; readonly contents: Content[]; logprobs: TokenLogprob[] }
  | { readonly kind: 'reasoning'; readonly id: string; readonly index: number; text: string; seal: string | undefined }
  | {
      readonly kind: 'call';
      readonly id: string;
      readonly index: number;
      readonly called: { id: string; name: string; arguments: string };
    };
type Of<Kind extends Item['kind']> = Extract<Item, { kind: Kind }>;

export class Items {
  readonly #tell: Tell;
  /** As they stand when they are whole. */
  readonly output: JsonObject[] = [];
  answer = '';
  #count = 0;
  /** Of all texts so far. */
  #length = 0;
  #open: Of<'message'> | Of<'reasoning'> | undefined;
  /** The last message with a text, closed or not. */
  #said: Of<'message'> | undefined;
  readonly #calls = new Map<number, Of<'call'>>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  say(type: Content['type'], delta: string): string {
    let text = '';
    let item = this.#open?.kind === 'message' ? this.#open : undefined;
    if (!item) {
      text += this.closeOpen();
      item = { kind: 'message', id: itemId('msg', this.answer, this.#count), index: this.#count++, contents: [], logprobs: [] };
      this.#open = item;
      text += this.#tell('response.output_item.added', { output_index: item.index, item: messageItem(item.id, [], 'in_progress') });
    }
    let content = item.contents.at(-1);
    if (content?.type !== type) {
      if (content) text += this.#closeContent(item);
      content = { type, text: '', offset: this.#length, annotations: [] };
      item.contents.push(content);
      if (type === 'text') this.#said = item;
      text += this.#tell('response.content_part.added', { ...placeOf(item), part: partOf(content) });
    }
    if (delta === '') return text;
    content.text += delta;
    if (type === 'text') this.#length += delta.length;
    const event = type === 'text' ? 'response.output_text.delta' : 'response.refusal.delta';
    return text + this.#tell(event, { ...placeOf(item), delta, ...(type === 'text' ? { logprobs: [] } : {}) });
  }

  /** Of the text that is open. */
  cite(citation: Citation): string {
    const opened = this.#open?.kind === 'message' && this.#open.contents.at(-1)?.type === 'text' ? '' : this.say('text', '');
    const item = this.#open as Of<'message'>;
    const { annotations, offset } = item.contents.at(-1)!;
    const annotation = annotationOf(citation, offset);
    const told = this.#tell('response.output_text.annotation.added', {
      ...placeOf(item),
      annotation_index: annotations.length,
      annotation,
    });
    annotations.push(annotation);
    return opened + told;
  }

  weigh(tokens: readonly TokenLogprob[]): void {
    const item = this.#said;
    if (!item) return;
    item.logprobs.push(...tokens);
    // Told late: they are in the whole.
    if (item !== this.#open) this.output[item.index] = wholeMessage(item);
  }

  think(delta: string): string {
    let text = '';
    let item = this.#open?.kind === 'reasoning' ? this.#open : undefined;
    if (!item) {
      text += this.closeOpen();
      ({ item, text } = this.#openThought(text));
    }
    if (item.text === '') {
      const part = { type: 'summary_text', text: '' };
      text += this.#tell('response.reasoning_summary_part.added', { item_id: item.id, output_index: item.index, summary_index: 0, part });
    }
    item.text += delta;
    const place = { item_id: item.id, output_index: item.index, summary_index: 0 };
    return text + this.#tell('response.reasoning_summary_text.delta', { ...place, delta });
  }

  /** A seal closes its thought. */
  seal(seal: string): string {
    let text = '';
    let item = this.#open?.kind === 'reasoning' ? this.#open : undefined;
    if (!item) {
      text += this.closeOpen();
      ({ item, text } = this.#openThought(text));
    }
    item.seal = seal;
    return text + this.closeOpen();
  }

  #openThought(before: string): { readonly item: Of<'reasoning'>; readonly text: string } {
    const item: Of<'reasoning'> = {
      kind: 'reasoning',
      id: itemId('rs', this.answer, this.#count),
      index: this.#count++,
      text: '',
      seal: undefined,
    };
    this.#open = item;
    const added = this.#tell('response.output_item.added', { output_index: item.index, item: reasoningItem(item.id, '', undefined) });
    return { item, text: before + added };
  }

  call(number: number, id: string, name: string): string {
    const closed = this.closeOpen() + this.#closeWholeCalls();
    const called = { id, name, arguments: '' };
    const item: Of<'call'> = { kind: 'call', id: itemId('fc', this.answer, this.#count), index: this.#count++, called };
    this.#calls.set(number, item);
    return closed + this.#tell('response.output_item.added', { output_index: item.index, item: callItem(item.id, called, 'in_progress') });
  }

  argue(number: number, delta: string): string {
    const item = this.#calls.get(number);
    if (!item || delta === '') return '';
    item.called.arguments += delta;
    return this.#tell('response.function_call_arguments.delta', { item_id: item.id, output_index: item.index, delta });
  }

  /** All that is still open. */
  close(): string {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return this.closeOpen() + calls.map(item => this.#closeCall(item)).join('');
  }

  closeOpen(): string {
    const item = this.#open;
    if (!item) return '';
    this.#open = undefined;
    return item.kind === 'message' ? this.#closeContent(item) + this.#done(item.index, wholeMessage(item)) : this.#closeThought(item);
  }

  #closeContent(item: Of<'message'>): string {
    const content = item.contents.at(-1)!;
    const part = partOf(content, content === firstText(item) ? item.logprobs : []);
    const told =
      content.type === 'text'
        ? this.#tell('response.output_text.done', { ...placeOf(item), text: content.text, logprobs: part.logprobs! })
        : this.#tell('response.refusal.done', { ...placeOf(item), refusal: content.text });
    return told + this.#tell('response.content_part.done', { ...placeOf(item), part });
  }

  #closeThought(item: Of<'reasoning'>): string {
    const whole = reasoningItem(item.id, item.text, item.seal);
    const place = { item_id: item.id, output_index: item.index, summary_index: 0 };
    const said =
      item.text === ''
        ? ''
        : this.#tell('response.reasoning_summary_text.done', { ...place, text: item.text }) +
          this.#tell('response.reasoning_summary_part.done', { ...place, part: { type: 'summary_text', text: item.text } });
    return said + this.#done(item.index, whole);
  }

  /** A call whose arguments are not whole yet may still grow after another has begun. */
  #closeWholeCalls(): string {
    const whole = [...this.#calls].filter(([, item]) => item.called.arguments !== '' && parseJson(item.called.arguments) !== undefined);
    for (const [number] of whole) this.#calls.delete(number);
    return whole.map(([, item]) => this.#closeCall(item)).join('');
  }

  #closeCall({ id, index, called }: Of<'call'>): string {
    const done = { item_id: id, output_index: index, name: called.name, arguments: called.arguments };
    return this.#tell('response.function_call_arguments.done', done) + this.#done(index, callItem(id, called, 'completed'));
  }

  #done(index: number, item: JsonObject): string {
    this.output[index] = item;
    return this.#tell('response.output_item.done', { output_index: index, item });
  }
}

const placeOf = ({ id, index, contents }: Of<'message'>): JsonObject => ({
  item_id: id,
  output_index: index,
  content_index: Math.max(0, contents.length - 1),
});
const partOf = ({ type, text, annotations }: Content, logprobs: readonly TokenLogprob[] = []): JsonObject =>
  type === 'text' ? textPart(text, [...annotations], logprobs) : refusalPart(text);
const firstText = ({ contents }: Of<'message'>): Content | undefined => contents.find(content => content.type === 'text');

function wholeMessage(item: Of<'message'>): JsonObject {
  const first = firstText(item);
  return messageItem(
    item.id,
    item.contents.map(content => partOf(content, content === first ? item.logprobs : [])),
    'completed',
  );
}
