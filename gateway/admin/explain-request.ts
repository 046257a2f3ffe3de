/** What would become of a request, target by target: the bytes that would be sent and what they cannot carry. Nobody is called. */

import type { CallerFormat } from '../core/chat/caller-format.ts';
import { type Json, type JsonObject, parseJson } from '../core/chat/json.ts';
import { blockingWarnings, type FieldFidelity, fidelityOf } from '../core/chat/request-loss.ts';
import type { RouteStep } from '../core/routing/router.ts';
import { headersOf, urlOf } from '../exchange/attempt/call.ts';
import type { GatewayRuntime, RoutedRequest } from '../exchange/contract.ts';
import { isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import { gatewayMembers } from '../exchange/response/verbatim.ts';
import { prepare } from '../exchange/routed-request.ts';
import { type ParsedRequest, parseBody } from '../http/parse.ts';
import { resolve } from '../http/resolve.ts';
import { Secret } from '../settings/secret.ts';
import type { Route, Settings } from '../settings/settings.ts';
import { type Reasons, reasonsOf } from './candidate-reasons.ts';

export interface Explanation {
  readonly route: string;
  readonly on_unsupported: Route['onUnsupported'];
  readonly dialect: string;
  readonly requested_model: string;
  /** The variant of the route that this request takes, and why. */
  readonly variant?: { readonly name: string; readonly why: string };
  /** The flag that may name another where the gateway runs; here shares decide. */
  readonly flag?: string;
  readonly candidates: readonly Candidate[];
  /** Targets of the route that would not be called, and why. */
  readonly refused: readonly { readonly target: string; readonly why: string }[];
}

export interface Candidate {
  readonly target: string;
  readonly api: string;
  readonly model: string;
  /** Why it is tried, and when. */
  readonly reasons: Reasons;
  readonly method: 'POST';
  readonly url: string;
  /** The key reads `[secret]`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as JSON. */
  readonly body: Json;
  /** The caller's own bytes are sent, except for the model's name and members that the gateway needs. */
  readonly passes: boolean;
  /** Of every field: `exact`, `approximated` or `dropped`. */
  readonly fields: readonly FieldFidelity[];
  /** The fields for which `on_unsupported: reject` refuses this target; [] when it would be called. */
  readonly refused_for: readonly string[];
}

export interface ExplainInput {
  readonly text: string;
  /** In place of the model that the body names. */
  readonly model?: string | undefined;
  readonly dialect: CallerFormat;
  readonly tenant: string;
}

export function explainRequest(settings: Settings, runtime: GatewayRuntime, input: ExplainInput): Explanation | Refusal {
  const text = input.model === undefined ? input.text : withModel(input.text, input.model);
  const parsed = parseBody({ bytes: Buffer.from(text), text }, {}, input.dialect);
  if (isRefusal(parsed)) return parsed;
  const route = resolve(settings, input.tenant, parsed.value);
  if (isRefusal(route)) return route;
  const routed = toRoutedRequest(parsed, route, input, settings, runtime);
  const { steps, considered = [], variant } = routed.policy;
  return {
    route: route.name,
    ...(variant ? { variant } : {}),
    ...(route.flag === undefined ? {} : { flag: route.flag }),
    on_unsupported: route.onUnsupported,
    dialect: input.dialect.name,
    requested_model: parsed.chat.model,
    candidates: steps.map((step, index) => candidateOf(routed, step, reasonsOf(routed, index), runtime)),
    refused: considered.filter(({ taken }) => !taken).map(({ target, why }) => ({ target, why })),
  };
}

/** A body that is no object is left as it is: reading it will say what is wrong with it. */
function withModel(text: string, model: string): string {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? JSON.stringify({ ...(value as JsonObject), model, models: undefined, fallbacks: undefined })
    : text;
}

const anonymousCaller = { tenant: '', project: '', user: '', key: '', requestId: '', conversation: '', tags: {} };

/** As the gateway would render it, without a time and a caller. */
function toRoutedRequest(
  parsed: ParsedRequest,
  route: Route,
  { dialect, tenant }: ExplainInput,
  settings: Settings,
  runtime: GatewayRuntime,
): RoutedRequest {
  const id = '00000000-0000-7000-8000-000000000000';
  const caller = { ...anonymousCaller, tenant };
  return {
    id,
    receivedAt: runtime.clock.now(),
    caller,
    trace: { traceId: '', spanId: '', parentSpanId: '' },
    dialect,
    policy: runtime.policyOf(route, { id, chat: parsed.chat, requestBytes: parsed.body.byteLength, caller }),
    onUnsupported: route.onUnsupported,
    configHash: settings.hash,
    chat: parsed.chat,
    raw: { text: parsed.text, value: parsed.value, members: parsed.members },
    body: parsed.body,
    headers: {},
    includeUsage: false,
  };
}

function candidateOf(routed: RoutedRequest, step: RouteStep, reasons: Reasons, world: GatewayRuntime): Candidate {
  const target = world.targetOf(step.target, routed.id);
  const prepared = prepare(routed, step, target.provider, target.model);
  const redactedTarget = { ...target, key: target.key && new Secret(String(target.key)) };
  const fields = [...routed.raw.members.keys()].filter(field => !gatewayMembers.includes(field));
  const headers = headersOf(redactedTarget, prepared.chat.stream, { traceparent: '', tracestate: '', hops: 0, headers: {} });
  return {
    target: step.target,
    api: target.provider.name,
    model: target.model,
    reasons,
    method: 'POST',
    url: urlOf({ ...target, baseUrl: withoutSecrets(target.baseUrl) }, prepared.path),
    headers: target.provider.simulate ? {} : headers,
    body: parseJson(prepared.body) ?? prepared.body,
    passes: prepared.isVerbatim,
    fields: fidelityOf(fields, prepared.warnings),
    refused_for: blockingWarnings(prepared.warnings, routed.onUnsupported).map(({ field }) => field),
  };
}

/** A base URL may hold a password, and a query a key. */
function withoutSecrets(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  return url ? (url.origin + url.pathname).replace(/\/$/, '') : baseUrl;
}
