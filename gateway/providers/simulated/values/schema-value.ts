/** Generates a small, seeded value that conforms to a JSON Schema. */

import { seededUniform } from '../../../../statistics/distributions/seeded-uniform.ts';
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';
import { conforms, resolveRef } from '../../../core/chat/json-schema.ts';
import { generateFormatted } from './formats.ts';
import { merge } from './merge-schemas.ts';
import { nouns, pickSeeded } from './words.ts';

/** Maximum nodes, failed attempts and options included. */
const nodesMax = 5_000;
const mergedPerNode = 8;
const depthMax = 48;
/** Down to this depth optional properties and one array item are generated; below, only required ones, so that recursion ends. */
const optionalDepthMax = 4;
const lengthMax = 10_000;
const itemsMax = 1_000;
const attemptsMax = 24;

/** A conforming value; undefined when none of bounded size was found. */
export function generateValue(schema: Json, seed: string): Json | undefined {
  const budget = { nodes: nodesMax };
  for (let i = 0; i < attemptsMax; i++) {
    const filling = { root: schema, seed: i === 0 ? seed : `${seed} ${i}`, budget };
    const value = valueFor(schema, filling, '', 0);
    if (value !== undefined && conforms(value, schema)) return value;
  }
  return undefined;
}

interface GenerationState {
  readonly root: Json;
  readonly seed: string;
  readonly budget: { nodes: number };
}

/** `path` separates the draws of different positions. */
function valueFor(schema: Json | undefined, filling: GenerationState, path: string, depth: number): Json | undefined {
  if (--filling.budget.nodes < 0 || depth > depthMax || schema === false) return undefined;
  if (!isObject(schema)) return pickSeeded(nouns, filling.seed, path);
  const { $ref, allOf, anyOf, oneOf, ...rest } = schema;
  if (typeof $ref === 'string') {
    const target = resolveRef(filling.root, $ref);
    return target === undefined
      ? undefined
      : valueFor(mergeWithinBudget({ ...rest, ...definedMembers({ allOf, anyOf, oneOf }) }, target, filling), filling, path, depth + 1);
  }
  if (Array.isArray(allOf)) {
    const merged = allOf.reduce<Json>((sum, part) => mergeWithinBudget(sum, part, filling), {
      ...rest,
      ...definedMembers({ anyOf, oneOf }),
    });
    return valueFor(merged, filling, path, depth + 1);
  }
  if (Array.isArray(anyOf)) return firstSatisfiable(anyOf, { ...rest, ...definedMembers({ oneOf }) }, filling, path, depth);
  if (Array.isArray(oneOf)) return firstSatisfiable(oneOf, rest, filling, path, depth);
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return pickSeeded(schema.enum, filling.seed, path);
  return typedValue(schema, filling, path, depth);
}

/** Both schemas at once; merging large schemas uses the budget, too. */
function mergeWithinBudget(a: Json, b: Json, { budget }: GenerationState): Json {
  budget.nodes -= (sizeOf(a) + sizeOf(b)) / mergedPerNode;
  return budget.nodes < 0 ? false : merge(a, b);
}

function sizeOf(schema: Json): number {
  if (!isObject(schema)) return 1;
  return Object.values(schema).reduce<number>(
    (sum, part) => sum + (isObject(part) ? Object.keys(part).length : Array.isArray(part) ? part.length : 1),
    0,
  );
}

const definedMembers = (members: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined));

/** The value of the first option that has one, merged with the schema's other keywords. */
function firstSatisfiable(
  options: readonly Json[],
  beside: JsonObject,
  filling: GenerationState,
  path: string,
  depth: number,
): Json | undefined {
  for (const option of shuffledOptions(options, filling.seed, path, depth)) {
    const value = valueFor(mergeWithinBudget(beside, option, filling), filling, path, depth + 1);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Shuffled by seed near the top. Further down the simplest option comes first, because references may recurse. */
function shuffledOptions(options: readonly Json[], seed: string, path: string, depth: number): readonly Json[] {
  const start = Math.floor(seededUniform(seed, `${path} option`) * options.length);
  const turned = [...options.slice(start), ...options.slice(0, start)];
  return depth <= optionalDepthMax ? turned : turned.toSorted((a, b) => weightOf(a) - weightOf(b));
}

function weightOf(schema: Json): number {
  if (!isObject(schema) || '$ref' in schema || 'allOf' in schema || 'anyOf' in schema || 'oneOf' in schema) return 2;
  const type = typeOf(schema, '', '');
  return type === 'object' || type === 'array' ? 1 : 0;
}

function typedValue(schema: JsonObject, filling: GenerationState, path: string, depth: number): Json | undefined {
  switch (typeOf(schema, filling.seed, path)) {
    case 'null':
      return null;
    case 'boolean':
      return seededUniform(filling.seed, path) < 0.5;
    case 'integer':
      return numberIn(schema, seededUniform(filling.seed, path), 1);
    case 'number':
      return numberIn(schema, seededUniform(filling.seed, path), 0.01);
    case 'array':
      return arrayOf(schema, filling, path, depth);
    case 'object':
      return objectOf(schema, filling, path, depth);
    default:
      return stringOf(schema, filling.seed, path);
  }
}

function typeOf(schema: JsonObject, seed: string, path: string): string {
  if (typeof schema.type === 'string') return schema.type;
  if (Array.isArray(schema.type) && schema.type.length > 0) {
    const types = schema.type.filter(type => type !== 'null');
    return types.length === 0 ? 'null' : String(pickSeeded(types, seed, `${path} type`));
  }
  if ('properties' in schema || 'required' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  return ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'].some(keyword => keyword in schema)
    ? 'number'
    : 'string';
}

/** A multiple of `multipleOf`, or of `grain` where one fits, at the share `at` between minimum and maximum. */
function numberIn(schema: JsonObject, at: number, grain: number): number | undefined {
  const low = Math.max(limit(schema.minimum) ?? -Infinity, limit(schema.exclusiveMinimum) ?? -Infinity);
  const high = Math.min(limit(schema.maximum) ?? Infinity, limit(schema.exclusiveMaximum) ?? Infinity);
  const from = Number.isFinite(low) ? low : Number.isFinite(high) ? high - 100 : 0;
  const to = Number.isFinite(high) ? high : from + 100;
  if (from > to) return undefined;
  const multipleOf = limit(schema.multipleOf);
  const step = multipleOf !== undefined && multipleOf > 0 ? (grain === 1 ? integerMultiple(multipleOf) : multipleOf) : grain;
  const fits = (value: number): boolean => !(value === schema.exclusiveMinimum || value === schema.exclusiveMaximum);
  const [first, last] = [Math.ceil(from / step), Math.floor(to / step)];
  if (first <= last) {
    const chosen = first + Math.min(last - first, Math.floor(at * (last - first + 1)));
    const found = [chosen, first, last, first + 1]
      .map(n => roundedTo15Digits(n * step))
      .find(value => value >= from && value <= to && fits(value));
    if (found !== undefined) return found;
  }
  return multipleOf === undefined && grain !== 1 ? [from + at * (to - from), (from + to) / 2].find(fits) : undefined;
}

/** The smallest integer, up to a thousandfold, that is a multiple of `step`. */
function integerMultiple(step: number): number {
  for (let n = 1; n <= 1_000; n++) {
    if (Math.abs(n * step - Math.round(n * step)) < 1e-9 && Math.round(n * step) > 0) return Math.round(n * step);
  }
  return step;
}

/** Corrects binary rounding: 3 * 0.1 becomes 0.3. */
const roundedTo15Digits = (value: number): number => Number(value.toPrecision(15));
const limit = (value: Json | undefined): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);

function objectOf(schema: JsonObject, filling: GenerationState, path: string, depth: number): Json | undefined {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? new Set(schema.required.map(String)) : new Set<string>();
  const optional = !Array.isArray(schema.required) && depth <= optionalDepthMax;
  const entries: [string, Json][] = [];
  for (const [i, name] of [...new Set([...Object.keys(properties), ...required])].entries()) {
    if (!required.has(name) && !optional) continue;
    const member = Object.hasOwn(properties, name) ? properties[name] : (schema.additionalProperties ?? true);
    const value = valueFor(member, filling, `${path}.${i}`, depth + 1);
    if (value !== undefined) entries.push([name, value]);
    else if (required.has(name)) return undefined;
  }
  return Object.fromEntries(entries);
}

function arrayOf(schema: JsonObject, filling: GenerationState, path: string, depth: number): Json | undefined {
  const first = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const min = limit(schema.minItems) ?? 0;
  const max = limit(schema.maxItems) ?? Infinity;
  if (min > itemsMax || min > max) return undefined;
  const wanted = depth <= optionalDepthMax ? Math.max(1, first.length) : 0;
  const count = Math.max(min, Math.min(max, wanted));
  const items: Json[] = [];
  for (let i = 0; i < count; i++) {
    const item = valueFor(first[i] ?? schema.items ?? true, filling, `${path}[${i}]`, depth + 1);
    if (item === undefined) return i < min ? undefined : items;
    items.push(item);
  }
  return items;
}

function stringOf(schema: JsonObject, seed: string, path: string): string | undefined {
  const min = limit(schema.minLength) ?? 0;
  const max = limit(schema.maxLength) ?? lengthMax;
  if (min > lengthMax || min > max) return undefined;
  const known = typeof schema.format === 'string' ? generateFormatted(schema.format, `${seed}${path}`) : undefined;
  return (known ?? pickSeeded(nouns, seed, path)).padEnd(min, ` ${pickSeeded(nouns, seed, `${path} more`)}`).slice(0, max);
}
