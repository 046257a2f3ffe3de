/** What the router would do with a request now: which targets it would try, in which order, and why. No provider is called. */
import { usd } from '../core/money/price.ts';
import { type RoutePolicy, routingInputFor, type TargetView } from '../core/routing/contract.ts';
import type { Instant } from '../core/shared/time.ts';
import { openaiChat } from '../dialects/openai.ts';
import { invalid, isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import { flagOf, parseBody } from '../http/parse.ts';
import { resolve } from '../http/resolve.ts';
import type { Route } from '../settings/settings.ts';
import type { AnswerOf, QueryOf } from './api/table.ts';
import type { AdminVersion } from './dependencies.ts';

type Explanation = AnswerOf<'explain'>;
export type ExplainQuery = Omit<QueryOf<'explain'>, 'model'> & { readonly model?: string | undefined };

/**
 * `?model=` is a route, a target or a list of them; `tenant`, `key` and `conversation` say as whom; `input_tokens`, `output_tokens`,
 * `tools`, `vision` and `json_schema` say what the request would hold.
 */
export async function explainRoute(
  { settings, runtime, flags }: AdminVersion,
  query: ExplainQuery,
  at: Instant,
): Promise<Explanation | Refusal> {
  const { model } = query;
  if (!model) return invalid('missing_required_parameter', 'model is missing: ?model= names a route or a provider/model.', 'model');
  const text = JSON.stringify(syntheticRequest(model, query));
  const parsed = parseBody({ bytes: Buffer.from(text), text }, {}, openaiChat);
  if (isRefusal(parsed)) return parsed;
  const route = resolve(settings, query.tenant ?? '', parsed.value);
  if (isRefusal(route)) return route;
  const caller = { tenant: query.tenant ?? 'default', key: query.key ?? '', conversation: query.conversation ?? '' };
  const requestBytes = 4 * (query.input_tokens ?? Math.ceil(text.length / 4));
  const fullCaller = { ...caller, project: '', user: '', requestId: '', tags: {} };
  const flag = await flagOf(route, { caller: fullCaller, chat: parsed.chat }, flags);
  const policy = runtime.policyOf(route, { id: query.id ?? String(at), chat: parsed.chat, requestBytes, caller, flag });
  const targets = policy.steps.map(step => step.target);
  const demand = { tenant: caller.tenant, bytes: requestBytes, tokens: requestBytes / 4 + (parsed.chat.maxOutputTokens ?? 256) };
  return explainPolicy(route, policy, at, { closed: runtime.coolingDown(at), ...runtime.viewTargets?.(targets, demand, at) });
}

function syntheticRequest(model: string, query: ExplainQuery): object {
  const image = { type: 'image_url', image_url: { url: 'https://images.example/one.png' } };
  const output = query.output_tokens ?? 0;
  return {
    model,
    messages: [{ role: 'user', content: query.vision !== undefined ? [{ type: 'text', text: '-' }, image] : '-' }],
    ...(output > 0 ? { max_completion_tokens: output } : {}),
    ...(query.tools !== undefined ? { tools: [{ type: 'function', function: { name: 'any', parameters: { type: 'object' } } }] } : {}),
    ...(query.json_schema !== undefined
      ? { response_format: { type: 'json_schema', json_schema: { name: 'any', schema: { type: 'object' } } } }
      : {}),
  };
}

function explainPolicy({ flag }: Route, policy: RoutePolicy, at: Instant, view: TargetView): Explanation {
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
