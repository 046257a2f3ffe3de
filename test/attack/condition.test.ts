import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConditionError, oneCondition } from '../../recorder/store/condition.ts';
import { engineMissing, startTestEngine, type TestEngine } from '../recorder/running-engine.ts';
import { report } from './report.ts';

const accepts = (text: string): boolean => {
  try {
    oneCondition(text);
    return true;
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return false;
  }
};

const leaving = [
  '1=1) OR (1=1',
  '1=1 --',
  '1=1 /*',
  "1=1) OR ('1'='1",
  '1=1; SELECT 1',
  "'open",
  '`open',
  '(1=1',
  '[1) = (1]',
  '1=1) UNION ALL SELECT * FROM requests WHERE (1=1',
  '1=1 #! x',
  '$$)$$ = $$($$',
  '1 = 1 AND “)” = ‘(’',
  '',
];
const staying = [
  'latency_ms > 5000',
  "(a = 1) OR (b = ')')",
  "tags['x)'] IN ('a', 'b;c', '--', 'it\\'s')",
  'request_id IN (SELECT request_id FROM scores WHERE value < 0.5)',
];

describe('a condition of --where', () => {
  it.each(leaving)('is refused when it would leave its parentheses: %s', text => {
    expect(accepts(text)).toBe(false);
  });
  it.each(staying)('is taken as it is when it is one expression: %s', text => {
    expect(oneCondition(text)).toBe(`(${text})`);
  });
});

describe.skipIf(engineMissing)(`a condition that is taken${engineMissing}`, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
    await engine.writer.command('CREATE TABLE r (tenant String, n UInt8) ENGINE = MergeTree ORDER BY n');
    await engine.writer.insert('r', [
      { tenant: 'mine', n: 1 },
      { tenant: 'theirs', n: 2 },
    ]);
  });
  afterAll(() => engine.close());

  it('selects nothing of another tenant, whatever it says', async () => {
    const piece = fc.constantFrom(
      ...'1=1 ) ( OR AND NOT \' " ` -- /* */ ; [ ] { } n tenant = , $$ \\ SELECT FROM r WHERE LIMIT UNION 1 ’ “ \n'.split(' '),
      '\n',
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async pieces => {
        const text = pieces.join(' ');
        if (!accepts(text)) return;
        taken += 1;
        const rows = await engine.writer
          .select<{ tenant: string }>(`SELECT tenant FROM r WHERE tenant = 'mine' AND ${oneCondition(text)}`)
          .catch(() => []);
        expect(rows.filter(({ tenant }) => tenant !== 'mine')).toEqual([]);
      }),
      { numRuns: process.env.HINDCAST_LONG ? 5_000 : 300, examples: [[['1=1', ')', 'OR', '(', '1=1']]] },
    );
    expect(taken).toBeGreaterThan(0);
    report('--where', `${taken} conditions taken, none left its parentheses`);
  });
});
