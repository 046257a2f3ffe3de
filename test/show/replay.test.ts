/** The whole way of a replay over recorded traffic, as `npm run show:replay` shows it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { recording, unlessRecorded } from '../recordings.ts';
import { needed, screenshot, showReplay } from './replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-show-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const missing = needed.find(file => !recording(file));
const page = join(folder, 'report.html');
const hasBrowser = spawnSync('chromium', ['--version']).status === 0;

test.skipIf(missing)(
  `captured, planned, run, killed, resumed, compared and simulated, nothing lost and nothing twice${unlessRecorded(missing ?? needed[0])}${hasBrowser ? '' : ' (no chromium here: the page is not drawn)'}`,
  { timeout: 180_000 },
  async () => {
    const shown = await showReplay({ every: 6, simulated: 3_000, page, print: () => {} });
    expect(shown.captured).toBeGreaterThan(30);
    expect([shown.plan.code, shown.plan.stdout]).toEqual([0, expect.stringMatching(/worst/)]);
    // In the middle: something was done, and something was left.
    expect(shown.doneAtKill).toBeGreaterThan(0);
    expect(shown.doneAtKill).toBeLessThan(2 * shown.captured);
    expect([shown.resumed.code, shown.resumed.stderr]).toEqual([0, expect.anything()]);
    expect(shown.answersEach).toEqual(Array(2 * shown.captured).fill(1));
    // Only calls under way at the kill were sent twice.
    expect(shown.lost).toBeLessThanOrEqual(8);
    expect(shown.diff.code).toBe(0);
    expect(shown.html).not.toMatch(/<script|https?:\/\//);
    expect([shown.simulation.code, shown.simulation.stdout]).toEqual([0, expect.stringMatching(/Backtest of the deployed configuration/)]);
    if (hasBrowser) for (const width of [1240, 390]) expect(screenshot(page, join(folder, `${width}.png`), width)).toBe(true);
  },
);
