/** ClickHouse's own client for Python with its defaults. Long, and only where that client is installed: `pip install clickhouse-connect`. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { engineMissing, startTestEngine, writerKey } from '../running-engine.ts';

const python = process.env.HINDCAST_PYTHON ?? 'python3';
const script = `
import sys, clickhouse_connect
host, port, key = '127.0.0.1', int(sys.argv[1]), sys.argv[2]
for compress in (True, False, 'lz4', 'zstd', 'gzip'):
    writer = clickhouse_connect.get_client(host=host, port=port, username='writer', password=key, compress=compress)
    writer.command('CREATE TABLE IF NOT EXISTS cc (id UInt64, s String, d Nullable(DateTime64(3))) ENGINE = MergeTree ORDER BY id')
    writer.command('TRUNCATE TABLE cc')
    assert writer.insert('cc', [[i, 'x' * i, None] for i in range(1000)], column_names=['id', 's', 'd']).written_rows == 1000
    reader = clickhouse_connect.get_client(host=host, port=port, compress=compress)
    assert reader.query('SELECT count(), sum(length(s)) FROM cc').result_rows == [(1000, 499500)]
    assert reader.query('SELECT %(x)s AS x', parameters={'x': 'y'}).result_rows == [('y',)]
print('ok')
`;

function missing(): string {
  if (!process.env.HINDCAST_LONG) return ' (skipped: HINDCAST_LONG is not set)';
  try {
    execFileSync(python, ['-c', 'import clickhouse_connect'], { stdio: 'ignore' });
    return engineMissing;
  } catch {
    return ` (skipped: ${python} has no clickhouse_connect)`;
  }
}

const reason = missing();

describe.skipIf(reason)(`clickhouse-connect${reason}`, { timeout: 120_000 }, () => {
  it('reads, and writes with the key, with sessions, LZ4, ZSTD and gzip', async () => {
    const engine = await startTestEngine();
    const { stdout } = await promisify(execFile)(python, ['-c', script, new URL(engine.url).port, writerKey]);
    expect(stdout).toBe('ok\n');
    await engine.close();
  });
});
