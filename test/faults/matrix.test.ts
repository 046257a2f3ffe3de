/** Every cell of the fault matrix comes out as STREAMS 3.1 says; and nothing is delivered that is not recorded. */
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
