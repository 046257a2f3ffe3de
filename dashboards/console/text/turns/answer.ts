/** What a caller was sent, whole or as a stream of events, as turns; and as one text to compare. Pure. */
import { itemTurn } from './question.ts';
import { callPart, type Fields, isFields, jsonText, listOf, type Part, parse, partsOf, type Turn, textOf } from './turns.ts';

/** [] when the body is no answer of a known form. */
export function answerTurns(body: string): readonly Turn[] {
  const whole = parse(body);
  const turns = isFields(whole) ? wholeTurns(whole) : streamTurns(eventsOf(body));
  return turns.filter(({ parts }) => parts.length > 0);
}

/** The texts and calls of an answer; the body itself when it is of no known form. */
export function answerText(body: string): string {
  const lines = answerTurns(body).flatMap(({ parts }) => parts.flatMap(lineOf));
  return lines.length > 0 ? lines.join('\n') : body;
}

function lineOf(part: Part): readonly string[] {
  if (part.type === 'thinking') return [];
  if (part.type !== 'call') return [part.text];
  const input = parse(part.input);
  return [`${part.name}(${input === undefined ? part.input : JSON.stringify(input, undefined, 2)})`];
}

function wholeTurns(answer: Fields): readonly Turn[] {
  if (Array.isArray(answer.choices)) return listOf(answer.choices).map(choiceTurn);
  if (Array.isArray(answer.output)) return listOf(answer.output).map(itemTurn);
  if (Array.isArray(answer.candidates))
    return listOf(answer.candidates).map(({ content }) => ({
      role: 'assistant',
      parts: partsOf(isFields(content) ? content.parts : undefined),
    }));
  if (Array.isArray(answer.content)) return [{ role: 'assistant', parts: partsOf(answer.content) }];
  if (isFields(answer.error)) return [{ role: 'error', parts: partsOf(textOf(answer.error.message) || jsonText(answer.error)) }];
  return [];
}

function choiceTurn({ message, text }: Fields): Turn {
  if (!isFields(message)) return { role: 'assistant', parts: partsOf(text) };
  const thinking = textOf(message.reasoning_content) || textOf(message.reasoning);
  const calls = listOf(message.tool_calls).map(({ function: called, id }) =>
    isFields(called) ? callPart(called.name, called.arguments, id) : callPart('', '', id),
  );
  return {
    role: 'assistant',
    parts: [
      ...(thinking === '' ? [] : [{ type: 'thinking' as const, text: thinking }]),
      ...partsOf(message.content),
      ...partsOf(message.refusal),
      ...calls,
    ],
  };
}

function eventsOf(body: string): readonly Fields[] {
  return body.split(/\r?\n/).flatMap(line => {
    const event = line.startsWith('data:') ? parse(line.slice(5)) : undefined;
    return isFields(event) ? [event] : [];
  });
}

interface Growing {
  type: 'text' | 'thinking' | 'call';
  text: string;
  name: string;
  id: string;
}

/** Pieces of the same place of the answer grow together, in the order in which places were begun. */
class Answer {
  readonly #parts = new Map<string, Growing>();

  add(place: string, type: Growing['type'], { text = '', name = '', id = '' }: { text?: string; name?: string; id?: string }): void {
    const part = this.#parts.get(place) ?? { type, text: '', name: '', id: '' };
    part.text += text;
    part.name ||= name;
    part.id ||= id;
    this.#parts.set(place, part);
  }

  get turns(): readonly Turn[] {
    const byChoice = Map.groupBy(this.#parts, ([place]) => place.split(' ', 1)[0]!);
    return [...byChoice.values()].map(entries => ({
      role: 'assistant',
      parts: entries
        .map(([, { type, text, name, id }]): Part => (type === 'call' ? callPart(name, text, id) : { type, text }))
        .filter(part => part.type === 'call' || part.text !== ''),
    }));
  }
}

function streamTurns(events: readonly Fields[]): readonly Turn[] {
  const answer = new Answer();
  const errors: Turn[] = [];
  for (const event of events) {
    for (const choice of listOf(event.choices)) addChoice(answer, choice);
    for (const candidate of listOf(event.candidates)) addCandidate(answer, candidate);
    addBlock(answer, event);
    addItem(answer, event);
    if (isFields(event.error)) errors.push({ role: 'error', parts: partsOf(textOf(event.error.message) || jsonText(event.error)) });
  }
  return [...answer.turns, ...errors];
}

function addChoice(answer: Answer, { index, delta, text }: Fields): void {
  const choice = `choice${jsonText(index)}`;
  if (typeof text === 'string') answer.add(`${choice} text`, 'text', { text });
  if (!isFields(delta)) return;
  const thinking = textOf(delta.reasoning_content) || textOf(delta.reasoning);
  if (thinking !== '') answer.add(`${choice} thinking`, 'thinking', { text: thinking });
  if (typeof delta.content === 'string') answer.add(`${choice} text`, 'text', { text: delta.content });
  if (typeof delta.refusal === 'string') answer.add(`${choice} refusal`, 'text', { text: delta.refusal });
  for (const { index: place, id, function: called } of listOf(delta.tool_calls)) {
    const { name, arguments: input } = isFields(called) ? called : ({} as Fields);
    answer.add(`${choice} call${jsonText(place)}`, 'call', { text: textOf(input), name: textOf(name), id: textOf(id) });
  }
}

function addCandidate(answer: Answer, { index = 0, content }: Fields): void {
  for (const [i, part] of partsOf(isFields(content) ? content.parts : undefined).entries()) {
    if (part.type === 'call')
      answer.add(`candidate${jsonText(index)} call ${part.name}${i}`, 'call', { text: part.input, name: part.name });
    else answer.add(`candidate${jsonText(index)} ${part.type}`, part.type === 'thinking' ? 'thinking' : 'text', { text: part.text });
  }
}

/** Of the messages format. */
function addBlock(answer: Answer, { type, index, content_block: block, delta }: Fields): void {
  const place = `message ${jsonText(index)}`;
  if (type === 'content_block_start' && isFields(block) && block.type === 'tool_use')
    answer.add(place, 'call', { name: textOf(block.name), id: textOf(block.id) });
  if (type !== 'content_block_delta' || !isFields(delta)) return;
  if (typeof delta.text === 'string') answer.add(place, 'text', { text: delta.text });
  if (typeof delta.thinking === 'string') answer.add(place, 'thinking', { text: delta.thinking });
  if (typeof delta.partial_json === 'string') answer.add(place, 'call', { text: delta.partial_json });
}

/** Of the responses format. */
function addItem(answer: Answer, { type, item, item_id, delta, output_index }: Fields): void {
  const place = `response ${jsonText(output_index)}`;
  if (type === 'response.output_text.delta') answer.add(place, 'text', { text: textOf(delta), id: textOf(item_id) });
  if (type === 'response.reasoning_summary_text.delta') answer.add(place, 'thinking', { text: textOf(delta) });
  if (type === 'response.output_item.added' && isFields(item) && item.type === 'function_call')
    answer.add(place, 'call', { name: textOf(item.name), id: textOf(item.call_id) });
  if (type === 'response.function_call_arguments.delta') answer.add(place, 'call', { text: textOf(delta) });
}
