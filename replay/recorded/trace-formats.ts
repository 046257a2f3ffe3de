/** Traces as recorded requests: OpenTelemetry GenAI spans, observations of Langfuse, inferences of TensorZero. */
import { isObject, type Json, type JsonObject } from '../../gateway/core/chat/json.ts';
import { instantOf, json, number, object, text, texts, toRecordedRequest } from './log-entry.ts';
import type { RecordedRequest } from './requests.ts';

/** The spans of an OTLP export, each with its attributes by name; any other row as it is. */
export function spansIn(row: Json): readonly Json[] {
  if (!isObject(row) || !Array.isArray(row.resourceSpans)) return [row];
  const members = (value: Json | undefined, key: string): readonly Json[] => {
    const list = isObject(value) ? value[key] : undefined;
    return Array.isArray(list) ? (list as readonly Json[]) : [];
  };
  return row.resourceSpans.flatMap(resource => members(resource as Json, 'scopeSpans').flatMap(scope => members(scope, 'spans')));
}

/** Of an OTLP attribute list, or of a map as other exporters write it. */
function attributesOf(attributes: Json | undefined): JsonObject {
  if (isObject(attributes)) return attributes;
  if (!Array.isArray(attributes)) return {};
  return Object.fromEntries(
    attributes.flatMap(one => (isObject(one as Json) ? [[text((one as JsonObject).key), plain((one as JsonObject).value)]] : [])),
  );
}

/** An OTLP value as JSON. */
function plain(value: Json | undefined): Json {
  if (!isObject(value)) return value ?? null;
  if (isObject(value.arrayValue)) return Array.isArray(value.arrayValue.values) ? (value.arrayValue.values as Json[]).map(plain) : [];
  if (isObject(value.kvlistValue)) return attributesOf(value.kvlistValue.values);
  if (value.intValue !== undefined) return number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue ?? null;
}

const parametersOfSpans = ['temperature', 'top_p', 'max_tokens', 'seed', 'frequency_penalty', 'presence_penalty'];

/** A client span of the conventions since 1.37: `gen_ai.input.messages` and `gen_ai.output.messages`. Parts other than text and tool calls are refused. */
export function fromSpan(row: JsonObject): RecordedRequest | string {
  const attributes = attributesOf(row.attributes);
  const of = (name: string): Json | undefined => attributes[`gen_ai.${name}`];
  const input = json(of('input.messages'));
  if (!Array.isArray(input)) return 'the span has no gen_ai.input.messages: it is no model call, or content is not captured';
  const instructions = json(of('system_instructions'));
  const messages = [...(Array.isArray(instructions) ? [{ role: 'system', parts: instructions as Json }] : []), ...(input as Json[])].map(
    messageOf,
  );
  const refused = messages.find(message => typeof message === 'string');
  if (typeof refused === 'string') return refused;
  const [output] = ((json(of('output.messages')) as Json[] | undefined) ?? []).map(messageOf);
  const model = text(of('request.model'));
  const provider = text(of('provider.name')) || text(of('system'));
  const stop = json(of('request.stop_sequences'));
  const parameters = parametersOfSpans.flatMap(name => {
    const value = of(`request.${name}`);
    return value === undefined ? [] : [[name, number(value)] as const];
  });
  const [start, end] = [row.startTimeUnixNano, row.endTimeUnixNano].map(nanos => Math.round(number(nanos) / 1e6)) as [number, number];
  const isFailed = isObject(row.status) && (row.status.code === 2 || row.status.code === 'STATUS_CODE_ERROR');
  const [finish] = ((json(of('response.finish_reasons')) as Json[] | undefined) ?? []).map(text);
  return toRecordedRequest({
    id: text(row.spanId),
    receivedAt: start,
    dialect: 'openai-chat',
    body: JSON.stringify({ model, messages, ...Object.fromEntries(parameters), ...(Array.isArray(stop) ? { stop } : {}) }),
    conversation: text(of('conversation.id')),
    ...(isObject(output) ? { response: completionOf(output, finish ?? '') } : {}),
    answer: {
      outcome: isFailed ? 'upstream_error' : 'ok',
      target: provider === '' ? model : `${provider}/${text(of('response.model')) || model}`,
      finish: finish ?? '',
      inputTokens: number(of('usage.input_tokens')),
      outputTokens: number(of('usage.output_tokens')),
      latencyMs: Math.max(0, end - start),
    },
  });
}

/** A message of the conventions as one of chat completions; a string is why it is none. */
function messageOf(message: Json): JsonObject | string {
  const { role, parts } = object(message);
  if (!Array.isArray(parts)) return 'a message of the span has no parts';
  const own = (parts as Json[]).map(object);
  const strange = own.find(({ type }) => !['text', 'tool_call', 'tool_call_response', 'reasoning'].includes(text(type)));
  if (strange) return `a message of the span has a part of type ${text(strange.type) || 'unknown'}, which is not read`;
  const answered = own.find(({ type }) => type === 'tool_call_response');
  const asText = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));
  if (answered) return { role: 'tool', tool_call_id: text(answered.id), content: asText(answered.response ?? answered.result) };
  const calls = own.filter(({ type }) => type === 'tool_call');
  const content = own
    .filter(({ type }) => type === 'text')
    .map(part => text(part.content))
    .join('');
  return {
    role: text(role) || 'user',
    content: content === '' && calls.length > 0 ? null : content,
    ...(calls.length > 0
      ? {
          tool_calls: calls.map(({ id, name, arguments: given }) => ({
            id: text(id),
            type: 'function',
            function: { name: text(name), arguments: asText(given) },
          })),
        }
      : {}),
  };
}

const completionOf = (message: JsonObject, finish: string): Json => ({
  ...{ id: '', object: 'chat.completion', created: 0, model: '' },
  choices: [{ index: 0, message: { ...message, role: 'assistant' }, finish_reason: finish || 'stop' }],
});

/** A generation, from the API or from blob storage. Its input is a list of chat messages, alone or in `messages`. */
export function fromLangfuse(row: JsonObject): RecordedRequest | string {
  const input = json(row.input);
  const messages = Array.isArray(input) ? input : object(input as Json).messages;
  if (!Array.isArray(messages)) return 'the input of the observation is no list of chat messages';
  const model = text(row.provided_model_name ?? row.model);
  const [start, end, first] = [
    row.start_time ?? row.startTime,
    row.end_time ?? row.endTime,
    row.completion_start_time ?? row.completionStartTime,
  ].map(instantOf);
  const cost = row.total_cost ?? row.totalCost ?? row.calculatedTotalCost;
  const usage = object(row.usage_details ?? row.usageDetails ?? row.usage);
  const output = json(row.output);
  const message = isObject(output) && output.role === undefined && isObject(output.message) ? output.message : output;
  return toRecordedRequest({
    id: text(row.id),
    receivedAt: start!,
    dialect: 'openai-chat',
    body: JSON.stringify({ model, messages, ...object(row.model_parameters ?? row.modelParameters) }),
    user: text(row.user_id ?? row.userId),
    conversation: text(row.session_id ?? row.sessionId),
    ...(typeof output === 'string'
      ? { response: output }
      : isObject(message) && message.content !== undefined
        ? { response: completionOf(message, '') }
        : {}),
    answer: {
      outcome: row.level === 'ERROR' ? 'upstream_error' : 'ok',
      target: model,
      inputTokens: number(usage.input),
      outputTokens: number(usage.output),
      latencyMs: Math.max(0, end! - start!),
      ...(first! > start! ? { firstTokenMs: first! - start! } : {}),
      ...(cost === undefined || cost === null ? {} : { costNanoUsd: Math.round(number(cost) * 1e9) }),
    },
  });
}

/** A row of `ChatInference`: the function stands for the model, its variant is a tag, the episode is the conversation. */
export function fromTensorZero(row: JsonObject): RecordedRequest | string {
  const { system, messages } = object(row.input);
  if (!Array.isArray(messages)) return 'the input of the inference has no messages';
  const textOf = (content: Json | undefined): string | undefined => {
    if (typeof content === 'string') return content;
    const blocks = Array.isArray(content) ? (content as Json[]).map(object) : undefined;
    return blocks?.every(({ type }) => type === 'text') ? blocks.map(block => text(block.text)).join('') : undefined;
  };
  const read = (messages as Json[]).map(one => ({ role: text(object(one).role), content: textOf(object(one).content) }));
  if (read.some(({ content }) => content === undefined) || (system !== undefined && system !== null && typeof system !== 'string'))
    return 'the input of the inference has templates or blocks other than text, which are not read';
  const output = textOf(json(row.output));
  const variant = text(row.variant_name);
  return toRecordedRequest({
    id: text(row.id),
    receivedAt: instantOf(row.timestamp),
    dialect: 'openai-chat',
    body: JSON.stringify({
      model: text(row.function_name),
      messages: [...(typeof system === 'string' ? [{ role: 'system', content: system }] : []), ...read],
    }),
    conversation: text(row.episode_id),
    tags: { ...texts(object(row.tags)), ...(variant === '' ? {} : { variant }) },
    ...(output === undefined ? {} : { response: output }),
    answer: {
      outcome: 'ok',
      target: `${text(row.function_name)}${variant === '' ? '' : `/${variant}`}`,
      latencyMs: number(row.processing_time_ms),
    },
  });
}
