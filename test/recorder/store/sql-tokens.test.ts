import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitInsert } from '../../../recorder/engine/sql/split-insert.ts';
import { statementsOf } from '../../../recorder/store/sql-tokens.ts';

const runs = { numRuns: process.env.HINDCAST_LONG ? 10_000 : 300 };

describe('Statements of a file', () => {
  it('end at semicolons, and at no semicolon in a string, a name or a comment', () => {
    const sql = `-- first; comment
CREATE TABLE a (x String DEFAULT 'a;''b\\';c', \`y;z\` Int8); # not one; either
/* ; */ SELECT "q;", $$ ; ' $$, $tag$ ; $$ $tag$ /* ; */ ;
;
SELECT 1 -- the last; one`;
    expect(statementsOf(sql)).toEqual([
      "CREATE TABLE a (x String DEFAULT 'a;''b\\';c', `y;z` Int8)",
      'SELECT "q;", $$ ; \' $$, $tag$ ; $$ $tag$',
      'SELECT 1',
    ]);
  });

  it('come out as they went in, whatever strings and comments are in and between them', () => {
    const inner = fc.string({ maxLength: 12 });
    const literal = inner.map(text => `'${text.replace(/[\\']/g, '\\$&')}'`);
    const name = inner.map(text => `\`${text.replace(/[\\`]/g, '\\$&')}\``);
    const comment = inner.map(text => ` /* ${text.replaceAll('*/', '')} */ `);
    const statement = fc
      .tuple(
        fc.constantFrom('SELECT', 'INSERT INTO t VALUES', 'CREATE TABLE'),
        fc.array(fc.oneof(literal, name, comment), { maxLength: 5 }),
        fc.constantFrom(' x', ' (1)'),
      )
      .map(([head, middle, tail]) => `${head} ${middle.join(' , ')}${tail}`);
    const between = fc.oneof(
      fc.constant(';'),
      inner.map(text => `; -- ${text.replaceAll('\n', '')}\n`),
      fc.constant(';\n/* ; */;'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(statement, between), { maxLength: 6 }), parts => {
        const sql = parts.map(([text, separator]) => text + separator).join('\n');
        expect(statementsOf(sql)).toEqual(parts.map(([text]) => text));
      }),
      runs,
    );
  });

  it('are found in any text without hanging or failing', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("'", '`', '"', '\\', '$', '$$', '-', '--', '/*', '*/', '#', ';', '\n', 'a', ' ') }),
        text => {
          for (const statement of statementsOf(text)) expect(text).toContain(statement);
        },
      ),
      runs,
    );
  });
});

describe('An INSERT and its data', () => {
  const parts = (text: string) => {
    const split = splitInsert(text);
    return split && [text.slice(0, split.end), split.data === undefined ? undefined : text.slice(split.data)];
  };

  it.each([
    ['INSERT INTO t VALUES (1)', ['INSERT INTO t VALUES', ' (1)']],
    ['insert into t (a, values) values(1)', ['insert into t (a, values) values', '(1)']],
    ['INSERT INTO t FORMAT CSV\n1\n\n', ['INSERT INTO t FORMAT CSV', '1\n\n']],
    ['INSERT INTO t FORMAT CSV 1', ['INSERT INTO t FORMAT CSV', '1']],
    ['INSERT INTO t FORMAT RowBinary\r\n\n\0', ['INSERT INTO t FORMAT RowBinary', '\n\0']],
    [
      'INSERT INTO `FORMAT x` (`a)`) SETTINGS b = \'VALUES\' FORMAT JSONEachRow {"a":";"}',
      ["INSERT INTO `FORMAT x` (`a)`) SETTINGS b = 'VALUES' FORMAT JSONEachRow", '{"a":";"}'],
    ],
    ['/* INSERT */ INSERT INTO values VALUES (1)', ['/* INSERT */ INSERT INTO values VALUES', ' (1)']],
    ['INSERT INTO t SELECT 1 FORMAT CSV', ['INSERT INTO t SELECT 1 FORMAT CSV', undefined]],
    ['INSERT INTO t WITH 1 AS a SELECT a', ['INSERT INTO t WITH 1 AS a SELECT a', undefined]],
    ['INSERT INTO t (a)', ['INSERT INTO t (a)', undefined]],
  ])('are told apart in %s', (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  it.each(['', 'SELECT 1 FORMAT CSV', '-- INSERT', 'WITH x AS (SELECT 1) INSERT'])('are not in %s', text => {
    expect(splitInsert(text)).toBeUndefined();
  });
});
