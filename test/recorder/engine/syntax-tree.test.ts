import { describe, expect, it } from 'vitest';
import { EngineException } from '../../../recorder/engine/session/exception.ts';
import { functionPermissions } from '../../../recorder/engine/sql/function-permissions.ts';
import { checkStatement } from '../../../recorder/engine/sql/permissions.ts';
import { parseTree } from '../../../recorder/engine/sql/syntax-tree.ts';

const row = (name: string, categories: string, more: object = {}) => ({
  name,
  categories,
  is_aggregate: 0,
  case_insensitive: 0,
  alias_to: '',
  ...more,
});
const functions = functionPermissions(
  [
    row('plus', 'Arithmetic'),
    row('sum', 'Aggregate Functions', { is_aggregate: 1, case_insensitive: 1 }),
    row('total', '', { is_aggregate: 1, alias_to: 'sum' }),
    row('file', 'Other'),
    row('fileAlias', '', { alias_to: 'file' }),
    row('brandNew', ''),
    row('half', 'Arithmetic,Files'),
  ],
  ['If', 'OrNull', 'Merge'],
);
const reader = { functions, database: 'default', mayWrite: false } as const;

const select = (expression: readonly string[]) => [
  'SelectWithUnionQuery (children 1)',
  ' ExpressionList (children 1)',
  '  SelectQuery (children 1)',
  '   ExpressionList (children 1)',
  ...expression.map(line => `    ${line}`),
];
const judged = (lines: readonly string[]) => checkStatement(parseTree(lines), reader);

describe('A syntax tree as the engine prints it', () => {
  it('is read with names, aliases and numbers of children', () => {
    const tree = parseTree(['A x (alias y (alias z)) (children 2)', ' B', ' C (column d) (children 1)', "  Literal 'e (children 3)x'"]);
    expect(tree).toMatchObject({
      kind: 'A',
      detail: 'x',
      children: [
        { kind: 'B', detail: '', children: [] },
        { kind: 'C', detail: '(column d)', children: [{ kind: 'Literal', detail: "'e (children 3)x'" }] },
      ],
    });
  });

  it.each([
    ['nothing', []],
    ['an indented root', [' A']],
    ['two roots', ['A', 'B']],
    ['a child too deep', ['A (children 1)', '  B']],
    ['a child too few', ['A (children 2)', ' B']],
    ['a child too many', ['A', ' B']],
    ['a line that is no node', ['A (children 1)', ' 1']],
    ['an empty line', ['A (children 1)', '']],
  ])('is refused when it has %s', (_, lines) => {
    expect(() => parseTree(lines)).toThrow(EngineException);
  });
});

describe('A statement', () => {
  it('passes when every part of it is known and allowed', () => {
    expect(judged(select(['Function plus (children 1)', ' ExpressionList (children 2)', '  Identifier a', '  Literal UInt64_1']))).toEqual({
      kind: 'read',
      format: undefined,
      streams: true,
    });
  });

  it.each([
    ['a node of an unknown kind', select(['SomethingNew x'])],
    ['a statement of an unknown kind', ['SomethingNewQuery x']],
    ['a function that reads a file', select(['Function file'])],
    ['an alias of one', select(['Function fileAlias'])],
    ['the bare name of one', select(['Identifier file'])],
    ['a function without a category', select(['Function brandNew'])],
    ['a function with one good category of two', select(['Function half'])],
    ['a function nobody knows', select(['Function nonsense'])],
    ['an APPLY', select(['Asterisk (children 1)', ' ColumnsTransformerList (children 1)', '  ColumnsApplyTransformer'])],
    ['a table of another database', select(['Identifier system.users'])],
    ['an EXPLAIN of an unknown kind', ['Explain EXPLAIN SOMETHING (children 1)', ...select(['Literal UInt64_1']).map(line => ` ${line}`)]],
  ])('is refused for %s', (_, lines) => {
    expect(() => judged(lines)).toThrow(EngineException);
  });

  it('does not stream when its plan computes a subquery', () => {
    const subquery = ['Subquery (children 1)', ...select(['Literal UInt64_1']).map(line => ` ${line}`)];
    expect(judged(select(subquery)).streams).toBe(false);
  });
});

describe('Names of functions', () => {
  it('are found through combinators, aliases and letter case', () => {
    for (const name of ['sum', 'SUM', 'sumIf', 'sumIfOrNull', 'totalMerge', 'total'])
      expect(functions.permissionOf(name), name).toBe('allowed');
    for (const name of ['PLUS', 'plusIf', 'If', 'FILE']) expect(functions.permissionOf(name), name).toBe('unknown');
    expect(functions.permissionOf('file')).toBe('forbidden');
    expect(functions.forbidsBareName('FILE')).toBe(true);
  });
});
