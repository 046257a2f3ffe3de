/** A run's progress on a terminal: one line a second, with the money and the time that are left. */
import { note } from '../../gateway/cli/cli.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import type { Purse } from '../purse.ts';
import { money } from '../report/format.ts';

const everyMs = 1_000;

/** Silence where nobody looks. */
export function progressOn(total: number, before: number, purse: Purse): () => void {
  const startedAt = wallClock.now();
  let done = before;
  let toldAt = startedAt;
  return () => {
    done++;
    const now = wallClock.now();
    if (!process.stderr.isTTY || (now - toldAt < everyMs && done < total)) return;
    toldAt = now;
    note(progressText(done, total, now - startedAt, done - before, purse));
  };
}

export function progressText(done: number, total: number, elapsedMs: number, doneNow: number, purse: Purse): string {
  const left = doneNow > 0 ? ((total - done) * elapsedMs) / doneNow : undefined;
  const cap = Number.isFinite(purse.cap) ? ` of ${money(purse.cap)}` : '';
  return `${done} of ${total}, ${money(purse.spent)}${cap} spent, ${money(purse.reserved)} under way${left === undefined || total <= done ? '' : `, about ${span(left)} left`}`;
}

function span(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 90 ? `${seconds} s` : seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
