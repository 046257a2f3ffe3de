/** What a long command says while it works. */
import { expect, test } from 'vitest';
import { progressOf } from '../../eval/commands/shared/progress.ts';

test('a line every two seconds, and none before', () => {
  let now = 0;
  const lines: string[] = [];
  const say = progressOf('sweep thresholds', { now: () => now }, line => lines.push(line));
  for (now = 0; now < 5_000; now += 500) say(now / 500, 40);
  expect(lines).toEqual(['sweep: 4 of 40 thresholds', 'sweep: 8 of 40 thresholds']);
  progressOf('read requests', { now: () => (now += 3_000) }, line => lines.push(line))(16_384);
  expect(lines.at(-1)).toBe('read: 16,384 requests');
});
