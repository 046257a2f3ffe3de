/** From the HTTP request of a passed-through endpoint to its execution: body, targets, budget, response. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BudgetAdmission } from '../budgets/admission.ts';
import type { ChatRequest } from '../core/chat/chat.ts';
import { type Json, type JsonObject, type SourceSpan, scanObject, spliceMembers } from '../core/chat/json.ts';
import { blockingWarnings } from '../core/chat/request-loss.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import { providerOf } from '../core/targets/target-name.ts';
import { openaiChat } from '../dialects/openai.ts';
import type { RequestContext } from '../exchange/contract.ts';
import { invalid, isRefusal, type Refusal, recordingRefusal } from '../exchange/response/refusal.ts';
import { gatewayMembers } from '../exchange/response/verbatim.ts';
import { type BodyLimits, checkContentType, readBody, readBytes } from '../http/body.ts';
import { checkHostParameters, routedRequestOf } from '../http/parse.ts';
import type { StartedExecution } from '../http/request-executor.ts';
import { noUsage, recordBatch, withBatchUsage } from './batches/batch-items.ts';
import type { FileRegistry } from './batches/file-registry.ts';
import { type FileAccess, isShared, ownerOf, recordOwnership } from './batches/files.ts';
import { type ChosenRoute, chooseAccount, chooseByModel } from './choose.ts';
import type { RequestFields } from './consumption.ts';
import type { Endpoint } from './endpoints.ts';
import { PassThroughExecution, recordingFailed } from './execution.ts';
import { fieldOf, parseForm, withField } from './form.ts';
import { buildTargetRequest, type TargetRequest } from './target-request.ts';
import { estimateTokens } from './token-estimate.ts';

export interface PassThroughRequest {
  readonly endpoint: Endpoint;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly context: RequestContext;
  readonly limits: BodyLimits;
  readonly sink: ExchangeSink;
  readonly files: FileRegistry;
  readonly budgetAdmission: BudgetAdmission;
}

export type StartedPassThrough = StartedExecution;

/** The execution, which writes the response itself; or the error response when nothing was sent to a provider. */
export async function passThrough(input: PassThroughRequest): Promise<StartedPassThrough | Refusal> {
  const { endpoint, request, response, context, sink } = input;
  const received = await readRequestBody(endpoint, request, { ...input.limits, account: context.bytes });
  if (isRefusal(received)) return received;
  const chosen = choose(input, received);
  if (isRefusal(chosen)) return chosen;
  const targetRequests = targetRequestsOf(input, received, chosen);
  if (isRefusal(targetRequests)) return targetRequests;
  const { route, account } = chosen;
  const steps = route.steps.filter(({ target }) => targetRequests.has(target));
  const routed = routedRequestOf(toParsedRequest(request, received), recordedFormat, context, { ...route, steps });
  if (isRefusal(routed)) return routed;
  const estimate = estimateTokens(endpoint, received);
  const routedRequest = estimate ? { ...routed, estimatedTokens: estimate } : routed;
  // No request goes to a provider when it could not be recorded.
  if (sink.refusal() !== undefined) return recordingRefusal;
  const admission = await input.budgetAdmission.admit(routedRequest, context);
  if (admission && isRefusal(admission)) return admission;
  for (const [name, value] of Object.entries(admission?.headers ?? {})) response.setHeader(name, value);
  const fileAccess = fileAccessOf(input);
  let batchUsage = noUsage;
  const execution = new PassThroughExecution({
    endpoint,
    request: routedRequest,
    environment: context.runtime,
    response,
    accept: request.headers.accept ?? '*/*',
    fields: received,
    requestFor: target => targetRequests.get(target)!,
    afterResponse: async (body, target) => {
      if (endpoint.by === 'model') return body;
      if (!endpoint.path.endsWith('/content')) return recordOwnership(fileAccess, endpoint, account!.name, body);
      try {
        batchUsage = await recordBatch({
          id: input.params.id!,
          body,
          target,
          request: routedRequest,
          environment: context.runtime,
          files: input.files,
        });
        return body;
      } catch {
        return recordingFailed;
      }
    },
  });
  // A batch is charged when its results are fetched.
  admission?.settleWhenDone({
    done: execution.done.then(exchange => withBatchUsage(exchange, batchUsage)),
    cancel: () => execution.cancel(),
    resume: () => execution.resume(),
    response: () => execution.response(),
  });
  followResponse(response, execution);
  return { request: routedRequest, execution, isJoined: false };
}

/** A disconnect cancels the execution; a drained response resumes it. */
function followResponse(response: PassThroughRequest['response'], execution: PassThroughExecution): void {
  const onClose = (): void => {
    if (!response.writableFinished) execution.cancel();
  };
  if (response.destroyed) onClose();
  response.once('close', onClose).on('drain', () => execution.resume());
}

/** The request for each target. Targets that cannot carry it are left out; an error response when none can. */
function targetRequestsOf(
  { endpoint, request, context }: PassThroughRequest,
  received: ReceivedBody,
  { route, account }: ChosenRoute,
): ReadonlyMap<string, TargetRequest> | Refusal {
  const modelOf = (target: string): string => (account ? '' : target.slice(target.indexOf('/') + 1));
  const callerRequest = {
    endpoint,
    path: pathOf(request),
    value: received.value,
    bytes: received.bytes,
    contentType: request.headers['content-type'],
    withModel: (model: string) => received.withModel(model),
    firstModel: modelOf(route.steps[0]!.target),
  };
  const targetRequests = new Map<string, TargetRequest>();
  let refusal: Refusal | undefined;
  for (const { target } of route.steps) {
    const at = account ?? context.settings.providers.get(providerOf(target))!;
    const targetRequest = buildTargetRequest(at, modelOf(target), callerRequest);
    if (isRefusal(targetRequest)) refusal ??= targetRequest;
    else if (blockingWarnings(targetRequest.warnings, route.onUnsupported).length === 0) targetRequests.set(target, targetRequest);
  }
  // The first target has no model warning, so only a refusal can leave it out: without targets, `refusal` is set.
  return targetRequests.size > 0 ? targetRequests : refusal!;
}

/** The recorded dialect: replay cannot re-send these requests to another target. */
const recordedFormat = { ...openaiChat, name: 'passthrough' };

interface ReceivedBody extends RequestFields {
  readonly bytes: Buffer | undefined;
  /** The members that choose the target. */
  readonly value: JsonObject;
  readonly stream: boolean;
  withModel(model: string): Buffer;
}

async function readRequestBody(
  { body, operation }: Endpoint,
  request: IncomingMessage,
  limits: BodyLimits,
): Promise<ReceivedBody | Refusal> {
  if (body === 'none' || (operation === 'batches' && body !== 'json')) return emptyBody;
  const type = request.headers['content-type'];
  const isForm = body === 'form' || (body === 'either' && /^multipart\//i.test(type ?? ''));
  return isForm ? readForm(request, limits) : readJson(request, limits);
}

const emptyBody: ReceivedBody = { bytes: undefined, value: {}, stream: false, text: () => undefined, withModel: () => Buffer.alloc(0) };

async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<ReceivedBody | Refusal> {
  const wrongType = checkContentType(request.headers['content-type']);
  if (wrongType) return wrongType;
  const body = await readBody(request, limits);
  if (isRefusal(body)) return body;
  const scan = scanObject(body.text);
  if (!scan.ok) return invalid(scan.problem.code, scan.problem.message, scan.problem.param);
  const { value, members } = scan;
  return (
    checkHostParameters(members) ?? {
      bytes: body.bytes,
      value,
      stream: value.stream === true || value.stream_format === 'sse',
      text: name => textIn(value[name]),
      withModel: model => Buffer.from(withTarget(body.text, members, model)),
    }
  );
}

/** A list of texts, as embeddings take, counts as one text. */
const textIn = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : Array.isArray(value) && value.every(item => typeof item === 'string') ? value.join('\n') : undefined;

const withTarget = (text: string, members: ReadonlyMap<string, SourceSpan>, model: string): string =>
  spliceMembers(text, members, { model: JSON.stringify(model), ...Object.fromEntries(gatewayMembers.map(member => [member, undefined])) });

async function readForm(request: IncomingMessage, limits: BodyLimits): Promise<ReceivedBody | Refusal> {
  const type = request.headers['content-type'];
  if (!/^multipart\/form-data\s*;/i.test(type ?? '')) {
    return invalid('unsupported_media_type', 'The body must be sent with content-type: multipart/form-data.', null, 415);
  }
  const bytes = await readBytes(request, limits);
  if (isRefusal(bytes)) return bytes;
  const form = parseForm(type, bytes);
  if (!form) return invalid('invalid_form', 'The body is not a multipart form with the boundary of its content-type.');
  const model = fieldOf(form, 'model');
  if (model === undefined && form.parts.some(({ name }) => name === 'model')) {
    return invalid('invalid_value', 'model must be in the form once, as text.', 'model');
  }
  return {
    bytes,
    value: model === undefined ? {} : { model },
    stream: fieldOf(form, 'stream') === 'true',
    text: name => fieldOf(form, name),
    withModel: name => withField(form, 'model', name),
  };
}

const providerHeader = 'x-hindcast-provider';

function choose(passThroughRequest: PassThroughRequest, { value }: ReceivedBody): ChosenRoute | Refusal {
  const { endpoint, request, params, context } = passThroughRequest;
  const { settings, key } = context;
  if (endpoint.by === 'model') return chooseByModel(settings, key, endpoint, value);
  const fileAccess = fileAccessOf(passThroughRequest);
  const input = endpoint.operation === 'batches' && typeof value.input_file_id === 'string' ? value.input_file_id : undefined;
  const owner = ownerOf(fileAccess, params.id ?? input);
  if (owner && isRefusal(owner)) return owner;
  const header = request.headers[providerHeader];
  const requested = (Array.isArray(header) ? header[0] : header) ?? queryOf(request).get('provider') ?? undefined;
  return chooseAccount(settings, key, endpoint, requested, owner);
}

const fileAccessOf = ({ files, context: { key, settings } }: PassThroughRequest): FileAccess => ({
  registry: files,
  key,
  shared: isShared(settings),
});

const queryOf = ({ url = '' }: IncomingMessage): URLSearchParams => new URLSearchParams(url.split('?')[1] ?? '');

/** The caller's path and query without `provider`, which is for the gateway. */
function pathOf(request: IncomingMessage): string {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const query = queryOf(request);
  query.delete('provider');
  return query.size > 0 ? `${path.replace(/\/$/, '')}?${query}` : path.replace(/\/$/, '');
}

function toParsedRequest(request: IncomingMessage, received: ReceivedBody) {
  const model = typeof received.value.model === 'string' ? received.value.model : '';
  const chat: ChatRequest = { model, messages: [], tools: [], stream: received.stream, stop: [], extra: {} };
  const user = received.text('user');
  return {
    headers: request.headers,
    body: received.bytes ?? Buffer.alloc(0),
    text: '',
    value: {},
    members: new Map<string, SourceSpan>(),
    chat: user === undefined ? chat : { ...chat, user },
  };
}
