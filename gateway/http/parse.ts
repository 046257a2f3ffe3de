/** Parses and checks a request body, then makes a routed request of it. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type CallerFormat, isFieldProblem } from '../core/chat/caller-format.ts';
import type { ChatRequest } from '../core/chat/chat.ts';
import { isObject, type JsonObject, type SourceSpan, scanObject } from '../core/chat/json.ts';
import type { Caller } from '../core/exchange.ts';
import type { FlagEvaluation } from '../core/routing/variants.ts';
import type { RequestContext, RoutedRequest } from '../exchange/contract.ts';
import { onBreakHeader, withStreamRecovery } from '../exchange/recovery/recovery-policy.ts';
import { invalid, isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import { streamTypeOf } from '../exchange/response/response-head.ts';
import type { FeatureFlags } from '../flags/flags.ts';
import type { CallerKey, Route } from '../settings/settings.ts';
import { describeNoTarget, stickyKeyOf } from '../targets/planner.ts';
import { type Body, type BodyLimits, checkContentType, receiveBody } from './body.ts';
import { inTurn } from './bytes/turns.ts';
import { refusedContentUrl } from './reading/content-urls.ts';
import { namedSessionOf, SessionShares } from './reading/conversation.ts';
import { resolve } from './resolve.ts';

/** A parsed and checked request, not yet routed. */
export interface ParsedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  readonly value: JsonObject;
  readonly members: ReadonlyMap<string, SourceSpan>;
  readonly chat: ChatRequest;
}

/** Parameters by which a caller would choose where its request goes, or as whom. */
const hostParameters = ['api_base', 'base_url', 'api_key', 'custom_host'];

/** Calls `receive` once, with the parsed request or a refusal. */
export function parse(
  request: IncomingMessage,
  dialect: CallerFormat,
  limits: BodyLimits,
  receive: (parsed: ParsedRequest | Refusal) => void,
): void {
  const wrongType = checkContentType(request.headers['content-type']);
  if (wrongType) return receive(wrongType);
  receiveBody(request, limits, body => {
    if (isRefusal(body)) receive(body);
    else inTurn(body.bytes.length, () => receive(parseBody(body, request.headers, dialect)));
  });
}

/** Parses a body from any source. */
export function parseBody({ bytes, text }: Body, headers: IncomingHttpHeaders, dialect: CallerFormat): ParsedRequest | Refusal {
  const scan = scanObject(text);
  if (!scan.ok) return invalid(scan.problem.code, scan.problem.message, scan.problem.param);
  const refusal = checkHostParameters(scan.members);
  if (refusal) return refusal;
  const chat = dialect.parseRequest(withModel(scan.value));
  if (isFieldProblem(chat)) return invalid(chat.problem.code, chat.problem.message, chat.problem.param);
  // Some dialects name the model elsewhere than in the body.
  return { headers, body: bytes, text, value: { ...scan.value, model: chat.model }, members: scan.members, chat };
}

/** The 400 for a body that names a host or a key, such as `base_url`; undefined when it names none. */
export function checkHostParameters(members: ReadonlyMap<string, SourceSpan>): Refusal | undefined {
  const forbiddenMember = hostParameters.find(member => members.has(member));
  if (forbiddenMember === undefined) return undefined;
  return invalid(
    'forbidden_parameter',
    `${forbiddenMember} is not allowed: callers of this gateway name models, never hosts or keys.`,
    forbiddenMember,
  );
}

/** A list of `models` may stand in for `model`. */
function withModel(value: JsonObject): JsonObject {
  const { model, models } = value;
  const first = Array.isArray(models) ? models[0] : undefined;
  return model === undefined && typeof first === 'string' ? { ...value, model: first } : value;
}

/** The routed request: policy, caller and what the record needs. Only a route with a feature flag returns a promise. */
export function route(
  parsed: ParsedRequest,
  dialect: CallerFormat,
  context: RequestContext,
): RoutedRequest | Refusal | Promise<RoutedRequest | Refusal> {
  const chosen = resolve(context.settings, context.key.tenant, parsed.value, context.key);
  if (isRefusal(chosen)) return chosen;
  const caller = chosen.flag === undefined ? undefined : callerFrom(parsed, context.key, chosen.name);
  const flagged = caller && !isRefusal(caller) ? flagOf(chosen, { caller, chat: parsed.chat }, context.flags) : undefined;
  return flagged
    ? flagged.then(flag => routedRequestOf(parsed, dialect, context, chosen, flag))
    : routedRequestOf(parsed, dialect, context, chosen);
}

/** The value of the route's feature flag; undefined without a flag. */
export function flagOf(
  { name, flag, variants = [] }: Route,
  { caller, chat }: { readonly caller: Caller; readonly chat: ChatRequest },
  flags: FeatureFlags | undefined,
): Promise<FlagEvaluation | undefined> | undefined {
  const routes = [name, ...variants.map(variant => variant.route)];
  return flag === undefined
    ? undefined
    : flags?.evaluate(flag, routes, { caller, route: name, model: chat.model, stickyKey: stickyKeyOf({ caller, chat }) });
}

/** The same for a route that was chosen already. */
export function routedRequestOf(
  parsed: ParsedRequest,
  dialect: CallerFormat,
  { id, receivedAt, trace, key, settings, runtime, telemetry, bytes }: RequestContext,
  chosen: Route,
  flag?: FlagEvaluation,
): RoutedRequest | Refusal {
  const { headers } = parsed;
  const refusedUrl = refusedContentUrl(parsed, settings.routing?.contentUrlsAllowed ?? []);
  if (refusedUrl) return refusedUrl;
  const caller = callerFrom(parsed, key, chosen.name);
  if (isRefusal(caller)) return caller;
  const hops = hopsFrom(headers);
  if (typeof hops === 'object') return hops;
  const planned = runtime.policyOf(chosen, { id, chat: parsed.chat, requestBytes: parsed.body.byteLength, caller, flag });
  const policy = withStreamRecovery(planned, { chat: parsed.chat, dialect, requested: headers[onBreakHeader] }, settings.providers);
  if (isRefusal(policy)) return policy;
  const reason = describeNoTarget(policy);
  if (reason !== undefined) return invalid('no_capable_target', reason, 'model');
  const { traceId, spanId, parentSpanId } = trace;
  const streamOptions = parsed.value.stream_options;
  return {
    id,
    receivedAt,
    arrivedAt: receivedAt,
    caller,
    trace: { traceId, spanId, parentSpanId },
    dialect,
    policy,
    onUnsupported: chosen.onUnsupported,
    ...(chosen.copies ? { shadowPlan: chosen.copies } : {}),
    configHash: settings.hash,
    chat: parsed.chat,
    raw: { text: parsed.text, value: parsed.value, members: parsed.members },
    body: parsed.body,
    headers: recordedHeaders(headers),
    includeUsage: dialect.alwaysUsage === true || (isObject(streamOptions) && streamOptions.include_usage === true),
    bytes,
    ...(headers[resumeHeader] === 'true' && parsed.chat.stream && streamTypeOf(dialect).startsWith('text/event-stream')
      ? { isResumable: true as const }
      : {}),
    propagatedTrace: { isSampled: telemetry.isSampled(trace), state: trace.state },
    hops,
  };
}

const resumeHeader = 'x-hindcast-resume';
const tagPrefix = 'x-hindcast-tag-';
const tagsMax = 16;
const tagShape = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
const valueLengthMax = 256;

const sessionShares = new SessionShares();

/** An agent's session is a conversation; any other value only while it is not carried by much of the route's traffic. */
function conversationOf({ headers, value }: ParsedRequest, route: string): string {
  const given = headerText(headers['x-hindcast-conversation']);
  if (given !== '') return given;
  const session = namedSessionOf(headers, value);
  if (!session) return '';
  return session.isAgent || sessionShares.isConversation(route, session.id) ? session.id : '';
}

function callerFrom(parsed: ParsedRequest, key: CallerKey, route: string): Caller | Refusal {
  const { headers, chat } = parsed;
  const tags: Record<string, string> = {};
  let count = 0;
  for (const header in headers) {
    if (!header.startsWith(tagPrefix)) continue;
    const name = header.slice(tagPrefix.length);
    const value = headerText(headers[header]);
    if (!tagShape.test(name) || value.length > valueLengthMax || ++count > tagsMax) return badTag(header);
    tags[name] = value;
  }
  const conversation = conversationOf(parsed, route);
  if (conversation.length > valueLengthMax) {
    return invalid('invalid_value', `x-hindcast-conversation is longer than ${valueLengthMax} characters.`, 'x-hindcast-conversation');
  }
  return {
    tenant: key.tenant,
    project: key.project,
    user: key.user || (chat.user ?? ''),
    key: key.name,
    requestId: headerText(headers['x-request-id']).slice(0, valueLengthMax),
    conversation,
    tags,
  };
}

const badTag = (header: string): Refusal =>
  invalid(
    'invalid_value',
    `A request takes at most ${tagsMax} tags x-hindcast-tag-<name>, with names of up to 64 letters, digits, _ . - and values of up to ${valueLengthMax} characters.`,
    header.slice(0, 100),
  );

/** A gateway that is its own upstream would call itself forever. No gateway on the way retries a 400. */
const hopsMax = 8;

function hopsFrom(headers: IncomingHttpHeaders): number | Refusal {
  const hops = Number(headers['x-hindcast-hop'] ?? 0);
  if (Number.isInteger(hops) && hops >= 0 && hops < hopsMax) return hops;
  return invalid('loop_detected', `The request came through ${hopsMax} gateways: a provider's base_url leads back to this one.`);
}

/** Headers that say something of the client or the call and are never secret. */
const recordedHeaderNames = [
  'user-agent',
  'content-type',
  'accept',
  'http-referer',
  'x-title',
  'openai-beta',
  'anthropic-version',
  'anthropic-beta',
  'x-stainless-lang',
  'x-stainless-package-version',
  'x-stainless-runtime',
  'x-stainless-runtime-version',
  'x-stainless-retry-count',
  'x-stainless-timeout',
  'x-forwarded-for',
];

function recordedHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const name of recordedHeaderNames) {
    const value = headers[name];
    if (value !== undefined) out[name] = headerText(value).slice(0, 2 * valueLengthMax);
  }
  return out;
}

/** Node reads header bytes as Latin-1; what was sent as UTF-8 is read as such. */
export function headerText(value: string | string[] | undefined): string {
  const text = Array.isArray(value) ? value.join(', ') : (value ?? '');
  if (!/[\u0080-\u00ff]/.test(text)) return text;
  const bytes = Buffer.from(text, 'latin1');
  const utf8 = bytes.toString();
  return utf8.includes('\ufffd') ? text : utf8;
}
