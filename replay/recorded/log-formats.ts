/** Converts log rows to recorded requests: `hindcast replay export`, Helicone, LiteLLM, traces, OpenAI batch files, and request bodies. */
import { isObject, type Json, type JsonObject } from '../../gateway/core/chat/json.ts';
import type { Answer } from './answer.ts';
import type { RecordedAttempt } from './attempts.ts';
import { dialectAt, instantOf, json, number, object, text, texts, toRecordedRequest } from './log-entry.ts';
import type { RecordedRequest } from './requests.ts';
import { fromLangfuse, fromSpan, fromTensorZero } from './trace-formats.ts';

/** The recorded request, or a text with the reason why the row is not one. */
export function requestFromRow(row: Json): RecordedRequest | string {
  if (!isObject(row)) return 'not a JSON object';
  if (isObject(row.request) && isObject(row.answer)) return fromHindcastExport(row);
  if (row.request_created_at !== undefined || (row.request_body !== undefined && row.request_id !== undefined)) return fromHelicone(row);
  if (row.call_type !== undefined || row.proxy_server_request !== undefined) return fromLitellm(row);
  if (row.spanId !== undefined && row.attributes !== undefined) return fromSpan(row);
  if (row.type === 'GENERATION') return fromLangfuse(row);
  if (row.episode_id !== undefined && row.function_name !== undefined) return fromTensorZero(row);
  if (isObject(row.body)) return fromBareBody(row.body, text(row.custom_id), text(row.url));
  if (row.messages !== undefined || row.contents !== undefined || row.input !== undefined) return fromBareBody(row, '', '');
  return 'unknown format: known are hindcast replay export, Helicone, LiteLLM, Langfuse, TensorZero, OpenTelemetry GenAI spans, OpenAI batch, and request bodies with messages';
}

function finishIn(response: Json | undefined): string {
  const choice = isObject(response) && Array.isArray(response.choices) ? (response.choices[0] as Json | undefined) : undefined;
  const reason = isObject(choice) ? text(choice.finish_reason) : isObject(response) ? text(response.stop_reason) : '';
  return reason === 'tool_calls' || reason === 'tool_use'
    ? 'tool-calls'
    : reason === 'end_turn'
      ? 'stop'
      : reason === 'max_tokens'
        ? 'length'
        : reason;
}

/** A line of `hindcast replay export`. */
function fromHindcastExport(row: JsonObject): RecordedRequest | string {
  const request = object(row.request);
  const answer = object(row.answer);
  const body = typeof request.body === 'string' ? request.body : JSON.stringify(request.body ?? null);
  if (!isObject(json(body))) return 'request.body is not a JSON object';
  const attempts = Array.isArray(row.attempts) ? (row.attempts as unknown as readonly RecordedAttempt[]) : undefined;
  const recorded = toRecordedRequest({
    id: text(request.id),
    receivedAt: instantOf(request.receivedAt),
    dialect: text(request.dialect) || dialectAt('', object(body)),
    body,
    tenant: text(request.tenant),
    user: text(request.user),
    conversation: text(request.conversation),
    tags: texts(object(request.tags)),
    route: text(request.route),
    answer: answer as unknown as Partial<Answer>,
  });
  return attempts ? { ...recorded, attempts } : recorded;
}

function fromHelicone(row: JsonObject): RecordedRequest | string {
  const body = object(row.request_body);
  if (Object.keys(body).length === 0) return 'request_body is missing: export with bodies';
  const properties = texts(object(row.request_properties ?? row.properties));
  const status = number(row.response_status ?? row.status);
  const response = json(row.response_body);
  const provider = text(row.provider).toLowerCase();
  const model = text(row.response_model) || text(row.request_model) || text(row.model);
  const cost = row.cost ?? row.costUSD ?? row.cost_usd;
  const firstToken = number(row.time_to_first_token);
  return toRecordedRequest({
    id: text(row.request_id),
    receivedAt: instantOf(row.request_created_at),
    dialect: dialectAt(text(row.request_path), body),
    body: JSON.stringify(body.model === undefined && model !== '' ? { model, ...body } : body),
    user: text(row.request_user_id ?? row.user_id),
    conversation: properties['Helicone-Session-Id'] ?? '',
    tags: properties,
    ...(response === undefined ? {} : { response }),
    answer: {
      outcome:
        status >= 200 && status < 300
          ? 'ok'
          : status === 429
            ? 'rate_limited'
            : status >= 500 || status <= 0
              ? 'upstream_error'
              : 'client_error',
      target: provider === '' ? model : `${provider}/${model}`,
      finish: finishIn(response),
      inputTokens: number(row.prompt_tokens),
      outputTokens: number(row.completion_tokens),
      cachedTokens: number(row.prompt_cache_read_tokens),
      reasoningTokens: number(row.reasoning_tokens),
      latencyMs: number(row.delay_ms ?? row.latency),
      ...(firstToken > 0 ? { firstTokenMs: firstToken } : {}),
      ...(cost === undefined || cost === null ? {} : { costNanoUsd: Math.round(number(cost) * 1e9) }),
    },
  });
}

/** Parameters that LiteLLM does not send to the provider. */
const litellmParameters = new Set([
  'extra_body',
  'extra_headers',
  'max_retries',
  'stream_chunk_size',
  'api_key',
  'api_base',
  'user_continue_message',
]);

/** LiteLLM's standard logging payload, and rows of its spend log. */
function fromLitellm(row: JsonObject): RecordedRequest | string {
  const type = text(row.call_type);
  const sent = object(object(row.proxy_server_request).body ?? row.proxy_server_request);
  const messages = json(row.messages);
  const parameters = Object.fromEntries(Object.entries(object(row.model_parameters)).filter(([key]) => !litellmParameters.has(key)));
  const body =
    sent.messages !== undefined || sent.input !== undefined
      ? sent
      : { model: text(row.model_group) || text(row.model), messages: messages ?? null, ...parameters };
  if (!Array.isArray(body.messages) && body.input === undefined) return 'messages are missing: LiteLLM was configured not to log them';
  const response = json(row.response);
  const [start, end, first] = [instantOf(row.startTime), instantOf(row.endTime), instantOf(row.completionStartTime)];
  const provider = text(row.custom_llm_provider);
  const model = text(row.model).replace(`${provider}/`, '');
  const metadata = object(row.metadata);
  const cost = row.response_cost ?? row.spend;
  return toRecordedRequest({
    id: text(row.id) || text(row.request_id),
    receivedAt: start,
    dialect: /anthropic_messages/.test(type) ? 'anthropic-messages' : /responses/.test(type) ? 'openai-responses' : 'openai-chat',
    body: JSON.stringify(body),
    tenant: text(metadata.user_api_key_team_alias) || text(metadata.user_api_key_team_id) || text(row.team_id),
    user: text(row.end_user),
    conversation: text(row.session_id) || text(row.trace_id),
    tags: Array.isArray(row.request_tags) ? Object.fromEntries(row.request_tags.map(tag => [text(tag as Json), 'true'])) : {},
    ...(response === undefined ? {} : { response }),
    answer: {
      outcome: text(row.status) === 'failure' ? 'upstream_error' : 'ok',
      target: provider === '' ? model : `${provider}/${model}`,
      finish: finishIn(response),
      inputTokens: number(row.prompt_tokens),
      outputTokens: number(row.completion_tokens),
      latencyMs: Math.max(0, end - start),
      ...(first > start ? { firstTokenMs: first - start } : {}),
      ...(cost === undefined || cost === null ? {} : { costNanoUsd: Math.round(number(cost) * 1e9) }),
    },
  });
}

function fromBareBody(body: JsonObject, id: string, path: string): RecordedRequest {
  return toRecordedRequest({ id, receivedAt: 0, dialect: dialectAt(path, body), body: JSON.stringify(body), answer: { outcome: '' } });
}
