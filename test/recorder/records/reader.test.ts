/** Queries of the admin API in the engine: they end with their scope and at their time limit, on the embedded engine and on a server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RecordsFailure } from '../../../gateway/admin/records.ts';
import { writeEngineAddress } from '../../../recorder/files/paths.ts';
import { openReader } from '../../../recorder/records/reader.ts';
import { engineMissing, startTestEngine, type TestEngine, temporaryFolder } from '../running-engine.ts';
import { settingsIn } from '../settings.ts';

const endless = 'SELECT max(sipHash64(number)) AS n FROM numbers(100000000000)';
const scope = { signal: new AbortController().signal };

describe.skipIf(engineMissing)(`a query of the admin API${engineMissing}`, { timeout: 30_000 }, () => {
  let engine: TestEngine;
  const running = async (): Promise<number> =>
    (await engine.writer.select("SELECT 1 FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'")).length;
  beforeAll(async () => {
    engine = await startTestEngine();
  });
  afterAll(() => engine?.close());

  const settingsOf = {
    'the embedded engine': () => {
      const path = temporaryFolder();
      writeEngineAddress(path, { url: engine.url, pid: process.pid });
      return settingsIn(path);
    },
    'a server': () => settingsIn(temporaryFolder(), { url: engine.url }),
  };

  describe.each(Object.entries(settingsOf))('of %s', (_, settings) => {
    test('ends in the engine when its asker leaves', async () => {
      const reader = openReader(settings());
      const leaving = new AbortController();
      const failure = reader.select(endless, {}, { signal: leaving.signal }).catch((error: unknown) => error);
      await expect.poll(running, { timeout: 15_000, interval: 20 }).toBe(1);
      leaving.abort();
      expect(await failure).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(/abort/i) });
      await expect.poll(running, { timeout: 10_000 }).toBe(0);
      await reader.close();
    });

    test('ends at its time limit, which is 10 s, with words for who asked', async () => {
      const limited = openReader(settings(), { secondsMax: 1 });
      await expect(limited.select(endless, {}, scope)).rejects.toMatchObject({
        kind: 'too_expensive',
        message: expect.stringContaining('after 1 s'),
      });
      await expect.poll(running, { timeout: 10_000 }).toBe(0);
      await limited.close();
      const usual = openReader(settings());
      expect(await usual.select("SELECT toUInt32(getSetting('max_execution_time')) AS seconds", {}, scope)).toEqual([{ seconds: 10 }]);
      await usual.close();
    });

    test('may not write', async () => {
      const reader = openReader(settings());
      await expect(reader.select('CREATE TABLE x (a UInt8) ENGINE = Memory', {}, scope)).rejects.toBeInstanceOf(RecordsFailure);
      await reader.close();
    });
  });
});
