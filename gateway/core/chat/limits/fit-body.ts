/** Fits a caller's own body to a target's field limits, as `fitToLimits` does the chat that was read from it. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import type { FieldLimits } from './field-limits.ts';
import { isStrictSchema, withLoneRefs } from './fit-schema.ts';
import { fitMetadata, fitName, fitUser, type Hash } from './fit-values.ts';
import { withOnePromptInBody } from './system-prompts.ts';

/** New values of top-level members. */
type Changes = Readonly<Record<string, Json>>;

/** The members that differ; none for a wire format without a body of callers. */
export function fitBody(wire: string, body: JsonObject, limits: FieldLimits, hash: Hash): Changes {
  const fitter = fitters[wire];
  if (!fitter) return {};
  const fitted = fitter(body, valuesOf(limits, hash), limits);
  return Object.fromEntries(
    Object.entries(fitted).filter(([member, value]) => Object.hasOwn(body, member) && value !== body[member]),
  ) as Changes;
}

interface Values {
  user(value: Json): Json;
  name(value: Json): Json;
  id(value: Json): Json;
  outputName(value: Json): Json;
}

function valuesOf({ user, toolName, callId, outputName }: FieldLimits, hash: Hash): Values {
  const texts = (change: (text: string) => string) => (value: Json) => (typeof value === 'string' ? change(value) : value);
  return {
    user: texts(text => fitUser(text, user, hash).user),
    name: texts(text => fitName(text, toolName, hash)),
    id: texts(text => fitName(text, callId, hash)),
    outputName: texts(text => fitName(text, outputName, hash)),
  };
}

type Change = (value: Json) => Json;

/** The object with some members changed; the same object when none differs. */
function withMembers(value: Json | undefined, changes: Readonly<Record<string, Change>>): Json {
  if (!isObject(value)) return value ?? null;
  let changed: Record<string, Json> | undefined;
  for (const member in changes) {
    if (!Object.hasOwn(value, member)) continue;
    const next = changes[member]!(value[member]!);
    if (next === value[member]) continue;
    changed ??= { ...value };
    changed[member] = next;
  }
  return changed ?? value;
}

/** The list with each item changed; the same list when none differs. */
function withItems(value: Json | undefined, change: Change): Json {
  if (!Array.isArray(value)) return value ?? null;
  const items = (value as readonly Json[]).map(change);
  return items.every((item, i) => item === value[i]) ? value : items;
}

const withCount = (value: Json, max: number | undefined): Json =>
  Array.isArray(value) && max !== undefined && value.length > max ? value.slice(0, max) : value;

const metadataOf =
  ({ metadata }: FieldLimits): Change =>
  value =>
    isObject(value) ? (fitMetadata(value as Readonly<Record<string, string>>, metadata) as Json) : value;

/** A function or format that asks for a strict schema which the target refuses. */
function withoutStrict(value: Json, schema: string, { strictSchema, refs }: FieldLimits): Json {
  if (!isObject(value)) return value;
  const lone = refs ? withMembers(value, { [schema]: inner => (isObject(inner) ? withLoneRefs(inner) : inner) }) : value;
  if (!strictSchema || !isObject(lone) || lone.strict !== true || isStrictSchema(lone[schema], strictSchema)) return lone;
  return { ...lone, strict: false };
}

const fitters: Readonly<Record<string, (body: JsonObject, values: Values, limits: FieldLimits) => Readonly<Record<string, Json>>>> = {
  'openai-chat': (body, { user, name, id, outputName }, limits) => {
    const called: Change = value => withMembers(value, { name });
    const declared: Change = value => withoutStrict(called(value), 'parameters', limits);
    const call: Change = value => withMembers(value, { id, function: called, custom: called });
    const message: Change = value =>
      withMembers(value, {
        tool_calls: list => withItems(list, call),
        tool_call_id: id,
        function_call: called,
        ...(isObject(value) && (value.role === 'tool' || value.role === 'function') ? { name } : {}),
      });
    const messages = withItems(body.messages, message);
    const isListed = limits.systemPrompts && Array.isArray(messages) && messages.every(isObject);
    return {
      user: user(body.user ?? null),
      metadata: metadataOf(limits)(body.metadata ?? null),
      stop: withCount(body.stop ?? null, limits.stopCountMax),
      tools: withItems(withCount(body.tools ?? null, limits.toolCountMax), tool =>
        withMembers(tool, { function: declared, custom: called }),
      ),
      functions: withItems(body.functions, called),
      tool_choice: withMembers(body.tool_choice, { function: called, custom: called }),
      function_call: called(body.function_call ?? null),
      response_format: withMembers(body.response_format, {
        json_schema: value => withoutStrict(withMembers(value, { name: outputName }), 'schema', limits),
      }),
      messages: isListed ? sameOr(withOnePromptInBody(messages as readonly JsonObject[]), messages) : messages,
    };
  },
  'openai-responses': (body, { user, name, id, outputName }, limits) => ({
    user: user(body.user ?? null),
    metadata: metadataOf(limits)(body.metadata ?? null),
    tools: withItems(withCount(body.tools ?? null, limits.toolCountMax), tool =>
      isObject(tool) && (tool.type === 'function' || tool.type === 'custom')
        ? withoutStrict(withMembers(tool, { name }), 'parameters', limits)
        : tool,
    ),
    tool_choice: withMembers(body.tool_choice, { name }),
    text: withMembers(body.text, { format: value => withoutStrict(withMembers(value, { name: outputName }), 'schema', limits) }),
    input: withItems(body.input, item =>
      withMembers(item, {
        call_id: id,
        ...(isObject(item) && item.namespace === undefined && typeof item.call_id === 'string' ? { name } : {}),
      }),
    ),
  }),
  'anthropic-messages': (body, { user, name, id }, limits) => {
    const block: Change = value => {
      if (!isObject(value)) return value;
      if (value.type === 'tool_use') return withMembers(value, { id, name });
      return value.type === 'tool_result' ? withMembers(value, { tool_use_id: id }) : value;
    };
    return {
      metadata: withMembers(body.metadata, { user_id: user }),
      stop_sequences: withCount(body.stop_sequences ?? null, limits.stopCountMax),
      tools: withItems(withCount(body.tools ?? null, limits.toolCountMax), tool => withMembers(tool, { name })),
      tool_choice: withMembers(body.tool_choice, { name }),
      messages: withItems(body.messages, turn => withMembers(turn, { content: content => withItems(content, block) })),
    };
  },
  'gemini-generate': (body, { name }, limits) => {
    const called: Change = value => withMembers(value, { name });
    const schema: Change = value => (limits.refs && isObject(value) ? withLoneRefs(value) : value);
    const declaration: Change = value => withMembers(value, { name, parametersJsonSchema: schema });
    const part: Change = value => withMembers(value, { functionCall: called, functionResponse: called });
    return {
      tools: withItems(body.tools, tool => withMembers(tool, { functionDeclarations: list => withItems(list, declaration) })),
      toolConfig: withMembers(body.toolConfig, {
        functionCallingConfig: config => withMembers(config, { allowedFunctionNames: list => withItems(list, name) }),
      }),
      generationConfig: withMembers(body.generationConfig, {
        stopSequences: list => withCount(list, limits.stopCountMax),
        responseJsonSchema: schema,
      }),
      contents: withItems(body.contents, content => withMembers(content, { parts: list => withItems(list, part) })),
    };
  },
};

const sameOr = (items: readonly JsonObject[], before: Json): Json =>
  Array.isArray(before) && items.length === before.length && items.every((item, i) => item === before[i]) ? before : items;
