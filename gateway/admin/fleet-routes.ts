/** `GET /admin/fleet` and `GET /admin/explain`: what the router knows just now, and what it would do with a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Instant } from '../core/shared/time.ts';
import type { RequestContext } from '../exchange/contract.ts';
import { forbidden, isRefusal, type Refusal, sendJson, sendRefusal } from '../exchange/response/refusal.ts';
import type { RouteEntry } from '../http/route-table.ts';
import type { AdminAccessAudit } from '../observability/audit.ts';
import type { Probes } from '../targets/probes.ts';
import type { TargetRegistry } from '../targets/registry.ts';
import { targetsReport } from '../targets/report.ts';
import { type ExplainQuery, explainRoute } from './explain-route.ts';

export interface FleetDependencies {
  contextOf(request: IncomingMessage): RequestContext;
  readonly registry: TargetRegistry;
  readonly probes: Probes['seen'];
  readonly now: () => Instant;
  readonly accessAudit?: AdminAccessAudit;
}

export function fleetRoutes({ contextOf, registry, probes, now, accessAudit }: FleetDependencies): readonly RouteEntry[] {
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
    {
      method: 'GET',
      path: '/admin/explain',
      handler: guarded((context, url) => explainRoute(context, explainQuery(url.searchParams), now())),
    },
  ];
}

/** Without keys everybody on this machine may do everything. */
const isAdmin = ({ key, settings }: RequestContext): boolean => settings.keys.size === 0 || key.role === 'admin';
const adminOnly: Refusal = forbidden('admin_only', 'This needs a key with role: admin.');

/** A number that is none counts as absent here. */
function explainQuery(query: URLSearchParams): ExplainQuery {
  const text = (name: string): string | undefined => query.get(name) ?? undefined;
  const count = (name: string): number | undefined => {
    const value = Number(query.get(name) ?? Number.NaN);
    return Number.isInteger(value) && value >= 0 && value <= 1e8 ? value : undefined;
  };
  return {
    ...{ model: text('model'), tenant: text('tenant'), key: text('key'), conversation: text('conversation'), id: text('id') },
    ...{ tools: text('tools'), vision: text('vision'), json_schema: text('json_schema') },
    ...{ input_tokens: count('input_tokens'), output_tokens: count('output_tokens') },
  };
}
