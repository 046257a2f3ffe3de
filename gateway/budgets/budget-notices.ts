/** Tells webhooks and metrics of budgets that are exceeded or nearly so: once a period, whichever gateway sees it first. */
import type { BudgetScope, ScopeState } from '../core/money/budget.ts';
import { periodOf } from '../core/money/period.ts';
import { type NanoUsd, usd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import type { Settings, WebhookEvent } from '../settings/settings.ts';
import type { Webhooks } from '../transport/webhooks.ts';
import type { BudgetLedger } from './ledger.ts';

const totalMs = 365 * 86_400_000;
const knownMax = 10_000;

export class BudgetNotices {
  readonly #ledger: BudgetLedger;
  readonly #webhooks: Webhooks | undefined;
  /** What this process has told of, or knows that another has. */
  readonly #known = new Set<string>();

  constructor(ledger: BudgetLedger, webhooks: Webhooks | undefined) {
    this.#ledger = ledger;
    this.#webhooks = webhooks;
  }

  /** Of the scopes whose spending has reached `warn_at`. */
  warn(scopes: readonly BudgetScope[], states: readonly ScopeState[], settings: Settings, at: Instant): void {
    for (const [i, scope] of scopes.entries()) {
      const spent = states[i]?.spending.spent ?? 0;
      const { budget } = scope;
      if (budget?.warnAt !== undefined && spent >= budget.warnAt * budget.nanoUsd) this.#tell('budget_warning', scope, spent, settings, at);
    }
  }

  exceeded(scope: BudgetScope, left: NanoUsd, settings: Settings, at: Instant): void {
    if (scope.budget) this.#tell('budget_exceeded', scope, scope.budget.nanoUsd - left, settings, at);
  }

  #tell(event: WebhookEvent, { name, budget }: BudgetScope, spent: NanoUsd, settings: Settings, at: Instant): void {
    if (!budget || !settings.webhooks?.some(({ events }) => events.includes(event)) || !this.#webhooks) return;
    const { name: period, endsAt } = periodOf(budget.per, at);
    const note = `${event}:${name}:${period}:${budget.nanoUsd}`;
    if (this.#known.has(note)) return;
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.add(note);
    const detail = {
      scope: name,
      ...{ per: budget.per, period, limit_usd: usd(budget.nanoUsd), spent_usd: usd(spent) },
      resets_at: endsAt === undefined ? null : new Date(endsAt).toISOString(),
    };
    void this.#ledger
      .noteOnce(note, endsAt === undefined ? totalMs : Math.max(1, endsAt - at), at)
      // A ledger that is away must not keep the news back.
      .catch(() => true)
      .then(isFirst => {
        if (isFirst) this.#webhooks?.send(settings.webhooks ?? [], event, detail, at);
      });
  }
}
