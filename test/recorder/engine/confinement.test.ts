import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../../recorder/store/migrate.ts';
import { asWriter, engineMissing, runQuery, startTestEngine, type TestEngine } from '../running-engine.ts';

/** What comes and goes with the readers' planner holds no rows. */
const filesOf = (path: string): readonly string[] => readdirSync(path).filter(name => name !== 'hindcast-planner');

const secret = 'the-secret-that-nobody-may-read';

/** `%FILE%` is a file with a secret in it, `%OUT%` a path that must not come to be. */
const hostile: Readonly<Record<string, readonly string[]>> = {
  'reading a file': [
    "SELECT * FROM file('%FILE%', 'LineAsString')",
    "SELECT file('%FILE%')",
    "SELECT `file`('%FILE%')",
    "SELECT /* SELECT 1 */ file('%FILE%') -- SELECT 1",
    "SELECT file /**/ ('%FILE%')",
    "SELECT length(concat('x', file('%FILE%')))",
    "SELECT arrayMap(file, ['%FILE%'])",
    "SELECT arrayMap(x -> file(x), ['%FILE%'])",
    "SELECT arrayMap(`file`, ['%FILE%'])",
    "WITH x -> file(x) AS f SELECT f('%FILE%')",
    "WITH file AS f SELECT arrayMap(f, ['%FILE%'])",
    "SELECT * APPLY(file) FROM (SELECT '%FILE%')",
    "SELECT COLUMNS('a') APPLY(x -> file(x)) FROM (SELECT '%FILE%' AS a)",
    "SELECT * REPLACE(file(a) AS a) FROM (SELECT '%FILE%' AS a)",
    "SELECT 1 WHERE file('%FILE%') != ''",
    "SELECT 1 ORDER BY file('%FILE%')",
    "SELECT count() FROM numbers(1) GROUP BY file('%FILE%')",
    "SELECT 1 FROM numbers(1) HAVING file('%FILE%') != ''",
    "SELECT (SELECT file('%FILE%'))",
    "SELECT * FROM (SELECT file('%FILE%'))",
    "WITH c AS (SELECT file('%FILE%') AS a) SELECT * FROM c",
    "WITH (SELECT file('%FILE%')) AS a SELECT a",
    "SELECT 1 UNION ALL SELECT length(file('%FILE%'))",
    "SELECT 1 EXCEPT SELECT length(file('%FILE%'))",
    "SELECT number FROM numbers(1) ARRAY JOIN [file('%FILE%')] AS a",
    "SELECT * FROM numbers(1) AS a JOIN (SELECT file('%FILE%') AS f) AS b ON 1",
    "SELECT number FROM numbers(1) ORDER BY number WITH FILL TO length(file('%FILE%')) INTERPOLATE",
    "SELECT sum(number) OVER (PARTITION BY file('%FILE%')) FROM numbers(1)",
    "SELECT '%FILE%' IN (SELECT file('%FILE%'))",
    "SELECT multiIf(1, file('%FILE%'), '')",
    "SELECT 1 FROM requests PREWHERE file('%FILE%') != ''",
    "SELECT 1 LIMIT length(file('%FILE%'))",
    "DESCRIBE file('%FILE%', 'LineAsString')",
    "DESCRIBE (SELECT file('%FILE%'))",
    "EXPLAIN SELECT file('%FILE%')",
    "EXPLAIN SYNTAX SELECT file('%FILE%')",
    "EXPLAIN QUERY TREE run_passes = 1 SELECT file('%FILE%')",
    "EXPLAIN EXPLAIN SELECT file('%FILE%')",
    "SELECT * FROM (EXPLAIN SELECT file('%FILE%'))",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT file('%FILE%')))",
    "SELECT * FROM view(SELECT file('%FILE%'))",
    "SELECT * FROM viewIfPermitted(SELECT file('%FILE%') ELSE null('a String'))",
    "SELECT * FROM eval('SELECT file(\\'%FILE%\\')')",
    "SELECT * FROM format('LineAsString', file('%FILE%'))",
    "SELECT * FROM fileCluster('default', '%FILE%', 'LineAsString')",
    "SELECT * FROM sqlite('%FILE%', 't')",
    "SELECT * FROM filesystem('%FILE%')",
    "SELECT * FROM deltaLakeLocal('%FILE%')",
    "SELECT catboostEvaluate('%FILE%', 1)",
    "FROM file('%FILE%', 'LineAsString') SELECT *",
    "SELECT * FROM numbers(1), file('%FILE%', 'LineAsString')",
    "SELECT 1 IN file('%FILE%', 'LineAsString')",
  ],
  'writing a file': [
    "SELECT 1 INTO OUTFILE '%OUT%'",
    "SELECT 1 INTO OUTFILE '%OUT%' FORMAT CSV",
    "SELECT 1 INTO OUTFILE '%OUT%' AND STDOUT",
    "SELECT 1 INTO OUTFILE '%OUT%' TRUNCATE COMPRESSION 'gzip' LEVEL 3 FORMAT CSV",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '%OUT%'",
    "(SELECT 1) EXCEPT (SELECT 2) INTO OUTFILE '%OUT%'",
    "SELECT 1; SELECT 1 INTO OUTFILE '%OUT%'",
    "SELECT 1 /* ; */; /* */ SELECT 1 INTO OUTFILE '%OUT%'",
    "SELECT 1;\0SELECT 1 INTO OUTFILE '%OUT%'",
    "EXPLAIN AST SELECT 1; SELECT 1 INTO OUTFILE '%OUT%'",
    "EXPLAIN SELECT 1 INTO OUTFILE '%OUT%'",
    "SHOW TABLES INTO OUTFILE '%OUT%'",
    "SHOW TABLES LIKE 'x' LIMIT 5 INTO OUTFILE '%OUT%' FORMAT CSV",
    "DESCRIBE requests INTO OUTFILE '%OUT%'",
    "EXISTS requests INTO OUTFILE '%OUT%'",
    "SHOW CREATE TABLE requests INTO OUTFILE '%OUT%'",
    "SHOW COLUMNS FROM requests INTO OUTFILE '%OUT%'",
    "INSERT INTO FUNCTION file('%OUT%', 'CSV') SELECT 1",
    "INSERT INTO runs (run_id) VALUES ('a'); SELECT 1 INTO OUTFILE '%OUT%'",
    "EXPLAIN SYNTAX INSERT INTO runs (run_id) VALUES ('a'); SELECT 1 INTO OUTFILE '%OUT%'",
    "INSERT INTO runs (run_id) FORMAT CSV a\n; SELECT 1 INTO OUTFILE '%OUT%'",
    "BACKUP TABLE requests TO File('%OUT%')",
  ],
  'reaching other machines': [
    "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')",
    "SELECT * FROM urlCluster('default', 'http://127.0.0.1:9/', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1:9', 'system', 'one')",
    "SELECT * FROM remoteSecure('127.0.0.1:9', 'system', 'one')",
    "SELECT * FROM cluster('default', 'system', 'one')",
    "SELECT * FROM s3('http://127.0.0.1:9/a', 'CSV', 'a String')",
    "SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
    "SELECT * FROM mongodb('127.0.0.1:9', 'a', 'b', 'c', 'd', 'e String')",
    "SELECT * FROM redis('127.0.0.1:9', 'k', 'k String')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:9/a', 'CSV', 'a String')",
    "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:9', 'a', 'b', 'c', 'd') COLUMNS (a Int8)",
    "SELECT aiGenerate('x')",
  ],
  'running something': [
    "SELECT * FROM executable('id', 'CSV', 'a String')",
    'SELECT * FROM Python(x)',
    'SYSTEM FLUSH LOGS',
    'SYSTEM SHUTDOWN',
    'KILL QUERY WHERE 1 ASYNC',
    'KILL MUTATION WHERE 1',
    'SELECT sleep(3)',
    'SELECT sleepEachRow(3) FROM numbers(10)',
    "SELECT logTrace('x')",
    'SELECT addressToSymbol(1)',
  ],
  'other tables': [
    'SELECT * FROM system.users',
    'SELECT * FROM system.processes',
    'SELECT * FROM system.server_settings',
    'SELECT * FROM `system`.`processes`',
    'SELECT * FROM system . processes',
    'SELECT 1 IN system.processes',
    'SELECT 1 IN (system.processes)',
    'SELECT * FROM requests JOIN system.processes AS p ON 1',
    'WITH c AS (SELECT * FROM system.processes) SELECT * FROM c',
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM INFORMATION_SCHEMA.TABLES',
    "SELECT * FROM merge('default', '.*')",
    "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM dictionary('x')",
    "SELECT dictGet('x', 'y', 1)",
    "SELECT joinGet('system.processes', 'query', 1)",
    "SELECT hasColumnInTable('system', 'users', 'name')",
    'SELECT * FROM loop(requests)',
    "SELECT * FROM generateRandom('a Int8') LIMIT 1",
    "SELECT * FROM mergeTreeIndex('default', 'requests')",
    'DESCRIBE system.users',
    'SHOW PROCESSLIST',
    'SHOW GRANTS',
    'SHOW USERS',
    'SHOW ACCESS',
  ],
  'changing something': [
    'SET max_memory_usage = 0',
    'SET readonly = 0',
    "SET param_x = 'y'",
    'USE system',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)',
    'SELECT 1 FORMAT JSON SETTINGS max_threads = 1',
    'SHOW TABLES SETTINGS max_threads = 1',
    "SELECT 1 SETTINGS additional_result_filter = 'file(\\'%FILE%\\') = \\'\\''",
    'CREATE TABLE z (a Int8) ENGINE = Memory',
    'CREATE TEMPORARY TABLE z (a Int8)',
    "CREATE TEMPORARY TABLE z (a String) ENGINE = File(CSV, '%FILE%')",
    'CREATE VIEW z AS SELECT 1',
    'CREATE FUNCTION z AS x -> x',
    'CREATE DATABASE z',
    'CREATE USER z',
    "CREATE DICTIONARY z (a UInt64) PRIMARY KEY a SOURCE(FILE(path '%FILE%' format 'CSV')) LAYOUT(FLAT()) LIFETIME(0)",
    "INSERT INTO runs (run_id) VALUES ('a')",
    "INSERT INTO runs (run_id) SELECT 'a'",
    "INSERT INTO runs FROM INFILE '%FILE%' FORMAT CSV",
    'ALTER TABLE runs ADD COLUMN z Int8',
    'ALTER TABLE runs DELETE WHERE 1',
    'DELETE FROM runs WHERE 1',
    "UPDATE runs SET name = 'z' WHERE 1",
    'DROP TABLE runs',
    'TRUNCATE TABLE runs',
    'RENAME TABLE runs TO z',
    'EXCHANGE TABLES runs AND audit',
    'OPTIMIZE TABLE runs FINAL',
    "ATTACH TABLE z FROM '%FILE%' (a Int8) ENGINE = Memory",
    'DETACH TABLE runs',
    'UNDROP TABLE runs',
    'CHECK TABLE runs',
    'GRANT ALL ON *.* TO default',
    'BEGIN TRANSACTION',
    'EXECUTE AS default SELECT 1',
    'SELECT 1 PARALLEL WITH DROP TABLE runs',
    'EXPLAIN AST DROP TABLE runs',
    'WATCH runs',
  ],
  disguises: [
    "SELECT 1 AS `a\n Function plus`, file('%FILE%')",
    "SELECT 1 AS `a (children 0)`, file('%FILE%')",
    'SELECT 1 AS "x)\n Function plus"',
    "SELECT ' -- ', file('%FILE%') -- '",
    "SELECT $$'$$, file('%FILE%')",
    "SELECT '\\'', file('%FILE%')",
    'SELECT * FROM system.`processes`',
    'SELECT nonsense(1)',
    'SELECT 1 FORMAT Template',
    'SELECT 1 FORMAT Protobuf',
    'SELECT 1 FORMAT CapnProto',
    '',
    '-- nothing',
    'requests',
    '((((((((((',
  ],
};

/** Shapes that dashboards and people use. */
const useful = [
  "SELECT count() FROM requests WHERE tenant_id = 't'",
  'WITH toDateTime(0) AS start SELECT toStartOfInterval(ts, INTERVAL 60 second) AS time, count() AS n FROM requests WHERE ts >= start GROUP BY time ORDER BY time WITH FILL STEP 60',
  'SELECT minute AS time, q[1] AS p50, q[4] AS p99 FROM (SELECT minute, quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(latency) AS q FROM usage_1m GROUP BY minute) ORDER BY time',
  'SELECT model, quantilesTDigestIfMerge(0.5, 0.9, 0.95, 0.99)(ttft)[3] AS p95 FROM usage_1m GROUP BY model',
  "SELECT sum(cost_usd) / greatest(dateDiff('hour', now() - INTERVAL 1 DAY, now()), 1) * 24 * toDayOfMonth(toLastDayOfMonth(now())) AS month FROM usage_1h",
  "SELECT tags['feature'] AS feature, count() AS requests, sum(cost_usd) AS cost FROM requests GROUP BY feature ORDER BY cost DESC LIMIT 20",
  "SELECT t / 20 AS threshold, countIf(a.confidence < threshold) / count() AS would_escalate, sum(a.cost_usd) + sumIf(r.cost_usd, a.confidence < threshold) AS est_cost FROM attempts AS a INNER JOIN requests AS r ON r.request_id = a.request_id AND r.tenant_id = a.tenant_id ARRAY JOIN range(21) AS t WHERE a.kind = 'primary' GROUP BY t ORDER BY t",
  'SELECT name, avg(value) AS score FROM scores FINAL GROUP BY name',
  "SELECT arm, count() AS n, countIf(outcome = 'ok') / n AS ok, quantileTDigest(0.95)(latency_ms) AS p95_ms, avg(scores['quality']) AS quality FROM replay_results FINAL GROUP BY arm ORDER BY arm",
  "SELECT p.ts AS time, substring(p.response_body, 1, 200) AS preview FROM payloads AS p WHERE hasAllTokens(lower(p.request_body), 'refund') ORDER BY p.ts DESC LIMIT 50",
  'SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC',
  'SELECT level, count() FROM (SELECT request_id, max(attempt_no) AS level FROM attempts GROUP BY request_id) GROUP BY level',
  'SELECT toString(exp2(floor(log2(greatest(latency_ms, 1))))) AS bucket, count() FROM requests GROUP BY bucket',
  'SELECT model, row_number() OVER (PARTITION BY provider ORDER BY latency_ms) AS n, lagInFrame(latency_ms) OVER w FROM requests WINDOW w AS (ORDER BY ts) QUALIFY n < 3',
  "SELECT CASE WHEN stream THEN 'a' ELSE 'b' END AS kind, model IN ('a', 'b'), latency_ms BETWEEN 1 AND 2, NOT hedged, confidence IS NULL, ts::Date, CAST(outcome, 'String'), EXTRACT(hour FROM ts) FROM requests",
  "SELECT arrayMap(x -> x * 2, arrayFilter(x -> x > 1, [1, 2, 3])), arrayReduce('sum', [1, 2]), mapKeys(tags), JSONExtractString(policy, 'route') FROM requests LIMIT 1",
  "SELECT * EXCEPT (policy, events), COLUMNS('_tokens$') FROM requests LIMIT 1 BY tenant_id LIMIT 10 OFFSET 1",
  'WITH recent AS (SELECT request_id FROM requests ORDER BY ts DESC LIMIT 10) SELECT count() FROM attempts WHERE request_id IN recent AND request_id IN (SELECT request_id FROM requests)',
  'WITH (SELECT max(ts) FROM requests) AS latest SELECT count() FROM requests WHERE ts = latest',
  'SELECT count(), uniqExact(model), argMax(model, ts), topK(3)(model), groupArray(3)(model), anyLast(model), uniqCombined64Merge(12)(users) FROM usage_1h AS u, requests',
  'SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 2',
  'SELECT number FROM numbers(3) UNION ALL SELECT * FROM system.one',
  "SELECT * FROM values('a UInt8', 1, 2)",
  'SELECT generateUUIDv7(), formatReadableSize(1000), version(), currentDatabase(), timezone(), toTypeName(1), now64(3), rand()',
  'SELECT name FROM system.databases',
  "SELECT name, type, table FROM system.columns WHERE database = 'default'",
  'SELECT name FROM system.functions LIMIT 10000',
  "SELECT value FROM system.settings WHERE name = 'max_threads'",
  'SHOW TABLES',
  'SHOW DATABASES',
  'SHOW CREATE TABLE requests',
  'SHOW COLUMNS FROM requests',
  'DESCRIBE TABLE requests',
  'DESCRIBE (SELECT count() AS n FROM requests)',
  'EXISTS TABLE requests',
  'EXPLAIN SELECT count() FROM requests',
  "EXPLAIN indexes = 1 SELECT count() FROM requests WHERE tenant_id = 't'",
  'EXPLAIN AST SELECT 1',
  'SELECT count() FROM requests FORMAT JSON',
  'SELECT 1;',
  ' \n-- a comment\nSELECT /* another */ 1 -- the last',
];

describe.skipIf(engineMissing)(`What the account default may not do${engineMissing}`, () => {
  let engine: TestEngine;
  let file: string;
  let out: string;
  const placed = (sql: string): string => sql.replaceAll('%FILE%', file).replaceAll('%OUT%', out);

  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer);
    file = join(engine.path, 'secret.txt');
    out = join(engine.path, 'written.txt');
    writeFileSync(file, secret);
  });
  afterAll(() => engine.close());

  for (const [what, statements] of Object.entries(hostile)) {
    it.each(statements)(`refuses ${what}: %s`, async statement => {
      const sql = placed(statement);
      const files = filesOf(engine.path);
      const { status, code, text } = await runQuery(engine.url, sql);
      expect(status, text).not.toBe(200);
      expect(code, text).toBeGreaterThan(0);
      expect([497, 164, 452, 62, 46, 60, 73, 47]).toContain(code);
      expect(text).not.toContain(secret);
      expect(existsSync(out)).toBe(false);
      expect(filesOf(engine.path)).toEqual(files);
    });
  }

  it.each(useful)('allows %s', async sql => {
    const { status, text } = await runQuery(engine.url, sql);
    expect(text).not.toContain('Exception');
    expect(status).toBe(200);
  });

  it('lets no parameter name a table or a function', async () => {
    const requested = (sql: string, parameters: Record<string, string>) =>
      runQuery(engine.url, sql, { query: String(new URLSearchParams(parameters)) });
    const own = await requested('SELECT count() FROM {t:Identifier}', { param_t: 'requests' });
    expect(own.status).toBe(200);
    for (const [sql, parameters] of [
      ['SELECT * FROM {d:Identifier}.{t:Identifier}', { param_d: 'system', param_t: 'processes' }],
      ['SELECT * FROM {t:Identifier}', { param_t: 'system.processes' }],
      ['SELECT 1 IN {t:Identifier}', { param_t: 'system.processes' }],
      [`SELECT arrayMap({f:Identifier}, ['${file}'])`, { param_f: 'file' }],
      ['SELECT {x:Identifier}', { param_x: "file('x')" }],
    ] as const) {
      const refused = await requested(sql, parameters);
      expect(refused.status, `${sql} ${refused.text}`).not.toBe(200);
      expect(refused.text).not.toContain(secret);
    }
    // Values stay values, whatever they hold.
    const hostileValue = "x'; SELECT 1 INTO OUTFILE '/tmp/never'; --\\\n\t";
    const [row] = await engine.reader.select<{ v: string }>('SELECT {v: String} AS v', { v: hostileValue });
    expect(row).toEqual({ v: hostileValue });
  });

  it.each([
    ['additional_table_filters', "{'requests': 'file(1)'}", 164],
    ['additional_result_filter', '1', 164],
    ['dialect', 'prql', 164],
    ['implicit_select', '1', 164],
    ['format_schema', '/etc/passwd', 164],
    ['format_template_resultset', '/etc/passwd', 164],
    ['input_format_values_interpret_expressions', '1', 164],
    ['allow_introspection_functions', '1', 164],
    ['profile', 'default', 164],
    ['max_execution_time', 'a', 36],
    ['max_threads = 1, readonly', '0', 115],
  ])('refuses the setting %s', async (name, value, code) => {
    const reply = await runQuery(engine.url, 'SELECT 1', { query: String(new URLSearchParams({ [name]: value })) });
    expect(reply.code, reply.text).toBe(code);
  });

  it('takes settings of results and clamps limits', async () => {
    const query =
      'max_execution_time=0&max_memory_usage=0&max_result_rows=99&max_threads=100000&output_format_json_quote_64bit_integers=1&readonly=0';
    const names = ['max_execution_time', 'max_memory_usage', 'max_result_rows', 'readonly'];
    const reply = await runQuery(
      engine.url,
      `SELECT ${names.map(name => `toUInt64(getSetting('${name}')) AS ${name}`).join(', ')} FORMAT JSONEachRow`,
      { query },
    );
    expect(JSON.parse(reply.text)).toEqual({
      max_execution_time: '60',
      max_memory_usage: '1073741824',
      max_result_rows: '99',
      readonly: '1',
    });
  });

  it('ends a query that is too long or too large', async () => {
    const long = await runQuery(engine.url, 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', {
      query: 'max_execution_time=0.3',
    });
    expect([long.status, long.code]).toEqual([408, 159]);
    const large = await runQuery(engine.url, 'SELECT groupArray(number) FROM numbers(1000000000)', { query: 'max_memory_usage=20000000' });
    expect(large.code).toBe(241);
    const rows = await runQuery(engine.url, 'SELECT number FROM numbers(100000)', { query: 'max_result_rows=1000' });
    expect(rows.code || rows.text).toBe(396);
    const sql = await runQuery(engine.url, `SELECT ${'1,'.repeat(200_000)} 1`);
    expect(sql.status).toBe(413);
  });
});

/** The writer changes tables, but reads and writes no file either. */
const forbiddenToWriter = [
  "SELECT * FROM file('%FILE%', 'LineAsString')",
  "SELECT file('%FILE%')",
  "SELECT 1 INTO OUTFILE '%OUT%'",
  "INSERT INTO FUNCTION file('%OUT%', 'CSV') SELECT 1",
  "INSERT INTO runs (run_id) SELECT file('%FILE%')",
  "INSERT INTO runs (run_id) VALUES (file('%FILE%'))",
  "INSERT INTO runs (run_id) VALUES (concat('a', file('%FILE%')))",
  "INSERT INTO runs (run_id) SETTINGS input_format_values_interpret_expressions = 1 VALUES (file('%FILE%'))",
  "INSERT INTO runs (run_id) VALUES ('a'); SELECT 1 INTO OUTFILE '%OUT%'",
  "INSERT INTO runs FROM INFILE '%FILE%' FORMAT CSV",
  "CREATE TABLE z (a String) ENGINE = File(CSV, '%FILE%')",
  "CREATE TABLE z (a String) ENGINE = URL('http://127.0.0.1:9/', CSV)",
  "CREATE TABLE z AS file('%FILE%', 'LineAsString')",
  "CREATE TABLE z (a String DEFAULT file('%FILE%')) ENGINE = Memory",
  "CREATE TABLE z (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '%OUT%/')",
  "CREATE VIEW z AS SELECT file('%FILE%')",
  'CREATE MATERIALIZED VIEW z ENGINE = File(CSV) AS SELECT 1 AS a',
  "CREATE DICTIONARY z (a UInt64) PRIMARY KEY a SOURCE(FILE(path '%FILE%' format 'CSV')) LAYOUT(FLAT()) LIFETIME(0)",
  'CREATE DATABASE z',
  'CREATE FUNCTION z AS x -> file(x)',
  "ALTER TABLE runs UPDATE name = file('%FILE%') WHERE 1",
  "ALTER TABLE runs DELETE WHERE name = file('%FILE%')",
  'ALTER TABLE runs FREEZE',
  "ALTER TABLE runs MOVE PARTITION tuple() TO DISK 'x'",
  "DELETE FROM runs WHERE name = file('%FILE%')",
  "ATTACH TABLE z FROM '%FILE%' (a Int8) ENGINE = MergeTree ORDER BY a",
  "BACKUP TABLE runs TO File('%OUT%')",
  'DROP DATABASE default',
  'TRUNCATE DATABASE default',
  'SYSTEM SHUTDOWN',
  'SET max_threads = 1',
  'GRANT ALL ON *.* TO default',
];

describe.skipIf(engineMissing)(`What the account writer may not do${engineMissing}`, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer);
    writeFileSync(join(engine.path, 'secret.txt'), `${secret}\n`);
  });
  afterAll(() => engine.close());

  it.each(forbiddenToWriter)('refuses %s', async statement => {
    const out = join(engine.path, 'out');
    const sql = statement.replaceAll('%FILE%', join(engine.path, 'secret.txt')).replaceAll('%OUT%', out);
    const { status, text } = await runQuery(engine.url, sql, { headers: asWriter });
    expect(status, text).not.toBe(200);
    expect(text).not.toContain(secret);
    expect(existsSync(out)).toBe(false);
    expect(await engine.reader.select('SELECT run_id, name FROM runs')).toEqual([]);
  });

  it('allows what migrations and replay need', async () => {
    for (const sql of [
      'CREATE TABLE IF NOT EXISTS z (a UInt64, b String DEFAULT lower(toString(a)) CODEC(ZSTD(3)), INDEX i b TYPE bloom_filter(0.01) GRANULARITY 1) ENGINE = MergeTree PARTITION BY a % 2 ORDER BY a TTL toDateTime(a) + INTERVAL 100 YEAR',
      'CREATE VIEW IF NOT EXISTS zv AS SELECT a FROM z',
      'ALTER TABLE z ADD COLUMN IF NOT EXISTS c Array(String)',
      'ALTER TABLE z MODIFY SETTING merge_with_ttl_timeout = 100',
      "ALTER TABLE z ADD INDEX IF NOT EXISTS t lower(b) TYPE text(tokenizer = 'splitByNonAlpha')",
      'INSERT INTO z (a) VALUES (1), (2)',
      'INSERT INTO z (a, b) SELECT number, toString(number) FROM numbers(10)',
      'ALTER TABLE z UPDATE c = [b] WHERE a = 1 SETTINGS mutations_sync = 1',
      'DELETE FROM z WHERE a = 2',
      'OPTIMIZE TABLE z FINAL',
      'ALTER TABLE z APPLY DELETED MASK',
      'TRUNCATE TABLE z',
      'RENAME TABLE z TO y',
      'DROP VIEW zv',
      'DROP TABLE IF EXISTS y',
    ]) {
      const { status, text } = await runQuery(engine.url, sql, { headers: asWriter });
      expect(`${status} ${text}`, sql).toMatch(/^200 /);
    }
  });
});
