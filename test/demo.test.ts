/** `hindcast demo --once` runs to its end, and leaves nothing behind. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Workspace } from './hindcast.ts';

test('the demo sends requests, shows the records, replays and judges them, and removes its folder', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'hindcast-demo-test-'));
  await using place = new Workspace(undefined, { TMPDIR: temporary });
  const { code, stdout, stderr } = await place.run('demo', '--once');
  expect(stderr).toContain('▶ hindcast replay run --since 1h --against sim/small --against sim/large');
  expect(stdout).toMatch(/│ (small|large) │/);
  expect(stdout).toContain('160 of 160 calls answered');
  expect(stdout).toContain('As configured (0.74)');
  expect(code).toBe(0);
  expect(readdirSync(temporary).filter(name => name.startsWith('hindcast-demo-'))).toEqual([]);
}, 240_000);
