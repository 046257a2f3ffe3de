/** Cost exports of providers, as lines by day: OpenAI, Anthropic, Google Cloud (billing export) and AWS (cost and usage report), as CSV or JSON. */
import { isObject, type Json, type JsonObject, parseJson } from '../../gateway/core/chat/json.ts';
import { parseCsv } from '../export/csv.ts';

export interface BillLine {
  /** UTC: `2026-11-30`. */
  readonly day: string;
  /** As the bill names it; '' when it does not. */
  readonly model: string;
  /** The provider's name of key or project; '' when the bill has none. */
  readonly key: string;
  readonly usd: number;
}

export type BillForm = 'openai' | 'anthropic' | 'google' | 'aws';

export interface Bill {
  readonly form: BillForm;
  readonly lines: readonly BillLine[];
}

/** Undefined when the text is in no known form. Lines in another currency than USD throw. */
export function parseBill(text: string): Bill | undefined {
  const json = /^\s*[[{]/.test(text) ? jsonIn(text) : undefined;
  const records = json === undefined ? csvRecords(text) : recordsIn(json);
  for (const { form, isOf, lineOf } of readers) {
    const own = records.filter(isOf);
    if (own.length === 0) continue;
    return { form, lines: own.flatMap(record => lineOf(record)).filter(({ usd }) => Number.isFinite(usd) && usd !== 0) };
  }
  return undefined;
}

/** A list of objects, or one object a line. */
function jsonIn(text: string): Json | undefined {
  const whole = parseJson(text);
  if (whole !== undefined) return whole;
  const lines = text.split('\n').filter(line => line.trim() !== '');
  const values = lines.map(line => parseJson(line));
  return values.every(value => value !== undefined) ? (values as Json[]) : undefined;
}

/** The records of a JSON export. Those of the cost APIs lie in buckets, which give them their time. */
function recordsIn(json: Json): readonly JsonObject[] {
  const list = Array.isArray(json) ? json : isObject(json) && Array.isArray(json.data) ? json.data : [json];
  return list.filter(isObject).flatMap(entry => {
    if (!Array.isArray(entry.results)) return [entry];
    const { results, ...bucket } = entry;
    return (results as readonly Json[]).filter(isObject).map(result => ({ ...bucket, ...result }));
  });
}

function csvRecords(text: string): readonly JsonObject[] {
  const [head = [], ...rows] = parseCsv(text);
  return rows.map(row => Object.fromEntries(head.map((name, i) => [name.trim(), row[i] ?? ''])));
}

interface BillReader {
  readonly form: BillForm;
  isOf(record: JsonObject): boolean;
  lineOf(record: JsonObject): readonly BillLine[];
}

const has = (record: JsonObject, ...names: readonly string[]): boolean => names.every(name => Object.hasOwn(record, name));
const textAt = (record: JsonObject, ...names: readonly string[]): string => {
  const value = names.map(name => record[name]).find(one => (typeof one === 'string' && one !== '') || typeof one === 'number');
  return value === undefined ? '' : String(value);
};

/** A date or instant as text, or seconds since the epoch. */
function dayOf(value: string): string {
  const at = /^\d{9,11}(?:\.\d+)?$/.test(value)
    ? Number(value) * 1000
    : Date.parse(value.replace(' UTC', 'Z').replace(/^(\d{4}-\d{2}-\d{2}) /, '$1T'));
  if (Number.isNaN(at)) throw new Error(`a line of the bill has no date: ${value.slice(0, 40)}`);
  return new Date(at).toISOString().slice(0, 10);
}

function dollarsOf(amount: string, currency: string): number {
  if (currency !== '' && currency.toLowerCase() !== 'usd') throw new Error(`the bill is in ${currency}, and records are in USD`);
  return Number(amount.replace(/[$,]/g, ''));
}

const readers: readonly BillReader[] = [
  {
    // Cost API (`amount: { value, currency }`, `line_item`), and the CSV of the cost page (`amount_value`).
    form: 'openai',
    isOf: record => (has(record, 'start_time', 'amount') && isObject(record.amount)) || has(record, 'amount_value'),
    lineOf: record => {
      const amount = isObject(record.amount) ? record.amount : { value: record.amount_value!, currency: record.amount_currency ?? '' };
      return [
        {
          day: dayOf(textAt(record, 'start_time', 'start_time_iso', 'date')),
          model: textAt(record, 'line_item', 'model').replace(/,.*$/, ''),
          key: textAt(record, 'api_key_id', 'project_name', 'project_id'),
          usd: dollarsOf(textAt(amount as JsonObject, 'value'), textAt(amount as JsonObject, 'currency')),
        },
      ];
    },
  },
  {
    // Cost API (`starting_at`, `amount` in cents), and the CSV of the console (`usage_date_utc`, `cost_usd`).
    form: 'anthropic',
    isOf: record => has(record, 'starting_at', 'amount') || has(record, 'usage_date_utc'),
    lineOf: record => [
      {
        day: dayOf(textAt(record, 'usage_date_utc', 'starting_at')),
        model: textAt(record, 'model', 'model_version') || modelIn(textAt(record, 'description')),
        key: textAt(record, 'api_key', 'workspace', 'workspace_id'),
        usd: has(record, 'amount')
          ? dollarsOf(textAt(record, 'amount'), textAt(record, 'currency')) / 100
          : dollarsOf(textAt(record, 'cost_usd', 'cost'), ''),
      },
    ],
  },
  {
    // Billing export to BigQuery, as JSON (nested) or CSV (dotted or flat names).
    form: 'google',
    isOf: record => has(record, 'usage_start_time', 'cost') || has(record, 'Usage start date', 'Cost ($)'),
    lineOf: record => [
      {
        day: dayOf(textAt(record, 'usage_start_time', 'Usage start date')),
        model: modelIn(
          textAt(nested(record, 'sku'), 'description') || textAt(record, 'sku.description', 'sku_description', 'SKU description'),
        ),
        key: textAt(nested(record, 'project'), 'id') || textAt(record, 'project.id', 'project_id', 'Project ID'),
        usd: dollarsOf(textAt(record, 'cost', 'Cost ($)'), textAt(record, 'currency')),
      },
    ],
  },
  {
    // Cost and usage report, of either version.
    form: 'aws',
    isOf: record => has(record, 'lineItem/UnblendedCost') || has(record, 'line_item_unblended_cost'),
    lineOf: record => {
      const product = textAt(record, 'lineItem/ProductCode', 'line_item_product_code');
      if (!/bedrock/i.test(`${product} ${textAt(record, 'product/ProductName', 'product_product_name')}`)) return [];
      return [
        {
          day: dayOf(textAt(record, 'lineItem/UsageStartDate', 'line_item_usage_start_date')),
          model: modelIn(textAt(record, 'lineItem/UsageType', 'line_item_usage_type', 'lineItem/LineItemDescription')),
          key: textAt(record, 'lineItem/UsageAccountId', 'line_item_usage_account_id'),
          usd: dollarsOf(
            textAt(record, 'lineItem/UnblendedCost', 'line_item_unblended_cost'),
            textAt(record, 'lineItem/CurrencyCode', 'line_item_currency_code'),
          ),
        },
      ];
    },
  },
];

const nested = (record: JsonObject, name: string): JsonObject => {
  const value = record[name];
  return isObject(value) ? value : {};
};

/** The model's name in a description: `Claude Sonnet 4.5 Usage - Input Tokens` -> `claude-sonnet-4.5`; '' when there is none. */
function modelIn(description: string): string {
  const [found = ''] =
    /(?:claude|gemini|gemma|nova|llama|mistral|titan|command|deepseek|gpt|text-embedding)[\w. -]*/i.exec(description) ?? [];
  return found
    .replace(
      /[ -]+(?:usage|input|output|cached?|prompt|batch|text|image|audio|thinking|tokens?|generate|predictions?|long|short|-).*$/i,
      '',
    )
    .trim()
    .toLowerCase()
    .replace(/[ _]+/g, '-');
}
