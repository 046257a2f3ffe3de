/** Budgets: what is spent, and where the period will end at this pace. */
import { useQuery } from '@tanstack/react-query';
import type { AnswerOf } from '../api/client.ts';
import { query } from '../api/queries.ts';
import { Loaded } from '../parts/feedback.tsx';
import { Panel } from '../parts/panel.tsx';
import { dateTime, percent, usd } from '../text/format.ts';

type Budget = AnswerOf<'listBudgets'>['data'][number];

const periodMs: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 30 * 86_400_000,
};

/** At the end of the period; undefined for budgets without one, and too early to say. USD. */
export function projected({ per, spent_usd, resets_at }: Budget, now: number): number | undefined {
  const length = periodMs[per];
  if (length === undefined || resets_at === null) return undefined;
  const passed = 1 - (Date.parse(resets_at) - now) / length;
  return passed > 0.02 ? spent_usd / Math.min(1, passed) : undefined;
}

/** One row a budget. */
export function Burn({ now }: { readonly now: number }) {
  const budgets = useQuery(query('listBudgets'));
  return (
    <Panel title="Budgets">
      <Loaded query={budgets}>
        {({ data }) =>
          data.length === 0 ? (
            <p className="muted">No tenant, project, user or key has a budget.</p>
          ) : (
            <ul className="stack">
              {data.map(budget => (
                <BudgetRow key={budget.scope} budget={budget} now={now} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function BudgetRow({ budget, now }: { readonly budget: Budget; readonly now: number }) {
  const { scope, per, usd: limit, spent_usd, reserved_usd, resets_at } = budget;
  const share = limit === 0 ? 1 : spent_usd / limit;
  const end = projected(budget, now);
  return (
    <li className="burn">
      <div className="row wrap">
        <b className="grow">{scope}</b>
        <span>
          {usd(spent_usd)} of {usd(limit)} a {per} ({percent(share, 0)})
        </span>
      </div>
      <div className="bar" aria-hidden="true">
        <i className={share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : ''} style={{ width: `${Math.min(1, share) * 100}%` }} />
      </div>
      <span className="muted">
        {reserved_usd > 0 && `${usd(reserved_usd)} reserved. `}
        {end !== undefined && `${usd(end)} at its end at this pace. `}
        {resets_at !== null && `Begins anew ${dateTime(resets_at)}.`}
      </span>
    </li>
  );
}
