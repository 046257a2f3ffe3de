/** Every cell of the fault matrix has the outcome of STREAMS 3.1, and everything delivered is recorded. */
import { describe, expect, test } from 'vitest';
import { cells } from './matrix.ts';

describe.each([...new Set(cells.map(cell => cell.format))])('%s', form => {
  test.concurrent.for(cells.filter(cell => cell.format === form).map(cell => [cell.phase, cell.fault, cell.expected, cell] as const))(
    '%s: %s: %s',
    { timeout: 20_000 },
    async ([, , expected, cell]) => {
      expect(await cell.run()).toBe(expected);
    },
  );
});
