/** A bill beside what was recorded, by day and model (pure). */
import type { BillLine } from './bills.ts';

export interface RecordedLine {
  readonly day: string;
  readonly model: string;
  /** Fingerprint of the provider key. */
  readonly key: string;
  /** Of attempts whose price is known. */
  readonly usd: number;
  readonly estimated_usd: number;
  /** Attempts that used tokens of unknown price. */
  readonly unpriced: number;
  readonly attempts: number;
}

export interface ReconciledLine {
  readonly day: string;
  readonly model: string;
  /** Keys as the bill and the records name them. */
  readonly billed_keys: readonly string[];
  readonly recorded_keys: readonly string[];
  readonly billed_usd: number;
  readonly recorded_usd: number;
  /** Billed less recorded. */
  readonly residual_usd: number;
  readonly attempts: number;
  /** '' when nothing known explains the difference. */
  readonly reason: '' | 'equal' | 'no price is known' | 'estimated tokens';
}

export interface Reconciliation {
  readonly lines: readonly ReconciledLine[];
  readonly billed_usd: number;
  readonly recorded_usd: number;
  readonly unexplained_usd: number;
}

/** Rounding of bills. */
const equalShare = 0.005;
const equalUsd = 0.01;

/** Bills name models in other words than the API: `claude-sonnet-4.5` is `claude-sonnet-4-5-20250929`. */
const plainName = (model: string): string =>
  model
    .toLowerCase()
    .slice(model.lastIndexOf('/') + 1)
    .replace(/[^a-z0-9]+/g, '');

/** The billed name that fits a recorded model best: the longest one that either contains. */
function billedNameOf(model: string, billed: readonly string[]): string | undefined {
  const own = plainName(model);
  const fitting = billed.filter(
    name => name !== '' && (own.startsWith(plainName(name)) || own.includes(plainName(name)) || plainName(name).startsWith(own)),
  );
  return fitting.toSorted((one, other) => other.length - one.length)[0];
}

/** Where a day's bill names no models, its lines are compared with the whole day. */
export function reconciled(bill: readonly BillLine[], recorded: readonly RecordedLine[]): Reconciliation {
  const lines = [...Map.groupBy(bill, ({ day }) => day)].flatMap(([day, billed]) => {
    const ofDay = recorded.filter(line => line.day === day);
    const names = [...new Set(billed.map(({ model }) => model))];
    const nameOf = (line: RecordedLine): string =>
      names.length === 1 && names[0] === '' ? '' : (billedNameOf(line.model, names) ?? line.model);
    const all = new Set([...names, ...ofDay.map(nameOf)]);
    return [...all].toSorted().map(model =>
      lineOf(
        day,
        model,
        billed.filter(line => line.model === model),
        ofDay.filter(line => nameOf(line) === model),
      ),
    );
  });
  const sum = (of: (line: ReconciledLine) => number): number => rounded(lines.reduce((total, line) => total + of(line), 0));
  return {
    lines,
    billed_usd: sum(line => line.billed_usd),
    recorded_usd: sum(line => line.recorded_usd),
    unexplained_usd: sum(line => (line.reason === '' ? Math.abs(line.residual_usd) : 0)),
  };
}

function lineOf(day: string, model: string, billed: readonly BillLine[], recorded: readonly RecordedLine[]): ReconciledLine {
  const add = <Line>(lines: readonly Line[], of: (line: Line) => number): number => lines.reduce((total, line) => total + of(line), 0);
  const billedUsd = add(billed, ({ usd }) => usd);
  const recordedUsd = add(recorded, ({ usd }) => usd);
  const residual = billedUsd - recordedUsd;
  const estimated = add(recorded, line => line.estimated_usd);
  const isEqual = Math.abs(residual) <= Math.max(equalUsd, equalShare * billedUsd);
  const isUnpriced = residual > 0 && recorded.length > 0 && recorded.every(({ unpriced, attempts }) => unpriced === attempts);
  const reason = isEqual ? 'equal' : isUnpriced ? 'no price is known' : Math.abs(residual) <= estimated ? 'estimated tokens' : '';
  const keysOf = (lines: readonly { readonly key: string }[]): readonly string[] => [
    ...new Set(lines.map(({ key }) => key).filter(key => key !== '')),
  ];
  return {
    ...{ day, model, billed_keys: keysOf(billed), recorded_keys: keysOf(recorded) },
    ...{ billed_usd: rounded(billedUsd), recorded_usd: rounded(recordedUsd), residual_usd: rounded(residual) },
    ...{ attempts: add(recorded, line => line.attempts), reason },
  };
}

const rounded = (dollars: number): number => Number(dollars.toFixed(9));
