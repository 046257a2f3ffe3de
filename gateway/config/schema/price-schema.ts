/** The schema of `prices`: what a model costs, over time and by the hour. */
import { z } from 'zod';
import { isTimeZone, weekdays } from '../../core/money/price-schedule.ts';
import { decimal, expecting, list, oneOf, record, section, wholeNumber } from './fields.ts';

const usd = () => decimal('USD per million tokens', 0, 1_000_000);
const unit = (what: string) => decimal(`USD per ${what}`, 0, 1_000_000).optional().describe(`USD per ${what}.`);

const tokenRates = () => ({
  cached: usd().optional().describe('USD per million tokens read from the cache; default: `input`.'),
  cache_write: usd().optional().describe('USD per million tokens written to the cache; default: `input`.'),
  cache_write_1h: usd().optional().describe('USD per million tokens written to the cache for an hour; default: `cache_write`.'),
  audio_input: usd().optional().describe('USD per million input tokens of sound; default: `input`.'),
  audio_output: usd().optional().describe('USD per million output tokens of sound; default: `output`.'),
  audio_cached: usd().optional().describe('USD per million tokens of sound read from the cache; default: `cached`.'),
  image_input: usd().optional().describe('USD per million input tokens of images; default: `input`.'),
  image_output: usd().optional().describe('USD per million output tokens of images; default: `output`.'),
  reasoning: usd().optional().describe('USD per million reasoning tokens; default: `output`.'),
});

const rates = () => ({
  input: usd().describe('USD per million input tokens.'),
  output: usd().describe('USD per million output tokens.'),
  ...tokenRates(),
});

const instant = (what: string) =>
  z
    .string({ error: () => expecting(what) })
    .refine(
      value => /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/.test(value) && !Number.isNaN(Date.parse(value)),
      {
        error: () => expecting(what),
      },
    );
const date = 'a date such as 2026-09-10 (midnight UTC), or an instant such as 2026-09-10T04:00Z';
const clock = () =>
  z.string({ error: () => expecting('a time such as "09:00"') }).regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, {
    error: () => expecting('a time such as "09:00"'),
  });
const share = () => decimal('a share such as 0.5', 0, 100);
const ownRates = () => section('a map such as { input: 0.6, output: 2 }', rates());
const shareOrRates = (what: string) => z.union([share(), ownRates()], { error: () => expecting(what) });

const hours = section('a map such as { days: [mon, tue], from: "09:00", to: "12:00", tz: Asia/Shanghai, share: 2 }', {
  days: list('a list of days such as [mon, fri]', oneOf(weekdays), 7)
    .optional()
    .describe('Days on which the span begins; all when absent.'),
  from: clock().describe('Begin, local time.'),
  to: clock().describe('End, local time; at or before `from` it is on the next day.'),
  tz: z
    .string({ error: () => expecting('a time zone such as Asia/Shanghai') })
    .refine(isTimeZone, { error: () => expecting('a time zone such as Asia/Shanghai') })
    .default('UTC')
    .describe('Time zone of the span and its days.'),
  except: list(
    'a list of dates',
    z.string().regex(/^\d{4}-\d{2}-\d{2}(?:\.\.\d{4}-\d{2}-\d{2})?$/, {
      error: () => expecting('a date such as 2026-10-01, or 2026-10-01..2026-10-07'),
    }),
    366,
  )
    .optional()
    .describe('Dates without this span, as holidays: `2026-10-01` or `2026-10-01..2026-10-07`.'),
  share: share().optional().describe("The price in these hours as a share of the row's price."),
  price: ownRates().optional().describe('The price in these hours, instead of `share`.'),
}).refine(({ share: part, price: own }) => (part === undefined) !== (own === undefined), { error: 'write either share or price' });

const row = section('a map such as { input: 1.25, output: 10 }', {
  input: usd().optional().describe('USD per million input tokens. Absent with `output` for what is not billed by tokens.'),
  output: usd().optional().describe('USD per million output tokens.'),
  ...tokenRates(),
  tiers: list(
    'a list such as [{ above: 200000, input: 2.5, output: 15 }]',
    section('a map such as { above: 200000, input: 2.5, output: 15 }', {
      above: wholeNumber('input tokens', 0, 1_000_000_000).describe('Prices of all tokens of a request with more input tokens than this.'),
      ...rates(),
    }),
    20,
  )
    .optional()
    .describe('Prices by length of input.'),
  service_tiers: record('a map of shares by tier', z.string(), share())
    .optional()
    .describe('Price factor per service tier: { flex: 0.5, priority: 2 }. The tier that served the request counts, not the requested one.'),
  batch: shareOrRates('a share such as 0.5, or a price such as { input: 0.6, output: 2 }')
    .optional()
    .describe("The price in a batch: a share, or a price of its own; default: the provider's share."),
  per_request: unit('request'),
  per_search: unit('search'),
  per_character: unit('character of text turned into speech'),
  per_second: unit('second of transcribed sound'),
  per_image: record(
    'a map of prices by size such as { 1024x1024: 0.04, "hd 1024x1024": 0.08 }',
    z.string(),
    decimal('USD per image', 0, 1_000),
  )
    .optional()
    .describe('USD per image, by size, with a quality before it: `1024x1024`, `hd 1024x1024`; `*` for every other.'),
  hours: list('a list of hours', hours, 20).optional().describe('Hours with another price.'),
  from: instant(date).optional().describe('Valid from then on.'),
  until: instant(date).optional().describe('Valid until then, exclusive.'),
}).refine(
  one =>
    (one.input === undefined) === (one.output === undefined) &&
    [one.input, one.per_request, one.per_search, one.per_character, one.per_second, one.per_image].some(price => price !== undefined),
  { error: 'write input and output, or a price per unit such as per_image' },
);

/** One price, or a list of rows that are valid at different times. */
export const price = z.union([row, list('a list of prices', row, 100)], {
  error: () => expecting('a map such as { input: 1.25, output: 10 }, or a list of such rows'),
});
