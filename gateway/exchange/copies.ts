/** Asks copies of answered requests, for shadows and audits: recorded under a run of their own, read by nobody, never in a caller's way. */

import type { Exchange } from '../core/exchange.ts';
import type { JsonObject } from '../core/json.ts';
import { type Copy, copiesOf } from '../core/variants.ts';
import type { CopyCounts } from '../observability/fleet-metrics.ts';
import { newExchangeId, newSpanId } from '../settings/ids.ts';
import type { Route, Settings } from '../settings/settings.ts';
import { whyNone } from '../targets/planner.ts';
import { ask } from './ask.ts';
import type { Asking, Question, Reader, World } from './contract.ts';
import { isRefusal, type Refusal } from './refuse.ts';

/** More at once would be in the way of callers; what comes meanwhile is left out, and counted. */
const underWayMax = 32;

/** A reader that takes everything at once and keeps nothing. */
class Nobody implements Reader {
  begun = false;

  begin(): void {
    this.begun = true;
  }

  write(): boolean {
    return true;
  }

  end(): void {}

  fail(): void {}
}

/** The route that a model's name leads to, as for a caller's request. */
export type ResolveRoute = (settings: Settings, tenant: string, value: JsonObject) => Route | Refusal;

export class Copies {
  readonly counts: Readonly<Record<Copy['kind'], CopyCounts>> = { shadow: { asked: 0, skipped: 0 }, audit: { asked: 0, skipped: 0 } };
  readonly #underWay = new Set<Asking>();
  readonly #resolve: ResolveRoute;
  #isClosed = false;

  constructor(resolve: ResolveRoute) {
    this.#resolve = resolve;
  }

  /** After an exchange: asks what its route wants asked besides. Nothing of it ever throws at the caller's path. */
  after(exchange: Exchange, question: Question, settings: Settings, world: World): void {
    if (!question.copies || this.#isClosed || question.run !== undefined) return;
    const attempts = exchange.attempts.map(({ step }) => ({ step, kind: 'primary', status: 'accepted', opened: true }) as const);
    for (const copy of copiesOf(question.copies, exchange.policy, attempts, exchange.decision, exchange.id)) {
      this.#ask(copy, question, settings, world);
    }
  }

  #ask(copy: Copy, question: Question, settings: Settings, world: World): void {
    const route = this.#resolve(settings, '', { model: copy.route });
    const counts = this.counts[copy.kind];
    if (isRefusal(route) || this.#underWay.size >= underWayMax || world.sink.refusal() !== undefined) {
      counts.skipped++;
      return;
    }
    const now = world.clock.now();
    const id = newExchangeId(now);
    const { chat, body, caller } = question;
    const policy = world.policyOf(route, { id, chat, requestBytes: body.byteLength, caller });
    if (whyNone(policy) !== undefined) {
      counts.skipped++;
      return;
    }
    counts.asked++;
    const { copies: _, onward: __, ...asked } = question;
    const asking = ask(
      {
        ...asked,
        id,
        receivedAt: now,
        arrivedAt: now,
        policy,
        onUnsupported: route.onUnsupported === 'reject' ? 'warn' : route.onUnsupported,
        trace: { ...question.trace, spanId: newSpanId(), parentSpanId: question.trace.spanId },
        measure: 'always',
        replayOf: question.id,
        auditProbability: copy.share,
        run: copy.kind,
        arm: copy.route,
        repeat: 0,
      },
      world,
      new Nobody(),
    );
    this.#underWay.add(asking);
    const over = (): void => {
      this.#underWay.delete(asking);
    };
    asking.done.then(over, over);
  }

  /** Ends those that are under way; they are recorded as cut short. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const left = [...this.#underWay];
    for (const asking of left) asking.leave();
    await Promise.allSettled(left.map(asking => asking.done));
  }
}
