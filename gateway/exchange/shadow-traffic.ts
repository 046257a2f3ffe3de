/** Sends copies of completed requests for shadows and audits; recorded under their own run, never delaying a caller. */

import type { JsonObject } from '../core/chat/json.ts';
import type { Exchange } from '../core/exchange.ts';
import { type ShadowCall, shadowCallsOf } from '../core/routing/variants.ts';
import type { ShadowCallCounts } from '../observability/target-metrics.ts';
import { newExchangeId, newSpanId } from '../settings/ids.ts';
import type { Route, Settings } from '../settings/settings.ts';
import { describeNoTarget } from '../targets/planner.ts';
import type { ExecutionHandle, GatewayRuntime, ResponseSink, RoutedRequest } from './contract.ts';
import { execute } from './execute.ts';
import { isRefusal, type Refusal } from './response/refusal.ts';

/** More at once would be in the way of callers; what comes meanwhile is left out, and counted. */
const inFlightMax = 32;

/** A reader that takes everything at once and keeps nothing. */
class DiscardingSink implements ResponseSink {
  headSent = false;

  sendHead(): void {
    this.headSent = true;
  }

  write(): boolean {
    return true;
  }

  end(): void {}

  fail(): void {}
}

/** The route that a model's name leads to, as for a caller's request. */
export type ResolveRoute = (settings: Settings, tenant: string, value: JsonObject) => Route | Refusal;

export class ShadowTraffic {
  readonly counts: Readonly<Record<ShadowCall['kind'], ShadowCallCounts>> = {
    shadow: { asked: 0, skipped: 0 },
    audit: { asked: 0, skipped: 0 },
  };
  readonly #inFlight = new Set<ExecutionHandle>();
  readonly #resolve: ResolveRoute;
  #isClosed = false;

  constructor(resolve: ResolveRoute) {
    this.#resolve = resolve;
  }

  /** Sends the copies that the route's shadow and audit settings draw. Never throws into the caller's path. */
  dispatch(exchange: Exchange, request: RoutedRequest, settings: Settings, runtime: GatewayRuntime): void {
    if (!request.shadowPlan || this.#isClosed || request.run !== undefined) return;
    const attempts = exchange.attempts.map(({ step }) => ({ step, kind: 'primary', status: 'accepted', opened: true }) as const);
    for (const copy of shadowCallsOf(request.shadowPlan, exchange.policy, attempts, exchange.decision, exchange.id)) {
      this.#dispatchOne(copy, request, settings, runtime);
    }
  }

  #dispatchOne(copy: ShadowCall, request: RoutedRequest, settings: Settings, runtime: GatewayRuntime): void {
    const route = this.#resolve(settings, '', { model: copy.route });
    const counts = this.counts[copy.kind];
    if (isRefusal(route) || this.#inFlight.size >= inFlightMax || runtime.sink.refusal() !== undefined) {
      counts.skipped++;
      return;
    }
    const now = runtime.clock.now();
    const id = newExchangeId(now);
    const { chat, body, caller } = request;
    const policy = runtime.policyOf(route, { id, chat, requestBytes: body.byteLength, caller });
    if (describeNoTarget(policy) !== undefined) {
      counts.skipped++;
      return;
    }
    counts.asked++;
    const { shadowPlan: _, propagatedTrace: __, ...original } = request;
    const execution = execute(
      {
        ...original,
        id,
        receivedAt: now,
        arrivedAt: now,
        policy,
        onUnsupported: route.onUnsupported === 'reject' ? 'warn' : route.onUnsupported,
        trace: { ...request.trace, spanId: newSpanId(), parentSpanId: request.trace.spanId },
        measure: 'always',
        replayOf: request.id,
        auditProbability: copy.share,
        run: copy.kind,
        arm: copy.route,
        repeat: 0,
      },
      runtime,
      new DiscardingSink(),
    );
    this.#inFlight.add(execution);
    const remove = (): void => {
      this.#inFlight.delete(execution);
    };
    execution.done.then(remove, remove);
  }

  /** Ends those that are under way; they are recorded as cut short. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const unfinished = [...this.#inFlight];
    for (const call of unfinished) call.cancel();
    await Promise.allSettled(unfinished.map(call => call.done));
  }
}
