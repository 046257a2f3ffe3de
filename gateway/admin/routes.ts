/** `GET /admin/fleet` and `GET /admin/explain`: what the router knows just now, and what it would do with a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { usd } from '../core/money/price.ts';
import { type RoutePolicy, routingInputFor, type TargetView } from '../core/routing/contract.ts';
import type { Instant } from '../core/shared/time.ts';
import { openaiChat } from '../dialects/openai.ts';
import type { RequestContext } from '../exchange/contract.ts';
import { forbidden, invalid, isRefusal, type Refusal, sendJson, sendRefusal } from '../exchange/response/refusal.ts';
import { flagOf, parseBody } from '../http/parse.ts';
import { resolve } from '../http/resolve.ts';
import type { RouteEntry } from '../http/route-table.ts';
import type { AdminAccessAudit } from '../observability/audit.ts';
import type { Route } from '../settings/settings.ts';
import type { Probes } from '../targets/probes.ts';
import type { TargetRegistry } from '../targets/registry.ts';
import { targetsReport } from '../targets/report.ts';

export interface AdminDependencies {
  contextOf(request: IncomingMessage): RequestContext;
  readonly registry: TargetRegistry;
  readonly probes: Probes['seen'];
  readonly now: () => Instant;
  readonly accessAudit?: AdminAccessAudit;
}

export function adminRoutes({ contextOf, registry, probes, now, accessAudit }: AdminDependencies): readonly RouteEntry[] {
  const guarded =
    (answer: (context: RequestContext, url: URL) => object | Promise<object>) =>
    async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const context = contextOf(request);
      const url = new URL(request.url!, 'http://gateway');
      const isAllowed = isAdmin(context);
      accessAudit?.record(context.key.name, url.pathname, isAllowed, now());
      const result = isAllowed ? await answer(context, url) : adminOnly;
      if (isRefusal(result)) sendRefusal(request, response, result, context.id);
      else sendJson(response, 200, result);
    };
  return [
    { method: 'GET', path: '/admin/fleet', handler: guarded(() => targetsReport(registry, probes, now())) },
    { method: 'GET', path: '/admin/explain', handler: guarded((context, url) => explainRoute(context, url, now())) },
  ];
}

/** Without keys everybody on this machine may do everything. */
const isAdmin = ({ key, settings }: RequestContext): boolean => settings.keys.size === 0 || key.role === 'admin';
const adminOnly: Refusal = forbidden('admin_only', 'This needs a key with role: admin.');

/**
 * `?model=` is a route, a target or a list of them; `tenant`, `key` and `conversation` say as whom; `input_tokens`, `output_tokens`,
 * `tools`, `vision` and `json_schema` say what the request would hold.
 */
async function explainRoute({ settings, runtime, flags }: RequestContext, { searchParams: query }: URL, at: Instant): Promise<object> {
  const model = query.get('model');
  if (!model) return invalid('missing_required_parameter', 'model is missing: ?model= names a route or a provider/model.', 'model');
  const text = JSON.stringify(syntheticRequest(model, query));
  const parsed = parseBody({ bytes: Buffer.from(text), text }, {}, openaiChat);
  if (isRefusal(parsed)) return parsed;
  const route = resolve(settings, query.get('tenant') ?? '', parsed.value);
  if (isRefusal(route)) return route;
  const caller = { tenant: query.get('tenant') ?? 'default', key: query.get('key') ?? '', conversation: query.get('conversation') ?? '' };
  const requestBytes = 4 * countParameter(query, 'input_tokens', Math.ceil(text.length / 4));
  const fullCaller = { ...caller, project: '', user: '', requestId: '', tags: {} };
  const flag = await flagOf(route, { caller: fullCaller, chat: parsed.chat }, flags);
  const policy = runtime.policyOf(route, { id: query.get('id') ?? String(at), chat: parsed.chat, requestBytes, caller, flag });
  const targets = policy.steps.map(step => step.target);
  const demand = { tenant: caller.tenant, bytes: requestBytes, tokens: requestBytes / 4 + (parsed.chat.maxOutputTokens ?? 256) };
  return explainPolicy(route, policy, at, { closed: runtime.coolingDown(at), ...runtime.viewTargets?.(targets, demand, at) });
}

const countParameter = (query: URLSearchParams, name: string, otherwise: number): number => {
  const count = Number(query.get(name) ?? Number.NaN);
  return Number.isInteger(count) && count >= 0 && count <= 1e8 ? count : otherwise;
};

function syntheticRequest(model: string, query: URLSearchParams): object {
  const image = { type: 'image_url', image_url: { url: 'https://images.example/one.png' } };
  const output = countParameter(query, 'output_tokens', 0);
  return {
    model,
    messages: [{ role: 'user', content: query.has('vision') ? [{ type: 'text', text: '-' }, image] : '-' }],
    ...(output > 0 ? { max_completion_tokens: output } : {}),
    ...(query.has('tools') ? { tools: [{ type: 'function', function: { name: 'any', parameters: { type: 'object' } } }] } : {}),
    ...(query.has('json_schema')
      ? { response_format: { type: 'json_schema', json_schema: { name: 'any', schema: { type: 'object' } } } }
      : {}),
  };
}

function explainPolicy({ flag }: Route, policy: RoutePolicy, at: Instant, view: TargetView): object {
  const { closed: cooldowns, waits = {}, spent = [] } = routingInputFor(policy, at, view);
  const considered =
    policy.considered ??
    policy.steps.map(({ target }, i) => ({
      target,
      taken: true,
      why: `number ${i + 1}: as the route orders them`,
      costNanoUsd: undefined,
    }));
  return {
    route: policy.name,
    ...(flag === undefined ? {} : { flag }),
    variant: policy.variant ?? null,
    extra_calls_refused: spent,
    candidates: considered.map(({ target, taken, why, costNanoUsd }) => {
      const until = Math.max(cooldowns[target] ?? 0, cooldowns[target.split('/', 1)[0]!] ?? 0);
      return {
        target,
        taken,
        why,
        cost_usd: costNanoUsd === undefined ? null : usd(costNanoUsd),
        closed_for_ms: until > at ? Math.round(until - at) : 0,
        waits_ms: Math.max(0, Math.round((waits[target] ?? at) - at)),
      };
    }),
  };
}
