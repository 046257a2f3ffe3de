/** The results of a batch, when they are fetched: each line becomes a record of its own, once, priced at the batch's rate. */
import { createHash } from 'node:crypto';
import type { ChatRequest } from '../core/chat.ts';
import type { Exchange, Operation } from '../core/exchange.ts';
import { kindOfStatus } from '../core/failure.ts';
import { isObject, type JsonObject, parseJson } from '../core/json.ts';
import { cost } from '../core/price.ts';
import type { RouteOutcome } from '../core/route.ts';
import { headersOf, urlOf } from '../exchange/call.ts';
import type { ExecutionEnvironment, RoutedRequest, Target } from '../exchange/execute.ts';
import { exchangeOf } from '../exchange/record.ts';
import { newExchangeId } from '../settings/ids.ts';
import { consumedBy } from './consumed.ts';
import type { Ledger } from './ledger.ts';
import { batchPrice } from './price.ts';
import { pathAt } from './support.ts';

export interface Results {
  /** Of the file. */
  readonly id: string;
  readonly answer: Buffer;
  readonly target: Target;
  /** The request that fetched them. */
  readonly question: RoutedRequest;
  readonly world: ExecutionEnvironment;
  readonly ledger: Ledger;
}

/** Of each gateway: a file that is fetched twice at once is recorded by the first. */
const underWay = new Map<string, Promise<BatchUse>>();

/** Rejects when a record cannot be made: the file is then not given out, and the next try goes on where this one stopped. */
export async function recordBatch(results: Results): Promise<BatchUse> {
  const { id } = results;
  const first = underWay.get(id);
  if (first) return first.then(() => nothingUsed);
  const recording = recordItems(results).finally(() => underWay.delete(id));
  underWay.set(id, recording);
  return recording;
}

async function recordItems(results: Results): Promise<BatchUse> {
  const { id, answer, ledger, world } = results;
  const items = itemsIn(answer);
  const recorded = items.length === 0 ? 0 : ledger.recorded(id);
  if (recorded >= items.length) return nothingUsed;
  const held = ledger.find(id);
  if (!held) ledger.keep(id, { provider: results.target.providerName, tenant: results.question.caller.tenant, inputFile: '' });
  const asked = held?.inputFile ? await requestsOf(held.inputFile, results) : new Map<string, JsonObject>();
  let use = nothingUsed;
  for (const [i, item] of items.entries()) {
    if (i < recorded) continue;
    const exchange = exchangeOfItem(item, asked.get(item.customId), results);
    await world.sink.record(exchange);
    use = plus(use, exchange);
    ledger.mark(id, i + 1);
  }
  return use;
}

/** What the items of a batch used together. */
export type BatchUse = { readonly [K in 'costNanoUsd' | 'input' | 'output']: number };

export const nothingUsed: BatchUse = { costNanoUsd: 0, input: 0, output: 0 };

const plus = (use: BatchUse, { costNanoUsd = 0, usage }: Exchange): BatchUse => ({
  costNanoUsd: use.costNanoUsd + costNanoUsd,
  input: use.input + (usage?.input ?? 0),
  output: use.output + (usage?.output ?? 0),
});

/** The fetching with what was fetched, for the budgets that both are paid from. */
export function withBatch(exchange: Exchange, { costNanoUsd, input, output }: BatchUse): Exchange {
  if (input + output === 0) return exchange;
  return { ...exchange, costNanoUsd, usage: { input, output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' } };
}

interface Item {
  readonly customId: string;
  readonly status: number;
  readonly requestId: string;
  readonly body: JsonObject;
}

/** A file that is no results of a batch has none. */
function itemsIn(file: Buffer): readonly Item[] {
  const lines = linesIn(file);
  const items = lines.flatMap((line): readonly Item[] => {
    const { custom_id: customId, response, error } = line;
    if (typeof customId !== 'string' || !(isObject(response) || isObject(error))) return [];
    const told = isObject(response) ? response : {};
    const body = isObject(told.body) ? told.body : { error: error ?? null };
    const status = typeof told.status_code === 'number' ? told.status_code : isObject(response) ? 200 : 500;
    return [{ customId, status, requestId: typeof told.request_id === 'string' ? told.request_id : '', body }];
  });
  return items.length === lines.length ? items : [];
}

const linesIn = (file: Buffer): readonly JsonObject[] => {
  if (file[0] !== 0x7b) return [];
  const lines = file
    .toString()
    .split('\n')
    .filter(line => line.trim() !== '');
  const values = lines.map(parseJson);
  return values.every(isObject) ? values : [];
};

const requestsTimeoutMs = 30_000;

/** What was asked, by its custom id, out of the batch's input; empty when the provider no longer gives it. */
function requestsOf(file: string, { target, world, question }: Results): Promise<ReadonlyMap<string, JsonObject>> {
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, JsonObject>>();
  const chunks: Uint8Array[] = [];
  let isGood = false;
  const done = (): void => {
    cancel();
    const lines = isGood ? linesIn(Buffer.concat(chunks)) : [];
    resolve(
      new Map(
        lines.flatMap(line => (typeof line.custom_id === 'string' && isObject(line.body) ? [[line.custom_id, line.body] as const] : [])),
      ),
    );
  };
  const passed = {
    traceparent: `00-${question.trace.traceId}-${question.trace.spanId}-00`,
    tracestate: '',
    hops: question.hops ?? 0,
    headers: {},
  };
  const { 'content-type': _, ...headers } = headersOf(target, false, passed);
  const handle = world.upstream.send(
    {
      method: 'GET',
      url: urlOf(target, pathAt(target, 'files', `/v1/files/${encodeURIComponent(file)}/content`, '')),
      headers,
      allowPrivate: target.allowPrivate,
    },
    {
      headers: status => {
        isGood = status === 200;
      },
      chunk: bytes => void chunks.push(bytes),
      end: done,
      failed: () => {
        isGood = false;
        done();
      },
    },
  );
  const cancel = world.clock.at(world.clock.now() + requestsTimeoutMs, () => {
    handle.abort();
    isGood = false;
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

function exchangeOfItem({ customId, status, requestId, body }: Item, asked: JsonObject | undefined, results: Results): Exchange {
  const { question, target, world, id } = results;
  const at = world.clock.now();
  const isGood = status >= 200 && status < 300;
  const operation = operationOf(body);
  const consumed = isGood ? consumedOf(operation, body, target) : undefined;
  const served = consumed?.servedModel ?? '';
  const model = typeof asked?.model === 'string' ? asked.model : served;
  const price = consumed?.usage && priceOf(served || model, results, at);
  const decision: RouteOutcome = isGood
    ? { type: 'answered', attempt: 0 }
    : { type: 'failed', failure: { kind: kindOfStatus(status), message: JSON.stringify(body).slice(0, 300), status } };
  const name = `${target.providerName}/${model || 'batch'}`;
  const policy = { ...question.policy, name: `${target.providerName}/batches`, steps: [{ ...question.policy.steps[0]!, target: name }] };
  const response = Buffer.from(JSON.stringify(body));
  const request = Buffer.from(asked ? JSON.stringify(asked) : '');
  const chat: ChatRequest = { model, messages: [], tools: [], stream: false, stop: [], extra: {} };
  const caller = { ...question.caller, requestId: customId, tags: { ...question.caller.tags, batch_file: id } };
  const item: RoutedRequest = {
    ...question,
    id: newExchangeId(at),
    receivedAt: at,
    caller,
    policy,
    chat,
    body: request,
    dialect: dialectOf(operation, question),
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
    accepted: isGood,
    request,
    response,
    chunks: [],
    providerRequestId: requestId,
    ...(consumed?.usage ? { usage: consumed.usage } : {}),
    ...(consumed?.usage && price ? { cost: cost(consumed.usage, price) } : {}),
    signals: {},
    warnings: [],
    flags: [],
  };
  const told = { status, response, committed: isGood ? 0 : undefined, firstTokenAt: undefined, endedAt: at };
  return { ...exchangeOf(item, decision, { state: {}, events: [] }, [attempt], told), operation };
}

/** Chat completions are read by their own parser, which knows what cached and reasoning tokens are called. */
function consumedOf(operation: Operation, body: JsonObject, { provider }: Target) {
  const read = operation === 'chat' ? provider.parseResponse(body) : undefined;
  if (read && !('kind' in read)) return { servedModel: read.model, ...(read.usage ? { usage: read.usage } : {}) };
  return consumedBy(operation, { text: () => undefined }, [body]);
}

/** A chat completion can be asked again, as any other that was recorded. */
const dialectOf = (operation: Operation, { dialect }: RoutedRequest): RoutedRequest['dialect'] =>
  operation === 'chat' ? { ...dialect, name: 'openai-chat' } : dialect;

const priceOf = (model: string, { target, world }: Results, at: number) =>
  batchPrice(world.priceOf(target.provider, target.providerName, model, at), target.provider.priceBook);

const spanIdOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 16);
