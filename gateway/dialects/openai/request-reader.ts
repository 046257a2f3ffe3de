/** Reads a caller's members one by one. The first invalid one is kept, with its name and the correction. */
import type { FieldProblem } from '../../core/chat/caller-format.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';

/** The state of reading one request: the first problem and the unmapped paths. */
export interface RequestReader {
  problem: FieldProblem['problem'] | undefined;
  /** Paths inside messages and tools that have no place in the vocabulary. */
  readonly unmapped: string[];
  /** Paths that are read in other words, with the reason. */
  readonly restated: { field: string; detail: string }[];
}

type ProblemCode = 'missing_required_parameter' | 'invalid_type' | 'invalid_value' | 'forbidden_parameter';

const paramLengthMax = 200;
const messageLengthMax = 500;
const unmappedMax = 100;

/** A reading without a problem so far. */
export const createRequestReader = (): RequestReader => ({ problem: undefined, unmapped: [], restated: [] });

/** Keeps the problem unless there is an earlier one. */
export function refuse(reading: RequestReader, code: ProblemCode, param: string, message: string): undefined {
  reading.problem ??= { code, message: printable(message).slice(0, messageLengthMax), param: shownParam(param) };
  return undefined;
}

/** `null` equals an absent member. */
export const isGiven = (value: Json | undefined): value is Exclude<Json, null> => value !== undefined && value !== null;

/** Whether the value is given; records a problem when it is absent or null. */
export function requireGiven(reading: RequestReader, value: Json | undefined, param: string, what: string): boolean {
  if (!isGiven(value)) refuse(reading, 'missing_required_parameter', param, `${shownParam(param)} is missing: it must be ${what}.`);
  return isGiven(value);
}

/** A string, or undefined when it is absent or of another type, which is a problem. */
export function readText(reading: RequestReader, value: Json | undefined, param: string): string | undefined {
  if (!isGiven(value)) return undefined;
  return typeof value === 'string' ? value : wrongType(reading, value, param, 'a string');
}

/** The text of a member that must be there and not empty; '' with a problem otherwise. */
export function requireText(reading: RequestReader, value: Json | undefined, param: string): string {
  if (!requireGiven(reading, value, param, 'a string')) return '';
  const text = readText(reading, value, param) ?? '';
  if (text === '') refuse(reading, 'invalid_value', param, `${shownParam(param)} must not be empty.`);
  return text;
}

/** A boolean member; undefined when it is absent, or of another type, which is a problem. */
export function readFlag(reading: RequestReader, value: Json | undefined, param: string): boolean | undefined {
  if (!isGiven(value)) return undefined;
  return typeof value === 'boolean' ? value : wrongType(reading, value, param, 'true or false');
}

/** An object member; undefined when it is absent, or of another type, which is a problem. */
export function readObject(reading: RequestReader, value: Json | undefined, param: string): JsonObject | undefined {
  if (!isGiven(value)) return undefined;
  return isObject(value) ? value : wrongType(reading, value, param, 'an object');
}

/** An array member; undefined when it is absent, or of another type, which is a problem. */
export function readList(reading: RequestReader, value: Json | undefined, param: string): readonly Json[] | undefined {
  if (!isGiven(value)) return undefined;
  return Array.isArray(value) ? value : wrongType(reading, value, param, 'an array');
}

/** The objects of a list, each with its path. */
export function readObjects(reading: RequestReader, value: Json | undefined, param: string): readonly (readonly [JsonObject, string])[] {
  return (readList(reading, value, param) ?? []).flatMap((item, index): readonly (readonly [JsonObject, string])[] => {
    const path = `${param}[${index}]`;
    if (isObject(item)) return [[item, path]];
    wrongType(reading, item, path, 'an object');
    return [];
  });
}

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly integer?: true;
}

/** A number within the range, or undefined when it is absent or invalid, which is a problem. */
export function readNumber(
  reading: RequestReader,
  value: Json | undefined,
  param: string,
  { min, max, integer }: NumberRange,
): number | undefined {
  if (!isGiven(value)) return undefined;
  const kind = integer ? 'a whole number' : 'a number';
  // Numbers beyond a double are parsed as Infinity.
  if (typeof value !== 'number') return wrongType(reading, value, param, kind);
  if (integer && Number.isFinite(value) && !Number.isInteger(value)) return wrongType(reading, value, param, kind);
  if (value >= (min ?? -Number.MAX_VALUE) && value <= (max ?? Number.MAX_VALUE)) return value;
  return refuse(reading, 'invalid_value', param, `${shownParam(param)} must be ${kind}${bounds(min, max)}.`);
}

function bounds(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return max === undefined ? ' of usual size' : ` of at most ${max}`;
  return max === undefined ? ` of at least ${min}` : ` from ${min} to ${max}`;
}

/** One of the values, or undefined when it is absent or any other, which is a problem. */
export function readEnum<Value extends string>(
  reading: RequestReader,
  value: Json | undefined,
  param: string,
  values: readonly Value[],
): Value | undefined {
  const text = readText(reading, value, param);
  if (text === undefined) return undefined;
  const match = values.find(known => known === text);
  return match ?? refuse(reading, 'invalid_value', param, `${shownParam(param)} must be one of ${values.join(', ')}.`);
}

/** Keeps the problem `invalid_type` for a member. */
export function wrongType(reading: RequestReader, value: Json, param: string, expected: string): undefined {
  return refuse(reading, 'invalid_type', param, `${shownParam(param)} must be ${expected}, not ${typeOf(value)}.`);
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Records members that are not known and not null. */
export function noteUnknownMembers(reading: RequestReader, holder: JsonObject, known: readonly string[], path: string): void {
  for (const member of Object.keys(holder)) {
    if (!known.includes(member) && isMeaningful(holder[member])) noteUnmapped(reading, `${path}.${member}`);
  }
}

const isMeaningful = (value: Json | undefined): boolean => isGiven(value) && !(Array.isArray(value) && value.length === 0);

/** Records a path that only the caller's own bytes can carry. */
export function noteUnmapped(reading: RequestReader, path: string): void {
  if (reading.unmapped.length < unmappedMax) reading.unmapped.push(path.slice(0, paramLengthMax));
}

const shownParam = (param: string): string => printable(param.slice(0, paramLengthMax));
/** Replaces unprintable characters, because names may be the caller's own, as in metadata. */
const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
