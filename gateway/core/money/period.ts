/** The periods of budgets, in UTC. */
import type { Instant } from '../shared/time.ts';

export const periods = ['hour', 'day', 'week', 'month', 'total'] as const;
export type Period = (typeof periods)[number];

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** The period's name, in UTC, and the start of the next one; weeks begin on Monday. */
export function periodOf(per: Period, at: Instant): { readonly name: string; readonly endsAt: Instant | undefined } {
  const day = Math.floor(at / dayMs);
  switch (per) {
    case 'total':
      return { name: 'total', endsAt: undefined };
    case 'hour': {
      const hour = Math.floor(at / hourMs);
      return { name: `${dateOf(day)}T${String(hour % 24).padStart(2, '0')}`, endsAt: (hour + 1) * hourMs };
    }
    case 'day':
      return { name: dateOf(day), endsAt: (day + 1) * dayMs };
    case 'week': {
      // The epoch was a Thursday.
      const monday = day - ((day + 3) % 7);
      return { name: `week of ${dateOf(monday)}`, endsAt: (monday + 7) * dayMs };
    }
    case 'month': {
      const name = dateOf(day).slice(0, 7);
      let next = day + 1;
      while (dateOf(next).startsWith(name)) next++;
      return { name, endsAt: next * dayMs };
    }
  }
}

/** The Gregorian date of a day since the epoch. Years are counted from March, so that leap days come last. */
function dateOf(day: number): string {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const date = ofYear - Math.floor((153 * march + 2) / 5) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
}
