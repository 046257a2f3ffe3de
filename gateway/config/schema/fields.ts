/** The types of config values. Each error says what is expected; schema-findings.ts adds what was found. */
import { z } from 'zod';
import { bytesPattern, durationPattern, parseBytes, parseDuration } from './units.ts';

/** The message of a wrong value. A message without this prefix is printed as it is. */
export const expecting = (what: string): string => `expected ${what}`;

const messageOption = (what: string) => ({ error: () => expecting(what) });

/** A map with these keys and no others. The message of an `unrecognized_keys` issue lists the known keys. */
export function section<Shape extends z.core.$ZodLooseShape>(what: string, shape: Shape) {
  return z.strictObject(shape, {
    error: issue => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : expecting(what)),
  });
}

/** A whole number within bounds; `what` names it in the message. */
export const wholeNumber = (what: string, min: number, max: number) => {
  const range = `${what} from ${min} to ${max}`;
  return z.int(messageOption(range)).min(min, messageOption(range)).max(max, messageOption(range));
};

/** A number of days; `what` is its description. */
export const days = (what: string) => wholeNumber('a number of days', 1, 36_500).describe(what);

/** A number within bounds; `what` names it in the message. */
export const decimal = (what: string, min: number, max: number) => {
  const range = `${what} from ${min} to ${max}`;
  return z.number(messageOption(range)).min(min, messageOption(range)).max(max, messageOption(range));
};

/** true or false. */
export const yesOrNo = () => z.boolean(messageOption('true or false'));

/** One of these words. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) => z.enum(words, messageOption(joinWords(words)));

/** Exactly this value. */
export const literal = <const Value extends string | number>(value: Value) => z.literal(value, messageOption(String(value)));

/** A text that is not empty; `what` names it in the message. */
export const text = (what: string) => z.string(messageOption(what)).min(1, messageOption(what));

/** Visible ASCII, as a header requires. */
export const secret = (what: string) =>
  text(what).refine(
    value => /^[\x21-\x7e]*$/.test(value),
    'a key has only visible ASCII characters, without blanks and line ends; was it copied completely?',
  );

/** Names appear in requests, headers, comma lists and before a slash. */
export const namePattern = /^[!-+.0-~-]{1,100}$/;

/** A name: 1 to 100 visible ASCII characters without slash, comma and blanks. */
export const name = (what: string) =>
  z
    .string()
    .regex(namePattern, { error: () => `${what} is 1 to 100 visible ASCII characters without "/", "," and blanks; choose another` });

/** A list of at most `max` entries. */
export const list = <Item extends z.ZodType>(what: string, item: Item, max: number) =>
  z.array(item, messageOption(what)).max(max, messageOption(`at most ${max} entries`));

/** A map; `what` names it in the message. */
export const record = <Key extends z.core.$ZodRecordKey, Value extends z.ZodType>(what: string, key: Key, value: Value) =>
  z.record(key, value, messageOption(what));

/** A duration such as `30s` within bounds in milliseconds, read as milliseconds. */
export const duration = (min: number, max: number) => durationOr([], min, max);

/** A duration, or one of these words. */
export function durationOr<const Word extends string>(words: readonly Word[], min: number, max: number) {
  const what = ['a duration such as 60s, 400ms, 2m or 1h', ...(words.length > 0 ? [joinWords(words)] : [])].join(', or ');
  return z
    .string(messageOption(what))
    .meta({ pattern: [durationPattern.source, ...words.map(word => `^${word}$`)].join('|') })
    .transform((value, context): number | Word => {
      const word = words.find(w => w === value);
      if (word !== undefined) return word;
      const ms = parseDuration(value);
      if (ms !== undefined && ms >= min && ms <= max) return ms;
      context.addIssue(ms === undefined ? expecting(what) : `expected a duration from ${min}ms to ${max / 1000}s`);
      return z.NEVER;
    });
}

/** A size with its unit, between the bounds in bytes; parsed to bytes. */
export function bytes(min: number, max: number) {
  const what = 'a size such as 512MiB or 1GiB';
  return z
    .string(messageOption(what))
    .meta({ pattern: bytesPattern.source })
    .transform((value, context) => {
      const count = parseBytes(value);
      if (count !== undefined && count >= min && count <= max) return count;
      context.addIssue(expecting(count === undefined ? what : `a size from ${min / 2 ** 20}MiB to ${max / 2 ** 40}TiB`));
      return z.NEVER;
    });
}

/** http or https with host, port and path only. */
export const url = (example: string) =>
  z.string(messageOption(`a URL such as ${example}`)).superRefine((value, context) => {
    const problem = urlProblem(value, example);
    if (problem !== undefined) context.addIssue(problem);
  });

/** An http(s) URL, or the given word. */
export const urlOr = (word: string, example: string) =>
  z.string(messageOption(`${word}, or a URL such as ${example}`)).superRefine((value, context) => {
    const problem = value === word ? undefined : urlProblem(value, example);
    if (problem !== undefined) context.addIssue(problem.replace('expected a', `expected ${word}, or a`));
  });

/** The message about a URL; undefined when it is valid. */
export function urlProblem(value: string, example: string): string | undefined {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (!parsed || !/^https?:\/\/[^\s\x00-\x20\x7f]+$/i.test(value)) return expecting(`a URL such as ${example}`);
  if (parsed.username !== '' || parsed.password !== '') return 'a URL must not contain a user or a password; use the separate keys';
  if (parsed.search !== '' || parsed.hash !== '') return 'this URL must end with its path; remove the part after "?" or "#"';
  return undefined;
}

/** `a, b or c`. */
export function joinWords(words: readonly string[], join: 'or' | 'and' = 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${join} ${words.at(-1)}`;
}
