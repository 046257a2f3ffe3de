/** The metrics of requests and attempts: names, help, labels, buckets. The GenAI names are OpenTelemetry's as Prometheus writes them. */
import type { Registry } from 'prom-client';
import { LabelledCounter, LabelledHistogram } from './labelled-metrics.ts';

const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
const firstTokenSeconds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60];
const perTokenSeconds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
const overheadSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 1];

export type RequestInstruments = ReturnType<typeof requestInstruments>;
export type AttemptInstruments = ReturnType<typeof attemptInstruments>;

/** Registers the metrics of requests in the registry and gives them. */
export function requestInstruments(registry: Registry) {
  const labelNames = ['gen_ai_operation_name', 'gen_ai_request_model', 'error_type'] as const;
  return {
    duration: new LabelledHistogram(registry, {
      name: 'gen_ai_server_request_duration_seconds',
      help: 'From the arrival of a request to the last byte of its answer.',
      labelNames,
      buckets: seconds,
    }),
    firstToken: new LabelledHistogram(registry, {
      name: 'gen_ai_server_time_to_first_token_seconds',
      help: 'From the arrival of a request to the first content the caller was sent.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model'],
      buckets: firstTokenSeconds,
    }),
    perToken: new LabelledHistogram(registry, {
      name: 'gen_ai_server_time_per_output_token_seconds',
      help: 'Time between the output tokens of a streamed answer after the first.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model'],
      buckets: perTokenSeconds,
    }),
    total: new LabelledCounter(registry, {
      name: 'hindcast_requests_total',
      help: 'Requests by route and outcome. Requests that name no route count as "direct".',
      labelNames: ['route', 'outcome'],
    }),
    overhead: new LabelledHistogram(registry, {
      name: 'hindcast_overhead_seconds',
      help: 'Time of a request in which no attempt was under way: what the gateway itself takes.',
      labelNames: [],
      buckets: overheadSeconds,
    }),
    queueWait: new LabelledHistogram(registry, {
      name: 'hindcast_queue_wait_seconds',
      help: 'Time that requests waited for a used-up rate limit of a provider, by route.',
      labelNames: ['route'],
      buckets: seconds,
    }),
    escalations: new LabelledCounter(registry, {
      name: 'hindcast_escalations_total',
      help: 'Answers that were declined for another target, by route.',
      labelNames: ['route'],
    }),
    interrupted: new LabelledCounter(registry, {
      name: 'hindcast_stream_interrupted_total',
      help: 'Streams that ended in an error after their first content.',
      labelNames: ['route'],
    }),
  };
}

/** Registers the metrics of attempts in the registry and gives them. */
export function attemptInstruments(registry: Registry) {
  const names = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'gen_ai_response_model'] as const;
  return {
    duration: new LabelledHistogram(registry, {
      name: 'gen_ai_client_operation_duration_seconds',
      help: 'Duration of each attempt at a provider.',
      labelNames: [...names, 'error_type'],
      buckets: seconds,
    }),
    firstChunk: new LabelledHistogram(registry, {
      name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
      help: 'From the start of a streamed attempt to its first content.',
      labelNames: names,
      buckets: seconds,
    }),
    perChunk: new LabelledHistogram(registry, {
      name: 'gen_ai_client_operation_time_per_output_chunk_seconds',
      help: 'Time between the chunks of a streamed attempt after its first content.',
      labelNames: names,
      buckets: seconds,
    }),
    promptCache: new LabelledCounter(registry, {
      name: 'hindcast_prompt_cache_attempts_total',
      help: 'Attempts whose input the provider counted, by whether some of it was read from its prompt cache.',
      labelNames: ['provider', 'model', 'result'],
    }),
    usage: new LabelledHistogram(registry, {
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of each attempt, by type.',
      labelNames: [...names, 'gen_ai_token_type'],
      buckets: tokens,
    }),
    total: new LabelledCounter(registry, {
      name: 'hindcast_attempts_total',
      help: 'Attempts by provider account, model, kind and outcome.',
      labelNames: ['provider', 'model', 'kind', 'outcome'],
    }),
    cost: new LabelledCounter(registry, {
      name: 'hindcast_cost_usd_total',
      help: 'Cost of all attempts, in US dollars.',
      labelNames: ['provider', 'model'],
    }),
    unpriced: new LabelledCounter(registry, {
      name: 'hindcast_unpriced_attempts_total',
      help: 'Attempts with tokens whose price is not known.',
      labelNames: ['provider', 'model'],
    }),
    tokens: new LabelledCounter(registry, { name: 'hindcast_tokens_total', help: 'Tokens by type.', labelNames: ['type'] }),
    confidence: new LabelledHistogram(registry, {
      name: 'hindcast_confidence',
      help: 'Confidence of answers, where it can be measured.',
      labelNames: ['provider', 'model'],
      buckets: shares,
    }),
  };
}
