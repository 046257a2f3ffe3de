/** Providers' cost exports, and how they are set beside what was recorded. */
import { describe, expect, test } from 'vitest';
import { parseBill } from '../../recorder/prices/bills.ts';
import { type RecordedLine, reconciled } from '../../recorder/prices/reconciliation.ts';

describe('A bill', () => {
  test("of OpenAI's cost API has its time in the bucket", () => {
    const bucket = {
      ...{ object: 'bucket', start_time: 1_796_083_200, end_time: 1_796_169_600 },
      results: [
        {
          object: 'organization.costs.result',
          amount: { value: 1.25, currency: 'usd' },
          line_item: 'gpt-5-mini, input',
          project_id: 'proj_1',
        },
      ],
    };
    expect(parseBill(JSON.stringify({ object: 'page', data: [bucket] }))).toEqual({
      form: 'openai',
      lines: [{ day: '2026-12-01', model: 'gpt-5-mini', key: 'proj_1', usd: 1.25 }],
    });
  });

  test("of OpenAI's cost page is a CSV", () => {
    const csv =
      'start_time,start_time_iso,amount_value,amount_currency,line_item,project_name\n1796083200,2026-12-01T00:00:00+00:00,2.5,usd,"gpt-5, output",web\n';
    expect(parseBill(csv)!.lines).toEqual([{ day: '2026-12-01', model: 'gpt-5', key: 'web', usd: 2.5 }]);
  });

  test("of Anthropic's cost API is in cents", () => {
    const bucket = {
      ...{ starting_at: '2026-12-01T00:00:00Z', ending_at: '2026-12-02T00:00:00Z' },
      results: [
        {
          currency: 'USD',
          amount: '150.5',
          workspace_id: 'w',
          description: 'Claude Sonnet 4.5 Usage - Input Tokens',
          model: 'claude-sonnet-4-5',
        },
      ],
    };
    expect(parseBill(JSON.stringify({ data: [bucket] }))!.lines).toEqual([
      { day: '2026-12-01', model: 'claude-sonnet-4-5', key: 'w', usd: 1.505 },
    ]);
  });

  test("of Anthropic's console is in dollars", () => {
    expect(parseBill('usage_date_utc,model,workspace,api_key,cost_usd\n2026-12-01,claude-opus-5,Default,main,"1,003.5"\n')).toEqual({
      form: 'anthropic',
      lines: [{ day: '2026-12-01', model: 'claude-opus-5', key: 'main', usd: 1003.5 }],
    });
  });

  test('of Google Cloud is one object a line, or a CSV', () => {
    const line = {
      ...{ usage_start_time: '2026-12-01 05:00:00 UTC', cost: 0.75, currency: 'USD' },
      ...{ sku: { description: 'Gemini 2.5 Flash Text Input - Predictions' }, project: { id: 'p1' } },
    };
    const lines = [{ day: '2026-12-01', model: 'gemini-2.5-flash', key: 'p1', usd: 0.75 }];
    expect(parseBill(`${JSON.stringify(line)}\n${JSON.stringify({ ...line, cost: 0 })}\n`)).toEqual({ form: 'google', lines });
    expect(
      parseBill(
        'usage_start_time,sku.description,project.id,cost,currency\n2026-12-01T05:00:00Z,Gemini 2.5 Flash Text Input - Predictions,p1,0.75,USD\n',
      )!.lines,
    ).toEqual(lines);
  });

  test("of AWS has Bedrock's lines alone", () => {
    const csv = [
      'lineItem/UsageStartDate,lineItem/ProductCode,lineItem/UsageType,lineItem/UsageAccountId,lineItem/UnblendedCost,lineItem/CurrencyCode',
      '2026-12-01T00:00:00Z,AmazonBedrock,USE1-Nova-Pro-input-tokens,42,0.5,USD',
      '2026-12-01T00:00:00Z,AmazonEC2,BoxUsage:m5,42,9,USD',
    ].join('\n');
    expect(parseBill(csv)).toEqual({ form: 'aws', lines: [{ day: '2026-12-01', model: 'nova-pro', key: '42', usd: 0.5 }] });
  });

  test('in another currency is refused, and a text in no known form is none', () => {
    expect(() => parseBill('start_time,amount_value,amount_currency\n1796083200,1,eur\n')).toThrow(/is in eur, and records are in USD/);
    expect(parseBill('a,b\n1,2\n')).toBeUndefined();
    expect(parseBill('{"data":[]}')).toBeUndefined();
  });
});

describe('Reconciliation', () => {
  const recorded = (model: string, usd: number, more: Partial<RecordedLine> = {}): RecordedLine => ({
    ...{ day: '2026-12-01', model, key: 'f', usd, estimated_usd: 0, unpriced: 0, attempts: 10 },
    ...more,
  });
  const billed = (model: string, usd: number) => ({ day: '2026-12-01', model, key: 'k', usd });

  test('matches the words of bills with those of the API, dates and prefixes aside', () => {
    const { lines, unexplained_usd } = reconciled(
      [billed('claude-sonnet-4.5', 3), billed('gpt-5', 2), billed('gpt-5-mini', 1)],
      [recorded('us.anthropic.claude-sonnet-4-5-20250929-v1:0', 3), recorded('gpt-5-2025-08-07', 2), recorded('openai/gpt-5-mini', 1)],
    );
    expect(lines.map(({ model, reason }) => [model, reason])).toEqual([
      ['claude-sonnet-4.5', 'equal'],
      ['gpt-5', 'equal'],
      ['gpt-5-mini', 'equal'],
    ]);
    expect(unexplained_usd).toBe(0);
  });

  test('names what explains a difference, and counts the rest as unexplained, both ways', () => {
    const { lines, ...sums } = reconciled(
      [billed('a', 10), billed('b', 10), billed('c', 10), billed('e', 10)],
      [recorded('a', 0, { unpriced: 10 }), recorded('b', 8, { estimated_usd: 4 }), recorded('c', 7, { unpriced: 1 }), recorded('d', 5)],
    );
    expect(lines.map(({ model, residual_usd, reason }) => [model, residual_usd, reason])).toEqual([
      ['a', 10, 'no price is known'],
      ['b', 2, 'estimated tokens'],
      ['c', 3, ''],
      ['d', -5, ''],
      ['e', 10, ''],
    ]);
    expect(sums).toEqual({ billed_usd: 40, recorded_usd: 20, unexplained_usd: 18 });
  });

  test('compares whole days where the bill names no model', () => {
    const { lines } = reconciled([billed('', 5)], [recorded('a', 2), recorded('b', 3)]);
    expect(lines).toMatchObject([{ model: '', billed_usd: 5, recorded_usd: 5, reason: 'equal', attempts: 20 }]);
  });
});
