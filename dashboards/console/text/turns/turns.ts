/** Questions and answers of every caller format as turns of a conversation. Pure; what it does not know gives no turns, never an error. */

export interface Turn {
  /** `system`, `user`, `assistant`, `tool`, as the format calls it. */
  readonly role: string;
  readonly parts: readonly Part[];
}

export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'call'; readonly name: string; readonly input: string; readonly id: string }
  | { readonly type: 'result'; readonly id: string; readonly text: string }
  /** An image, a file, a sound: what it is, not its bytes. */
  | { readonly type: 'other'; readonly text: string };

export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
/** The objects of a list; [] for anything else. */
export const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);
/** A text; '' for anything else. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
/** A text as it is, anything else as JSON; '' for undefined. */
export const jsonText = (value: unknown): string => (typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value));

/** The JSON in a text; undefined when there is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Content as a text, a list of parts, or nothing. */
export function partsOf(content: unknown): readonly Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return listOf(content).flatMap(partOf);
}

const textTypes: ReadonlySet<unknown> = new Set(['text', 'input_text', 'output_text', 'refusal', undefined]);

function partOf(part: Fields): readonly Part[] {
  const { type } = part;
  if (isFields(part.functionCall)) return [callPart(part.functionCall.name, part.functionCall.args, part.functionCall.id)];
  if (isFields(part.functionResponse))
    return [{ type: 'result', id: textOf(part.functionResponse.name), text: jsonText(part.functionResponse.response) }];
  if (part.thought === true) return [{ type: 'thinking', text: textOf(part.text) }];
  if (textTypes.has(type) && (typeof part.text === 'string' || typeof part.refusal === 'string'))
    return [{ type: 'text', text: textOf(part.text) || textOf(part.refusal) }];
  switch (type) {
    case 'thinking':
      return [{ type: 'thinking', text: textOf(part.thinking) }];
    case 'tool_use':
      return [callPart(part.name, part.input, part.id)];
    case 'tool_result':
      return [{ type: 'result', id: textOf(part.tool_use_id), text: plainText(part.content) }];
    default:
      return [{ type: 'other', text: described(part) }];
  }
}

/** A call of a tool; its input is JSON text. */
export const callPart = (name: unknown, input: unknown, id: unknown): Part => ({
  ...{ type: 'call', name: textOf(name) || 'unnamed', id: textOf(id) },
  input: jsonText(input),
});

/** All texts of a content, one after another. */
export const plainText = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : partsOf(content)
        .map(part => ('text' in part ? part.text : part.input))
        .join('\n') || jsonText(content);

/** What a part is, with long values cut: an image's bytes are nothing to read. */
function described(part: Fields): string {
  const short = (value: unknown): unknown => {
    if (typeof value === 'string') return value.length > 120 ? `${value.slice(0, 80)}… (${value.length} characters)` : value;
    if (Array.isArray(value)) return value.slice(0, 5).map(short);
    return isFields(value) ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, short(inner)])) : value;
  };
  return JSON.stringify(short(part));
}
