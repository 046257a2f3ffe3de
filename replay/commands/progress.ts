/** The progress of a run on a terminal: one line per second, with cost and remaining time. */
import { note } from '../../gateway/cli/command.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { money } from '../report/format.ts';
import type { SpendCap } from '../run/spend-cap.ts';

const everyMs = 1_000;

/** A function to call after each exchange. It prints only on a terminal. */
export function progressPrinter(total: number, before: number, spendCap: SpendCap): () => void {
  const startedAt = wallClock.now();
  let done = before;
  let printedAt = startedAt;
  return () => {
    done++;
    const now = wallClock.now();
    if (!process.stderr.isTTY || (now - printedAt < everyMs && done < total)) return;
    printedAt = now;
    note(progressText(done, total, now - startedAt, done - before, spendCap));
  };
}

/** One progress line: calls, cost, and the remaining time once it can be estimated. */
export function progressText(done: number, total: number, elapsedMs: number, doneNow: number, spendCap: SpendCap): string {
  const left = doneNow > 0 ? ((total - done) * elapsedMs) / doneNow : undefined;
  const cap = Number.isFinite(spendCap.cap) ? ` of ${money(spendCap.cap)}` : '';
  return `${done} of ${total}, ${money(spendCap.spent)}${cap} spent, ${money(spendCap.reserved)} in flight${left === undefined || total <= done ? '' : `, about ${spanText(left)} left`}`;
}

function spanText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 90 ? `${seconds} s` : seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
