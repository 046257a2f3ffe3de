/** What a long command is at: a line on stderr every two seconds, none for work that ends sooner. */
import { note } from '../../../gateway/cli/command.ts';
import type { Clock } from '../../../gateway/core/shared/time.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';

const everyMs = 2_000;

/** A function to call at each piece of work: `sweep: 12 of 40 thresholds`; without `all`, how many are done. */
export function progressOf(
  what: string,
  clock: Pick<Clock, 'now'> = wallClock,
  write: (line: string) => void = note,
): (done: number, all?: number) => void {
  let said = clock.now();
  const [verb, things] = [what.slice(0, what.indexOf(' ')), what.slice(what.indexOf(' ') + 1)];
  return (done, all) => {
    const now = clock.now();
    if (now - said < everyMs) return;
    said = now;
    write(`${verb}: ${done.toLocaleString('en')}${all === undefined ? '' : ` of ${all.toLocaleString('en')}`} ${things}`);
  };
}
