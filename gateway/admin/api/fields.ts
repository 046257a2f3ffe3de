/** Fields that several routes share. */
import { z } from 'zod';

export const id = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, 'is no request id: it is the x-request-id of an answer')
  .describe('Id of an exchange: the `x-request-id` of its answer.');

export const idPath = z.object({ id });

/** ISO 8601 in UTC. */
export const time = (text: string) => z.string().describe(`${text} ISO 8601, UTC.`);

/** A time: a duration before now such as `1h`, or an ISO date. `text` describes it. */
export const timeParameter = (text: string) =>
  z
    .string()
    .regex(/^(?:\d+(?:\.\d+)?[smhdw]|\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?)$/, 'is no time')
    .describe(`${text} A span before now such as \`1h\`, or a date such as \`2026-01-31T12:00:00Z\`.`);

/** A text of 1 to 256 characters. */
export const word = (text: string) => z.string().min(1).max(256).describe(text);

/** A whole number from 0. */
export const count = (text: string) => z.number().int().min(0).describe(text);

/** An amount in USD. */
export const usd = (text: string) => z.number().describe(`${text} USD.`);

/** A duration in milliseconds, from 0. */
export const milliseconds = (text: string) => z.number().min(0).describe(`${text} Milliseconds.`);

export const page = {
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('Most rows of an answer.'),
  after: z.string().max(1_000).optional().describe('`next` of the answer before: the rows after it.'),
};

export const pageOnly = z.object(page);

/** `next` is null on the last page. */
export const listOf = <Row extends z.ZodType>(row: Row) =>
  z.object({
    data: z.array(row),
    next: z.string().nullable().describe('`after` of the next page; null when there is none.'),
  });

export const confidence = z.number().nullable().describe('Of the answer, from 0 to 1; null when none was measured.');

export const tokens = {
  input_tokens: count('Tokens of the request.'),
  cached_tokens: count("Of these, read from the provider's cache."),
  output_tokens: count('Tokens of the answer.'),
  reasoning_tokens: count('Of these, spent on reasoning.'),
};

/** Any JSON. */
export const json = z.unknown();
