/** Statements that are made to hold whoever parses, plans or runs them, by what they hold. */
const many = (text: string, n: number, between = ' + '): string => Array.from({ length: n }, () => text).join(between);
const longDistance = "editDistance(repeat('a',60000),repeat('b',60000))";

export const hostileStatements: Readonly<Record<string, readonly string[]>> = {
  'constants that are computed when planned': [
    `SELECT ${many(longDistance, 6)} FORMAT JSON`,
    `SELECT ${many(longDistance, 6)} FORMAT JSONEachRow`,
    `SELECT 1 WHERE ${many(longDistance, 6)} > 0`,
    `SELECT number FROM numbers(10) LIMIT ${many(longDistance, 6)}`,
    `DESCRIBE (SELECT ${many(longDistance, 6)})`,
    `EXPLAIN SELECT ${many(longDistance, 6)}`,
    'SELECT arrayFold((acc, x) -> sipHash64(acc, x), range(20000000), toUInt64(0))',
    'SELECT arraySum(arrayMap(x -> arraySum(arrayMap(y -> y * x, range(20000))), range(20000)))',
  ],
  'the parser': [
    `SELECT ${'INTERVAL ('.repeat(200)}`,
    `SELECT ${'('.repeat(900)}1${')'.repeat(900)}`,
    `SELECT ${'CAST('.repeat(200)}`,
    `SELECT ${many('1', 40_000)}`,
    `SELECT ${'[('.repeat(150)}`,
    `SELECT ${'CASE WHEN 1 THEN '.repeat(150)}`,
  ],
  'scalar subqueries': [
    `SELECT (SELECT ${many(longDistance, 6)})`,
    "WITH (SELECT repeat('a', 60000 + count()) FROM requests) AS a SELECT editDistance(a, repeat('b', 60000))",
    'SELECT (SELECT max(sipHash64(number)) FROM numbers(100000000000))',
  ],
  'wide joins and products': [
    'SELECT count() FROM numbers(1000000) AS a, numbers(1000000) AS b WHERE a.number + b.number = 0',
    `SELECT count() FROM ${many('numbers(100)', 12, ' CROSS JOIN ')}`,
    'SELECT uniqExact(number) FROM numbers(100000000000)',
  ],
  'recursive tables': [
    'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count() FROM t',
    'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t, numbers(1000)) SELECT count() FROM t',
  ],
  patterns: [
    "SELECT match(repeat('a', 1000000), '(a*)*b')",
    "SELECT countMatches(repeat('ab', 500000), '(a|b|ab)*c')",
    "SELECT extractAll(repeat('a', 1000000), '.*?a{1,900}')",
    `SELECT multiMatchAny(repeat('a', 100000), [${many("'(a|aa)+b'", 200, ', ')}])`,
  ],
  'values that grow': [
    "SELECT repeat(repeat(repeat('x', 1000000), 1000), 1000)",
    'SELECT range(500000000)',
    'SELECT groupArray(range(10000)) FROM numbers(1000000)',
    "SELECT arrayStringConcat(arrayMap(x -> repeat('y', 1000000), range(1000)))",
  ],
  'work on one block of rows': [
    "SELECT sum(editDistance(repeat('a', 60000 - number % 7), repeat('b', 60000))) FROM numbers(8192)",
    'SELECT count() FROM numbers(10000000000) WHERE NOT ignore(sipHash64(number))',
  ],
};
