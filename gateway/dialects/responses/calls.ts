/** Tool calls as output items, in the form in which the caller declared the tool. */
import type { ChatRequest, Part, Tool } from '../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { placeOf } from '../../core/chat/tool-forms.ts';

type Call = Pick<Part & { type: 'tool-call' }, 'id' | 'name' | 'arguments' | 'freeform'>;

/** A call's item type, its id's prefix, and the names of its events; a search has none. */
export interface CallForm {
  readonly kind: 'fc' | 'ctc' | 'tsc';
  readonly event?: 'response.function_call_arguments' | 'response.custom_tool_call_input';
  readonly member: 'arguments' | 'input';
}

const functionForm: CallForm = { kind: 'fc', event: 'response.function_call_arguments', member: 'arguments' };
const freeformForm: CallForm = { kind: 'ctc', event: 'response.custom_tool_call_input', member: 'input' };
const searchForm: CallForm = { kind: 'tsc', member: 'arguments' };

/** The tool that a call names; undefined for one that the caller did not declare. */
const toolOf = (request: ChatRequest | undefined, name: string): Tool | undefined => request?.tools.find(tool => tool.name === name);

/** The item types and event names of a call, by the form its tool was declared in. */
export function callFormOf({ name, freeform }: Pick<Call, 'name' | 'freeform'>, request: ChatRequest | undefined): CallForm {
  if (freeform) return freeformForm;
  return toolOf(request, name)?.form?.type === 'search' ? searchForm : functionForm;
}

/** A tool call as an output item. */
export function callItem(id: string, call: Call, status: string, request: ChatRequest | undefined): JsonObject {
  const tool = toolOf(request, call.name);
  const place = tool ? placeOf(tool) : { name: call.name };
  switch (callFormOf(call, request)) {
    case freeformForm:
      return { id, type: 'custom_tool_call', status, call_id: call.id, ...place, input: call.arguments };
    case searchForm: {
      const given = parseJson(call.arguments);
      return { id, type: 'tool_search_call', status, call_id: call.id, execution: 'client', arguments: isObject(given) ? given : {} };
    }
    default:
      return { id, type: 'function_call', status, call_id: call.id, ...place, arguments: call.arguments };
  }
}

/** The request's tools as a response repeats them. */
export const toolsOf = (request: ChatRequest | undefined): readonly JsonObject[] =>
  (request?.tools ?? []).map(tool => {
    const { description, parameters, strict, form } = tool;
    if (form?.type === 'search')
      return { type: 'tool_search', execution: 'client', description: description ?? null, parameters: parameters ?? null };
    const name = { name: tool.name, description: description ?? null };
    if (form?.type === 'freeform') return { type: 'custom', ...name, format: form.format ?? { type: 'text' } };
    return { type: 'function', ...name, parameters: parameters ?? null, strict: strict ?? false };
  });
