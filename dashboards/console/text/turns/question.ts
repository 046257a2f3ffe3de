/** What a caller sent, as turns. Knows chat completions, responses, messages, generateContent, completions and embeddings. Pure. */
import { callPart, type Fields, isFields, listOf, type Part, parse, partsOf, plainText, type Turn, textOf } from './turns.ts';

/** [] when the body is no question of a known form. */
export function questionTurns(body: string): readonly Turn[] {
  const request = parse(body);
  if (!isFields(request)) return [];
  const turns = [
    ...systemTurns(request),
    ...listOf(request.messages).map(messageTurn),
    ...inputTurns(request.input),
    ...listOf(request.contents).map(contentTurn),
  ];
  if (typeof request.prompt === 'string') turns.push({ role: 'user', parts: partsOf(request.prompt) });
  return turns.filter(({ parts }) => parts.length > 0);
}

function systemTurns({ system, instructions, systemInstruction, system_instruction }: Fields): readonly Turn[] {
  const google = systemInstruction ?? system_instruction;
  const all = [partsOf(system), partsOf(instructions), partsOf(isFields(google) ? google.parts : google)];
  return all.filter(parts => parts.length > 0).map(parts => ({ role: 'system', parts }));
}

function messageTurn(message: Fields): Turn {
  const calls = listOf(message.tool_calls).map((call): Part => {
    const { name, arguments: input } = isFields(call.function) ? call.function : call;
    return callPart(name, input, call.id);
  });
  if (message.role === 'tool')
    return { role: 'tool', parts: [{ type: 'result', id: textOf(message.tool_call_id), text: plainText(message.content) }] };
  return { role: textOf(message.role) || 'user', parts: [...partsOf(message.content), ...calls] };
}

const contentTurn = (content: Fields): Turn => ({
  role: content.role === 'model' ? 'assistant' : textOf(content.role) || 'user',
  parts: partsOf(content.parts),
});

/** Of the responses format; of embeddings, whose input is texts. */
function inputTurns(input: unknown): readonly Turn[] {
  if (typeof input === 'string') return [{ role: 'user', parts: partsOf(input) }];
  if (Array.isArray(input) && input.every(item => typeof item === 'string'))
    return input.slice(0, 200).map(text => ({ role: 'input', parts: partsOf(text) }));
  return listOf(input).map(itemTurn);
}

/** An item of the responses format as a turn. */
export function itemTurn(item: Fields): Turn {
  switch (item.type) {
    case 'function_call':
      return { role: 'assistant', parts: [callPart(item.name, item.arguments, item.call_id)] };
    case 'function_call_output':
      return { role: 'tool', parts: [{ type: 'result', id: textOf(item.call_id), text: plainText(item.output) }] };
    case 'reasoning':
      return {
        role: 'assistant',
        parts: [...listOf(item.summary), ...listOf(item.content)].map(({ text }): Part => ({ type: 'thinking', text: textOf(text) })),
      };
    default:
      return { role: textOf(item.role) || 'assistant', parts: partsOf(item.content) };
  }
}
