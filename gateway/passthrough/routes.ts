/** The route table's part that passes through, each entry with the relay that serves it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Purse } from '../budgets/purse.ts';
import type { Sink } from '../core/exchange.ts';
import type { RequestContext } from '../exchange/execute.ts';
import { isRefusal, type Refusal } from '../exchange/refusal.ts';
import type { BodyLimits } from '../http/body.ts';
import type { RouteEntry } from '../http/route-table.ts';
import { endpoints } from './endpoints.ts';
import type { Ledger } from './ledger.ts';
import { passThrough, type Relayed } from './serve.ts';

/** What the server lends to them. */
export interface Lent {
  readonly limits: BodyLimits;
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly purse: Purse;
  visitOf(request: IncomingMessage): RequestContext;
  refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
  relayed(relayed: Relayed, visit: RequestContext, path: string): Promise<void>;
}

export function passThroughRoutes({ visitOf, refused, relayed, ...lent }: Lent): readonly RouteEntry[] {
  return endpoints.map(
    (endpoint): RouteEntry => ({
      method: endpoint.method,
      path: endpoint.path,
      handler: async (request, response, params) => {
        const visit = visitOf(request);
        const begun = await passThrough({ endpoint, request, response, params, visit, ...lent });
        if (isRefusal(begun)) refused(request, response, begun);
        else await relayed(begun, visit, endpoint.path);
      },
    }),
  );
}
