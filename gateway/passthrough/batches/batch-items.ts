/** Records the results of a batch when they are fetched: one record per line, once, at the batch price. */
import { createHash } from 'node:crypto';
import type { ChatRequest } from '../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import type { Exchange, Operation } from '../../core/exchange.ts';
import { cost } from '../../core/money/price.ts';
import type { RouteOutcome } from '../../core/routing/router.ts';
import { failureKindOfStatus } from '../../core/shared/failure.ts';
import { headersOf, urlOf } from '../../exchange/attempt/call.ts';
import type { ExecutionEnvironment, RoutedRequest, Target } from '../../exchange/contract.ts';
import { exchangeOf } from '../../exchange/record.ts';
import { newExchangeId } from '../../settings/ids.ts';
import { consumptionOf } from '../consumption.ts';
import { batchPrice } from '../price.ts';
import { pathAt } from '../support.ts';
import type { FileRegistry } from './file-registry.ts';

export interface BatchResults {
  /** Of the results file. */
  readonly id: string;
  /** The file's content. */
  readonly body: Buffer;
  readonly target: Target;
  /** The request that fetched them. */
  readonly request: RoutedRequest;
  readonly environment: ExecutionEnvironment;
  readonly files: FileRegistry;
}

/** Recordings in progress by file id: of two concurrent fetches only the first records. */
const inProgress = new Map<string, Promise<BatchUsage>>();

/** What the results used. Rejects when a record fails: the caller then gets no file, and the next fetch continues after the last record. */
export async function recordBatch(results: BatchResults): Promise<BatchUsage> {
  const { id } = results;
  const first = inProgress.get(id);
  if (first) return first.then(() => noUsage);
  const recording = recordItems(results).finally(() => inProgress.delete(id));
  inProgress.set(id, recording);
  return recording;
}

async function recordItems(results: BatchResults): Promise<BatchUsage> {
  const { id, body, files, environment } = results;
  const items = parseItems(body);
  const recorded = items.length === 0 ? 0 : files.recorded(id);
  if (recorded >= items.length) return noUsage;
  const owner = files.find(id);
  if (!owner) files.add(id, { provider: results.target.providerName, tenant: results.request.caller.tenant, inputFile: '' });
  const requests = owner?.inputFile ? await fetchRequests(owner.inputFile, results) : new Map<string, JsonObject>();
  let usage = noUsage;
  for (const [i, item] of items.entries()) {
    if (i < recorded) continue;
    const exchange = exchangeOfItem(item, requests.get(item.customId), results);
    await environment.sink.record(exchange);
    usage = addUsage(usage, exchange);
    files.markRecorded(id, i + 1);
  }
  return usage;
}

/** What the items of a batch used together. */
export type BatchUsage = { readonly [K in 'costNanoUsd' | 'input' | 'output']: number };

/** The usage of no item at all. */
export const noUsage: BatchUsage = { costNanoUsd: 0, input: 0, output: 0 };

const addUsage = (total: BatchUsage, { costNanoUsd = 0, usage }: Exchange): BatchUsage => ({
  costNanoUsd: total.costNanoUsd + costNanoUsd,
  input: total.input + (usage?.input ?? 0),
  output: total.output + (usage?.output ?? 0),
});

/** The exchange of the fetch with the batch's usage and cost added, so that budgets are charged for both. */
export function withBatchUsage(exchange: Exchange, { costNanoUsd, input, output }: BatchUsage): Exchange {
  if (input + output === 0) return exchange;
  return { ...exchange, costNanoUsd, usage: { input, output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' } };
}

interface Item {
  readonly customId: string;
  readonly status: number;
  readonly requestId: string;
  readonly body: JsonObject;
}

/** The result lines of the file; [] for a file that holds no batch results. */
function parseItems(file: Buffer): readonly Item[] {
  const lines = parseLines(file);
  const items = lines.flatMap((line): readonly Item[] => {
    const { custom_id: customId, response, error } = line;
    if (typeof customId !== 'string' || !(isObject(response) || isObject(error))) return [];
    const itemResponse = isObject(response) ? response : {};
    const body = isObject(itemResponse.body) ? itemResponse.body : { error: error ?? null };
    const status = typeof itemResponse.status_code === 'number' ? itemResponse.status_code : isObject(response) ? 200 : 500;
    return [{ customId, status, requestId: typeof itemResponse.request_id === 'string' ? itemResponse.request_id : '', body }];
  });
  return items.length === lines.length ? items : [];
}

const parseLines = (file: Buffer): readonly JsonObject[] => {
  if (file[0] !== 0x7b) return [];
  const lines = file
    .toString()
    .split('\n')
    .filter(line => line.trim() !== '');
  const values = lines.map(parseJson);
  return values.every(isObject) ? values : [];
};

const requestsTimeoutMs = 30_000;

/** The requests of the batch by custom id, from its input file; empty when the provider no longer has the file. */
function fetchRequests(file: string, { target, environment, request: routed }: BatchResults): Promise<ReadonlyMap<string, JsonObject>> {
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, JsonObject>>();
  const chunks: Uint8Array[] = [];
  let isSuccess = false;
  const done = (): void => {
    cancel();
    const lines = isSuccess ? parseLines(Buffer.concat(chunks)) : [];
    resolve(
      new Map(
        lines.flatMap(line => (typeof line.custom_id === 'string' && isObject(line.body) ? [[line.custom_id, line.body] as const] : [])),
      ),
    );
  };
  const forwarded = {
    traceparent: `00-${routed.trace.traceId}-${routed.trace.spanId}-00`,
    tracestate: '',
    hops: routed.hops ?? 0,
    headers: {},
  };
  const { 'content-type': _, ...headers } = headersOf(target, false, forwarded);
  const handle = environment.upstream.send(
    {
      method: 'GET',
      url: urlOf(target, pathAt(target, 'files', `/v1/files/${encodeURIComponent(file)}/content`, '')),
      headers,
      allowPrivate: target.allowPrivate,
    },
    {
      headers: status => {
        isSuccess = status === 200;
      },
      chunk: bytes => void chunks.push(bytes),
      end: done,
      failed: () => {
        isSuccess = false;
        done();
      },
    },
  );
  const cancel = environment.clock.at(environment.clock.now() + requestsTimeoutMs, () => {
    handle.abort();
    isSuccess = false;
    done();
  });
  return promise;
}

const operations: readonly (readonly [member: RegExp, operation: Operation])[] = [
  [/^chat\.completion$/, 'chat'],
  [/^text_completion$/, 'text_completion'],
];

function operationOf({ object, data, results }: JsonObject): Operation {
  if (object === 'list' && Array.isArray(data)) return 'embeddings';
  if (Array.isArray(results)) return 'moderation';
  return operations.find(([shape]) => shape.test(String(object)))?.[1] ?? 'chat';
}

function exchangeOfItem({ customId, status, requestId, body }: Item, itemRequest: JsonObject | undefined, results: BatchResults): Exchange {
  const { request: routed, target, environment, id } = results;
  const at = environment.clock.now();
  const isSuccess = status >= 200 && status < 300;
  const operation = operationOf(body);
  const consumption = isSuccess ? consumptionOfItem(operation, body, target) : undefined;
  const served = consumption?.servedModel ?? '';
  const model = typeof itemRequest?.model === 'string' ? itemRequest.model : served;
  const price = consumption?.usage && priceOf(served || model, results, at);
  const decision: RouteOutcome = isSuccess
    ? { type: 'answered', attempt: 0 }
    : { type: 'failed', failure: { kind: failureKindOfStatus(status), message: JSON.stringify(body).slice(0, 300), status } };
  const name = `${target.providerName}/${model || 'batch'}`;
  const policy = { ...routed.policy, name: `${target.providerName}/batches`, steps: [{ ...routed.policy.steps[0]!, target: name }] };
  const response = Buffer.from(JSON.stringify(body));
  const request = Buffer.from(itemRequest ? JSON.stringify(itemRequest) : '');
  const chat: ChatRequest = { model, messages: [], tools: [], stream: false, stop: [], extra: {} };
  const caller = { ...routed.caller, requestId: customId, tags: { ...routed.caller.tags, batch_file: id } };
  const item: RoutedRequest = {
    ...routed,
    id: newExchangeId(at),
    receivedAt: at,
    caller,
    policy,
    chat,
    body: request,
    dialect: callerFormatOf(operation, routed),
  };
  const attempt = {
    number: 1,
    kind: 'primary' as const,
    step: 0,
    target: name,
    provider: target.providerName,
    model,
    servedModel: served,
    credential: target.key?.fingerprint ?? '',
    spanId: spanIdOf(item.id),
    startedAt: at,
    endedAt: at,
    status,
    outcome: decision.type === 'answered' ? ('ok' as const) : decision.failure.kind,
    ...(decision.type === 'failed' ? { failure: decision.failure } : {}),
    accepted: isSuccess,
    request,
    response,
    chunks: [],
    providerRequestId: requestId,
    ...(consumption?.usage ? { usage: consumption.usage } : {}),
    ...(consumption?.usage && price ? { cost: cost(consumption.usage, price) } : {}),
    signals: {},
    warnings: [],
    flags: [],
  };
  const delivered = { status, response, committed: isSuccess ? 0 : undefined, firstTokenAt: undefined, endedAt: at };
  return { ...exchangeOf(item, decision, { state: {}, events: [] }, [attempt], delivered), operation };
}

/** Chat completions have a parser that also reads cached and reasoning tokens. */
function consumptionOfItem(operation: Operation, body: JsonObject, { provider }: Target) {
  const parsed = operation === 'chat' ? provider.parseResponse(body) : undefined;
  if (parsed && !('kind' in parsed)) return { servedModel: parsed.model, ...(parsed.usage ? { usage: parsed.usage } : {}) };
  return consumptionOf(operation, { text: () => undefined }, [body]);
}

/** Replay can re-send a recorded chat completion. */
const callerFormatOf = (operation: Operation, { dialect }: RoutedRequest): RoutedRequest['dialect'] =>
  operation === 'chat' ? { ...dialect, name: 'openai-chat' } : dialect;

const priceOf = (model: string, { target, environment }: BatchResults, at: number) =>
  batchPrice(environment.priceOf(target.provider, target.providerName, model, at), target.provider.priceBook);

const spanIdOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 16);
