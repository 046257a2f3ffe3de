import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Planner } from '../../recorder/engine/readers/planner.ts';
import { engineMissing, temporaryFolder } from '../recorder/running-engine.ts';
import { report } from './report.ts';

const never = new AbortController().signal;
const request = (text: string) => ({ text, database: 'default', parameters: [], setup: "SET readonly = '1'" }) as const;
const tables = () => [{ name: 't', sql: 'CREATE TABLE default.t (id UInt64) ENGINE = MergeTree ORDER BY id' }];
const slow = `SELECT ${Array.from({ length: 20 }, () => "editDistance(repeat('a',60000),repeat('b',60000))").join(' + ')}`;

/** Kilobytes of its own, without the pages of the engine's library. */
const ownKilobytes = (pid: number): number => Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe.skipIf(engineMissing)(`The readers' planner${engineMissing}`, { timeout: 60_000 }, () => {
  let planner: Planner;
  afterEach(() => planner.close());

  it('starts with the first statement, knows the tables, and ends when nobody asks any more', async () => {
    planner = new Planner({ folder: join(temporaryFolder(), 'planner'), tables, idleMs: 100 });
    expect(planner.pid).toBeUndefined();
    expect(await planner.plan(request('SELECT id FROM t'), never)).toMatchObject({ sql: 'SELECT id FROM t', streams: true });
    const { pid } = planner;
    expect(pid).toBeGreaterThan(0);
    if (existsSync(`/proc/${pid}/status`)) {
      expect(ownKilobytes(pid!)).toBeLessThan(350 * 1024);
      report("the readers' planner", `${Math.round(ownKilobytes(pid!) / 1024)} MiB of its own`);
    }
    await expect.poll(() => planner.pid, { timeout: 10_000 }).toBeUndefined();
  });

  it('dies of a statement that overruns, tells its reader alone, and does not try it again at once', async () => {
    planner = new Planner({ folder: join(temporaryFolder(), 'planner'), tables });
    const answers = await Promise.allSettled([
      planner.plan(request('SELECT 1'), never),
      planner.plan(request(slow), never),
      planner.plan(request('SELECT 2'), never),
      planner.plan(request(slow), never),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(answers[1]).toMatchObject({ reason: { codeName: 'TIMEOUT_EXCEEDED' } });
    expect(planner.overrunCount).toBe(1);
  });

  it('answers errors of statements without the engine that has the rows', async () => {
    planner = new Planner({ folder: join(temporaryFolder(), 'planner'), tables });
    await expect(planner.plan(request('SELECT nothing FROM t'), never)).rejects.toMatchObject({ codeName: 'UNKNOWN_IDENTIFIER' });
    await expect(planner.plan(request("SELECT * FROM file('/etc/passwd')"), never)).rejects.toMatchObject({ codeName: 'ACCESS_DENIED' });
  });
});
