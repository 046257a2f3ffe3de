/** Reads a caller's members one by one; the first that is wrong is kept, with its name and what would mend it. */
import type { FieldProblem } from '../../core/dialect.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

export interface Reading {
  problem: FieldProblem['problem'] | undefined;
  /** Paths of what was said inside of messages and tools and is not understood here. */
  readonly unread: string[];
}

type Code = 'missing_required_parameter' | 'invalid_type' | 'invalid_value' | 'forbidden_parameter';

const namedMax = 200;
const messageLengthMax = 500;
const unreadMax = 100;

export const startReading = (): Reading => ({ problem: undefined, unread: [] });

export function refuse(reading: Reading, code: Code, param: string, message: string): undefined {
  reading.problem ??= { code, message: printable(message).slice(0, messageLengthMax), param: named(param) };
  return undefined;
}

/** `null` says as much as leaving it out. */
export const isGiven = (value: Json | undefined): value is Exclude<Json, null> => value !== undefined && value !== null;

export function requireGiven(reading: Reading, value: Json | undefined, param: string, what: string): boolean {
  if (!isGiven(value)) refuse(reading, 'missing_required_parameter', param, `${named(param)} is missing: it must be ${what}.`);
  return isGiven(value);
}

export function readText(reading: Reading, value: Json | undefined, param: string): string | undefined {
  if (!isGiven(value)) return undefined;
  return typeof value === 'string' ? value : wrongType(reading, value, param, 'a string');
}

export function requireText(reading: Reading, value: Json | undefined, param: string): string {
  if (!requireGiven(reading, value, param, 'a string')) return '';
  const text = readText(reading, value, param) ?? '';
  if (text === '') refuse(reading, 'invalid_value', param, `${named(param)} must not be empty.`);
  return text;
}

export function readFlag(reading: Reading, value: Json | undefined, param: string): boolean | undefined {
  if (!isGiven(value)) return undefined;
  return typeof value === 'boolean' ? value : wrongType(reading, value, param, 'true or false');
}

export function readObject(reading: Reading, value: Json | undefined, param: string): JsonObject | undefined {
  if (!isGiven(value)) return undefined;
  return isObject(value) ? value : wrongType(reading, value, param, 'an object');
}

export function readList(reading: Reading, value: Json | undefined, param: string): readonly Json[] | undefined {
  if (!isGiven(value)) return undefined;
  return Array.isArray(value) ? value : wrongType(reading, value, param, 'an array');
}

/** A list of objects, each with its own path. */
export function readObjects(reading: Reading, value: Json | undefined, param: string): readonly (readonly [JsonObject, string])[] {
  return (readList(reading, value, param) ?? []).flatMap((item, index): readonly (readonly [JsonObject, string])[] => {
    const path = `${param}[${index}]`;
    if (isObject(item)) return [[item, path]];
    wrongType(reading, item, path, 'an object');
    return [];
  });
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly whole?: true;
}

export function readNumber(reading: Reading, value: Json | undefined, param: string, { min, max, whole }: Range): number | undefined {
  if (!isGiven(value)) return undefined;
  const kind = whole ? 'a whole number' : 'a number';
  // Numbers beyond what a double holds come out of JSON as infinities.
  if (typeof value !== 'number') return wrongType(reading, value, param, kind);
  if (whole && Number.isFinite(value) && !Number.isInteger(value)) return wrongType(reading, value, param, kind);
  if (value >= (min ?? -Number.MAX_VALUE) && value <= (max ?? Number.MAX_VALUE)) return value;
  return refuse(reading, 'invalid_value', param, `${named(param)} must be ${kind}${bounds(min, max)}.`);
}

function bounds(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return max === undefined ? ' of usual size' : ` of at most ${max}`;
  return max === undefined ? ` of at least ${min}` : ` from ${min} to ${max}`;
}

export function readWord<Word extends string>(
  reading: Reading,
  value: Json | undefined,
  param: string,
  words: readonly Word[],
): Word | undefined {
  const text = readText(reading, value, param);
  if (text === undefined) return undefined;
  const word = words.find(known => known === text);
  return word ?? refuse(reading, 'invalid_value', param, `${named(param)} must be one of ${words.join(', ')}.`);
}

export function wrongType(reading: Reading, value: Json, param: string, expected: string): undefined {
  return refuse(reading, 'invalid_type', param, `${named(param)} must be ${expected}, not ${typeOf(value)}.`);
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Members that are not among the known ones and say something. */
export function noteOthers(reading: Reading, holder: JsonObject, known: readonly string[], path: string): void {
  for (const member of Object.keys(holder)) {
    if (!known.includes(member) && says(holder[member])) noteUnread(reading, `${path}.${member}`);
  }
}

const says = (value: Json | undefined): boolean => isGiven(value) && !(Array.isArray(value) && value.length === 0);

export function noteUnread(reading: Reading, path: string): void {
  if (reading.unread.length < unreadMax) reading.unread.push(path.slice(0, namedMax));
}

const named = (param: string): string => printable(param.slice(0, namedMax));
/** Names may be the caller's own, as in metadata. */
const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
