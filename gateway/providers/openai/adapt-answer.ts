/**
 * A response of a compatible vendor in OpenAI's own shape, for clients that read no other: texts for typed content, `reasoning_content`,
 * OpenAI's finish reasons, usage at the top, and numbered tool calls. Members that clients do not know stay.
 */
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { messagePartsIn } from './parsing/content.ts';
import { listOf, objectOf, parseFinish, text } from './parsing/reading.ts';

/** What may differ, found in one pass without parsing: nearly all chunks and responses pass as they are. */
const oddPattern =
  /"content"\s{0,9}:\s{0,9}\[|"reasoning"\s{0,9}:|"x_groq"|"tool_calls"|"usage"[^\]]{0,600}\]|"finish_reason"\s{0,9}:\s{0,9}"(?!(?:stop|length|tool_calls|content_filter|function_call)")/;
/** The same but for tool calls, most of whose chunks are usual. */
const oddBesideCalls =
  /"content"\s{0,9}:\s{0,9}\[|"reasoning"\s{0,9}:|"x_groq"|"usage"[^\]]{0,600}\]|"finish_reason"\s{0,9}:\s{0,9}"(?!(?:stop|length|tool_calls|content_filter|function_call)")/;
/** A call without a number, with a name, or with arguments that are no text; argument deltas have none of these. */
const oddCalls =
  /^"tool_calls"\s{0,9}:\s{0,9}\[\s{0,9}\{(?:(?![^[\]]{0,200}"index")|[^[\]]{0,400}"name"\s{0,9}:\s{0,9}"|[^[\]]{0,400}"arguments"\s{0,9}:\s{0,9}\{)/;

function mayDiffer(data: string): boolean {
  if (!oddPattern.test(data)) return false;
  const calls = data.indexOf('"tool_calls"');
  return calls < 0 || oddBesideCalls.test(data) || oddCalls.test(data.slice(calls, calls + 700));
}

interface State {
  /** Numbers of tool calls by choice and id; the last is the one that deltas without an id belong to. */
  readonly calls: Map<string, string[]>;
}

/** An adapter for one response, whole or in chunks; it returns the same text when nothing differs. */
export function adaptAnswer(): (data: string) => string {
  const state: State = { calls: new Map() };
  return data => {
    if (!mayDiffer(data)) return data;
    const value = parseJson(data);
    if (!isObject(value) || !Array.isArray(value.choices)) return data;
    const adapted = adaptBody(value, state);
    return adapted === value ? data : JSON.stringify(adapted);
  };
}

function adaptBody(body: JsonObject, state: State): JsonObject {
  const choices = listOf(body.choices);
  const adapted = choices.map(choice => adaptChoice(choice, state));
  const isSame = adapted.every((choice, i) => choice === choices[i]);
  const usage = isObject(body.usage) ? undefined : [objectOf(body.x_groq).usage, ...choices.map(choice => choice.usage)].find(isObject);
  if (isSame && !usage) return body;
  return { ...body, choices: adapted, ...(usage ? { usage } : {}) };
}

function adaptChoice(choice: JsonObject, state: State): JsonObject {
  const member = isObject(choice.delta) ? 'delta' : 'message';
  const message = choice[member];
  const key = String(choice.index ?? 0);
  const adapted = isObject(message) ? adaptMessage(message, member === 'delta', key, state) : message;
  const finish =
    typeof choice.finish_reason === 'string' ? finishWord(choice.finish_reason, (state.calls.get(key) ?? []).length > 0) : undefined;
  const isSame = adapted === message && (finish === undefined || finish === choice.finish_reason);
  return isSame ? choice : { ...choice, [member]: adapted ?? null, ...(finish === undefined ? {} : { finish_reason: finish }) };
}

const words: Readonly<Record<string, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
};

/** OpenAI sends `stop` beside a forced call itself. A word that nobody knows stays, unless there are calls. */
function finishWord(raw: string, hasCalls: boolean): string {
  if (raw === 'stop' || raw === 'function_call') return raw;
  const { reason } = parseFinish(raw, hasCalls);
  return words[reason] ?? raw;
}

function adaptMessage(message: JsonObject, isDelta: boolean, choice: string, state: State): JsonObject {
  const changes: Record<string, Json> = {};
  if (Array.isArray(message.content)) {
    const parts = messagePartsIn(message);
    const joined = (type: string): string => parts.flatMap(part => (part.type === type ? [part.text] : [])).join('');
    changes.content = joined('text') || (isDelta ? '' : joined('text') || null);
    if (joined('reasoning') !== '') changes.reasoning_content = joined('reasoning');
  }
  if (text(message.reasoning) !== '' && text(message.reasoning_content) === '') changes.reasoning_content = message.reasoning!;
  const calls = adaptCalls(message, isDelta, choice, state);
  if (calls !== message.tool_calls) changes.tool_calls = calls!;
  return Object.keys(changes).length === 0 ? message : { ...message, ...changes };
}

function adaptCalls({ tool_calls: calls }: JsonObject, isDelta: boolean, choice: string, state: State): Json | undefined {
  if (!Array.isArray(calls) || calls.length === 0) return calls;
  const known = state.calls.get(choice) ?? [];
  state.calls.set(choice, known);
  const adapted = (calls as readonly Json[]).map((call, at): Json => {
    if (!isObject(call)) return call;
    const withText = isObject(call.function) && isObject(call.function.arguments) ? withArguments(call, call.function) : call;
    if (!isDelta) {
      known.push(text(call.id));
      return withText;
    }
    const index = indexOf(call, at, known);
    return index === call.index ? withText : { ...withText, index };
  });
  return adapted.every((call, i) => call === calls[i]) ? calls : adapted;
}

const withArguments = (call: JsonObject, called: JsonObject): JsonObject => ({
  ...call,
  function: { ...called, arguments: JSON.stringify(called.arguments) },
});

/** A new id is a new call, whatever its index; a delta without an id belongs to the call of its index, or to the last. */
function indexOf(call: JsonObject, at: number, known: string[]): number {
  const id = text(call.id);
  const index = typeof call.index === 'number' ? call.index : undefined;
  if (id === '') return index ?? Math.max(0, known.length - 1);
  const before = known.indexOf(id);
  if (before >= 0) return index !== undefined && known[index] === id ? index : before;
  if (index !== undefined && known[index] === undefined) {
    known[index] = id;
    return index;
  }
  known.push(id);
  return index === undefined && at > 0 ? Math.max(at, known.length - 1) : known.length - 1;
}
