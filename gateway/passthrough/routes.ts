/** The route table's entries for the passed-through endpoints. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BudgetAdmission } from '../budgets/admission.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import type { RequestContext } from '../exchange/contract.ts';
import { isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import type { BodyLimits } from '../http/body.ts';
import type { RouteEntry } from '../http/route-table.ts';
import type { FileRegistry } from './batches/file-registry.ts';
import { endpoints } from './endpoints.ts';
import { passThrough, type StartedPassThrough } from './pass-through.ts';

export { registerStoredResponse } from './batches/stored-responses.ts';

/** What the server provides to them. */
export interface PassThroughDependencies {
  readonly limits: BodyLimits;
  readonly sink: ExchangeSink;
  readonly files: FileRegistry;
  readonly budgetAdmission: BudgetAdmission;
  contextOf(request: IncomingMessage): RequestContext;
  refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
  finish(started: StartedPassThrough, context: RequestContext, path: string): Promise<void>;
}

/** One entry per endpoint: executes the request, or sends the error response. */
export function passThroughRoutes({ contextOf, refuse, finish, ...dependencies }: PassThroughDependencies): readonly RouteEntry[] {
  return endpoints.map(
    (endpoint): RouteEntry => ({
      method: endpoint.method,
      path: endpoint.path,
      handler: async (request, response, params) => {
        const context = contextOf(request);
        const started = await passThrough({ endpoint, request, response, params, context, ...dependencies });
        if (isRefusal(started)) refuse(request, response, started);
        else await finish(started, context, endpoint.path);
      },
    }),
  );
}
