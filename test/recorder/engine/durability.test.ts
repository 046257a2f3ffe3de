import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../recorder/store/store.ts';
import { engineMissing, startTestEngine, temporaryFolder, writerKey } from '../running-engine.ts';

const rounds = process.env.HINDCAST_LONG ? 20 : 3;
const rowsPerBatch = 400;

/** An engine in a process that can be killed. */
async function engineProcess(path: string): Promise<{ readonly url: string; kill(): Promise<void> }> {
  const code = `
    import { startEngine } from ${JSON.stringify(new URL('../../../recorder/engine/server.ts', import.meta.url).href)};
    const engine = await startEngine({ path: process.argv[1], host: '127.0.0.1', port: 0, writerKey: ${JSON.stringify(writerKey)} });
    console.log(engine.url);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [url] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exited.then(() => Promise.reject(new Error('the engine did not start'))),
  ])) as [string];
  return {
    url,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function batch(number: number): Uint8Array {
  return Buffer.concat(
    Array.from({ length: rowsPerBatch }, (_, i) => {
      const row = Buffer.alloc(2 + 8 + 1 + 100, 'x');
      row.writeUInt16LE(20_000 + (i % 3));
      row.writeBigUInt64LE(BigInt(number * rowsPerBatch + i), 2);
      row.writeUInt8(100, 10);
      return row;
    }),
  );
}

describe.skipIf(engineMissing)(`An engine that is killed${engineMissing}`, () => {
  it('has every batch it acknowledged, and takes the others again without a row too many', {
    timeout: 30_000 + rounds * 10_000,
  }, async () => {
    const path = temporaryFolder();
    const first = await startTestEngine({ path });
    const window = 'SETTINGS non_replicated_deduplication_window = 1000';
    await first.writer.command(
      `CREATE TABLE kept (day Date, id UInt64, body String) ENGINE = MergeTree PARTITION BY day ORDER BY id ${window}`,
    );
    await first.writer.command(
      `CREATE TABLE sums (day Date, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY day ${window}`,
    );
    await first.writer.command('CREATE MATERIALIZED VIEW sums_mv TO sums AS SELECT day, count() AS n FROM kept GROUP BY day');
    await first.close();

    let sent = 0;
    const unacknowledged: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const engine = await engineProcess(path);
      const store = connect({ url: engine.url, username: 'writer', password: writerKey });
      const send = (number: number) => store.insertBinary('kept', ['day', 'id', 'body'], batch(number), `batch-${number}`);
      // What the last round left open comes first, as the recorder does it.
      for (const number of unacknowledged.splice(0)) await send(number);
      let acknowledged = 0;
      for (let killed = false; !killed; sent += 1) {
        const ending = acknowledged >= 4 + round ? engine.kill() : undefined;
        const outcome = await send(sent).then(
          () => 'acknowledged' as const,
          () => 'lost' as const,
        );
        if (outcome === 'acknowledged') acknowledged += 1;
        else unacknowledged.push(sent);
        killed = ending !== undefined;
        await ending;
      }
      await store.close();
      expect(acknowledged).toBeGreaterThan(0);
    }

    const last = await startTestEngine({ path });
    const missing = unacknowledged.length;
    const [kept] = await last.reader.select<{ ids: number }>('SELECT uniqExact(id) AS ids FROM kept');
    expect(kept?.ids).toBeGreaterThanOrEqual((sent - missing) * rowsPerBatch);
    for (const number of unacknowledged) await last.writer.insertBinary('kept', ['day', 'id', 'body'], batch(number), `batch-${number}`);
    const all = sent * rowsPerBatch;
    expect(await last.reader.select('SELECT count() AS n, uniqExact(id) AS ids, (SELECT sum(n) FROM sums) AS sum FROM kept')).toEqual([
      { n: all, ids: all, sum: all },
    ]);
    await last.close();
  });
});
