/** Tools, the choice of one, and calls as the Responses API declares them: functions, freeform tools, namespaces and searches. */
import type { ChatRequest, Part, Tool } from '../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { placeOf } from '../../core/chat/tool-forms.ts';

/** The members `tools`, `tool_choice` and `parallel_tool_calls`; {} without tools. */
export function renderTools(request: ChatRequest): JsonObject {
  if (request.tools.length === 0) return {};
  const { toolChoice: choice, parallelToolCalls: parallel } = request;
  const chosen = choice?.type === 'tool' ? request.tools.find(({ name }) => name === choice.name) : undefined;
  const type = chosen?.form?.type === 'freeform' ? 'custom' : 'function';
  return {
    tools: declare(request.tools),
    ...(choice === undefined
      ? {}
      : { tool_choice: choice.type === 'tool' ? { type, ...placeOf(chosen ?? { name: choice.name }) } : choice.type }),
    ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
  };
}

/** The tools of a namespace are in one entry, at the place of the first. */
function declare(tools: readonly Tool[]): readonly JsonObject[] {
  const declared: JsonObject[] = [];
  const namespaces = new Map<string, JsonObject[]>();
  for (const tool of tools) {
    const { namespace } = placeOf(tool);
    const known = namespace === undefined ? declared : namespaces.get(namespace);
    if (known) known.push(renderTool(tool));
    else {
      const inside = [renderTool(tool)];
      namespaces.set(namespace!, inside);
      declared.push({ type: 'namespace', name: namespace!, description: tool.form?.namespace?.description ?? '', tools: inside });
    }
  }
  return declared;
}

/** Tools default to strict in this format and to non-strict in the others. */
function renderTool(tool: Tool): JsonObject {
  const { description, parameters, strict, form } = tool;
  const described = description === undefined ? {} : { description };
  const given = parameters ?? { type: 'object', properties: {} };
  const deferred = form?.deferred ? { defer_loading: true } : {};
  if (form?.type === 'search') return { type: 'tool_search', execution: 'client', ...described, parameters: given };
  const { name } = placeOf(tool);
  if (form?.type === 'freeform')
    return { type: 'custom', name, ...described, ...(form.format ? { format: form.format } : {}), ...deferred };
  return { type: 'function', name, ...described, parameters: given, strict: strict ?? false, ...deferred };
}

/** A tool call as an input item, in the form its tool was declared in. */
export function renderCall(call: Part & { type: 'tool-call' }, tools: readonly Tool[]): JsonObject {
  const tool = tools.find(({ name }) => name === call.name);
  const place = placeOf(tool ?? call);
  if (call.freeform) return { type: 'custom_tool_call', call_id: call.id, ...place, input: call.arguments };
  if (tool?.form?.type !== 'search') return { type: 'function_call', call_id: call.id, ...place, arguments: call.arguments };
  const given = parseJson(call.arguments);
  return { type: 'tool_search_call', call_id: call.id, execution: 'client', status: 'completed', arguments: isObject(given) ? given : {} };
}
