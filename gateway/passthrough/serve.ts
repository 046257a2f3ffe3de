/** From a request of a passed-through endpoint to its relay: body, caller, account and the targets that may be asked. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Purse } from '../budgets/purse.ts';
import type { ChatRequest } from '../core/chat.ts';
import type { Sink } from '../core/exchange.ts';
import { type Json, type JsonObject, type Span, scanObject, spliceMembers } from '../core/json.ts';
import { forbidding } from '../core/loss.ts';
import { providerOf } from '../core/target.ts';
import { openaiChat } from '../dialects/openai.ts';
import type { RequestContext } from '../exchange/execute.ts';
import { invalid, isRefusal, type Refusal, recordingRefusal } from '../exchange/refusal.ts';
import { gatewayMembers } from '../exchange/verbatim.ts';
import { type BodyLimits, checkContentType, readBody, readBytes } from '../http/body.ts';
import { checkHostParameters, routedRequestOf } from '../http/parse.ts';
import type { StartedExecution } from '../http/request-executor.ts';
import { nothingUsed, recordBatch, withBatch } from './batch-items.ts';
import { type Chosen, chooseAccount, chooseByModel } from './choose.ts';
import type { AskedFor } from './consumed.ts';
import type { Endpoint } from './endpoints.ts';
import { type Holder, heldBy, isShared, noteHeld } from './files.ts';
import { fieldOf, parseForm, withField } from './form.ts';
import type { Ledger } from './ledger.ts';
import { reckonedFor } from './need.ts';
import { Relay, unrecorded } from './relay.ts';
import { type Sending, sendingTo } from './sending.ts';

export interface PassThrough {
  readonly endpoint: Endpoint;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly visit: RequestContext;
  readonly limits: BodyLimits;
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly purse: Purse;
}

export type Relayed = StartedExecution;

export async function passThrough(form: PassThrough): Promise<Relayed | Refusal> {
  const { endpoint, request, response, visit, sink } = form;
  const sent = await read(endpoint, request, form.limits);
  if (isRefusal(sent)) return sent;
  const chosen = choose(form, sent);
  if (isRefusal(chosen)) return chosen;
  const sendings = sendingsOf(form, sent, chosen);
  if (isRefusal(sendings)) return sendings;
  const { route, account } = chosen;
  const steps = route.steps.filter(({ target }) => sendings.has(target));
  const asked = routedRequestOf(askedOf(request, sent), recordedAs, visit, { ...route, steps });
  if (isRefusal(asked)) return asked;
  const reckoned = reckonedFor(endpoint, sent);
  const question = reckoned ? { ...asked, reckoned } : asked;
  // Nothing is asked of a provider that could not be recorded.
  if (sink.refusal() !== undefined) return recordingRefusal;
  const admission = await form.purse.admit(question, visit);
  if (admission && isRefusal(admission)) return admission;
  for (const [name, value] of Object.entries(admission?.headers ?? {})) response.setHeader(name, value);
  const holder = holderOf(form);
  let batch = nothingUsed;
  const asking = new Relay({
    endpoint,
    question,
    world: visit.runtime,
    response,
    accept: request.headers.accept ?? '*/*',
    asked: sent,
    sendingTo: target => sendings.get(target)!,
    after: async (answer, target) => {
      if (endpoint.by === 'model') return answer;
      if (!endpoint.path.endsWith('/content')) return noteHeld(holder, endpoint, account!.name, answer);
      try {
        batch = await recordBatch({ id: form.params.id!, answer, target, question, world: visit.runtime, ledger: form.ledger });
        return answer;
      } catch {
        return unrecorded;
      }
    },
  });
  // A batch is paid for when its results are fetched.
  admission?.follow({
    done: asking.done.then(exchange => withBatch(exchange, batch)),
    cancel: () => asking.cancel(),
    resume: () => asking.resume(),
    response: () => asking.response(),
  });
  const leave = (): void => {
    if (!response.writableFinished) asking.cancel();
  };
  if (response.destroyed) leave();
  response.once('close', leave).on('drain', () => asking.resume());
  return { request: question, execution: asking, isJoined: false };
}

/** By target. Those that cannot carry the request are left out; a refusal when none can. */
function sendingsOf(
  { endpoint, request, visit }: PassThrough,
  sent: Sent,
  { route, account }: Chosen,
): ReadonlyMap<string, Sending> | Refusal {
  const modelOf = (target: string): string => (account ? '' : target.slice(target.indexOf('/') + 1));
  const about = {
    endpoint,
    path: pathOf(request),
    value: sent.value,
    bytes: sent.bytes,
    contentType: request.headers['content-type'],
    withModel: (model: string) => sent.withModel(model),
    firstModel: modelOf(route.steps[0]!.target),
  };
  const sendings = new Map<string, Sending>();
  let refusal: Refusal | undefined;
  for (const { target } of route.steps) {
    const at = account ?? visit.settings.providers.get(providerOf(target))!;
    const sending = sendingTo(at, modelOf(target), about);
    if (isRefusal(sending)) refusal ??= sending;
    else if (forbidding(sending.warnings, route.onUnsupported).length === 0) sendings.set(target, sending);
  }
  // The first target has the first model: it is left out for what it cannot carry alone.
  return sendings.size > 0 ? sendings : refusal!;
}

/** Not one of the dialects that can be asked again elsewhere. */
const recordedAs = { ...openaiChat, name: 'passthrough' };

interface Sent extends AskedFor {
  readonly bytes: Buffer | undefined;
  /** The members that say where it goes. */
  readonly value: JsonObject;
  readonly stream: boolean;
  withModel(model: string): Buffer;
}

async function read({ body, operation }: Endpoint, request: IncomingMessage, limits: BodyLimits): Promise<Sent | Refusal> {
  if (body === 'none' || (operation === 'batches' && body !== 'json')) return nothing;
  const type = request.headers['content-type'];
  const isForm = body === 'form' || (body === 'either' && /^multipart\//i.test(type ?? ''));
  return isForm ? readForm(request, limits) : readJson(request, limits);
}

const nothing: Sent = { bytes: undefined, value: {}, stream: false, text: () => undefined, withModel: () => Buffer.alloc(0) };

async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<Sent | Refusal> {
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

/** A list of texts, as embeddings take, is read as one. */
const textIn = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : Array.isArray(value) && value.every(item => typeof item === 'string') ? value.join('\n') : undefined;

const withTarget = (text: string, members: ReadonlyMap<string, Span>, model: string): string =>
  spliceMembers(text, members, { model: JSON.stringify(model), ...Object.fromEntries(gatewayMembers.map(member => [member, undefined])) });

async function readForm(request: IncomingMessage, limits: BodyLimits): Promise<Sent | Refusal> {
  const type = request.headers['content-type'];
  if (!/^multipart\/form-data\s*;/i.test(type ?? '')) {
    return invalid('unsupported_media_type', 'The body must be sent with content-type: multipart/form-data.', null, 415);
  }
  const bytes = await readBytes(request, limits);
  if (isRefusal(bytes)) return bytes;
  const form = parseForm(type, bytes);
  if (!form) return invalid('invalid_form', 'The body is no multipart form with the boundary that its content-type names.');
  const model = fieldOf(form, 'model');
  if (model === undefined && form.parts.some(({ name }) => name === 'model')) {
    return invalid('invalid_value', 'model must stand in the form once, as a text.', 'model');
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

function choose(form: PassThrough, { value }: Sent): Chosen | Refusal {
  const { endpoint, request, params, visit } = form;
  const { settings, key } = visit;
  if (endpoint.by === 'model') return chooseByModel(settings, key.tenant, endpoint, value);
  const holder = holderOf(form);
  const input = endpoint.operation === 'batches' && typeof value.input_file_id === 'string' ? value.input_file_id : undefined;
  const held = heldBy(holder, params.id ?? input);
  if (held && isRefusal(held)) return held;
  const header = request.headers[providerHeader];
  const named = (Array.isArray(header) ? header[0] : header) ?? queryOf(request).get('provider') ?? undefined;
  return chooseAccount(settings, key.tenant, endpoint, named, held);
}

const holderOf = ({ ledger, visit: { key, settings } }: PassThrough): Holder => ({ ledger, key, shared: isShared(settings) });

const queryOf = ({ url = '' }: IncomingMessage): URLSearchParams => new URLSearchParams(url.split('?')[1] ?? '');

/** As the caller asked for it, less the word that was for us. */
function pathOf(request: IncomingMessage): string {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const query = queryOf(request);
  query.delete('provider');
  return query.size > 0 ? `${path.replace(/\/$/, '')}?${query}` : path.replace(/\/$/, '');
}

function askedOf(request: IncomingMessage, sent: Sent) {
  const asked = typeof sent.value.model === 'string' ? sent.value.model : '';
  const chat: ChatRequest = { model: asked, messages: [], tools: [], stream: sent.stream, stop: [], extra: {} };
  const user = sent.text('user');
  return {
    headers: request.headers,
    body: sent.bytes ?? Buffer.alloc(0),
    text: '',
    value: {},
    members: new Map<string, Span>(),
    chat: user === undefined ? chat : { ...chat, user },
  };
}
