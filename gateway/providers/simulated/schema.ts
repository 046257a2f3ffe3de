/** Fills a JSON Schema with a small value that follows from a seed. */
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { coin } from '../../core/random.ts';
import { nouns, pick } from './words.ts';

const nodesMax = 5_000;
const depthMax = 12;
/** Down to here optional properties and an array's first item are filled; below, only what is required, so that recursion ends. */
const generousDepth = 3;
const lengthMax = 10_000;

/**
 * Known: type, const, enum, properties, required, items, prefixItems, minItems, maxItems, anyOf, oneOf, allOf, $ref into the schema itself,
 * minLength, maxLength, format, minimum, maximum, exclusive bounds, multipleOf. Others are not looked at; `pattern` least of all.
 * Undefined when no value of bounded size was found.
 */
export function fill(schema: Json, seed: string): Json | undefined {
  return valueOf(schema, { root: schema, seed, budget: { nodes: nodesMax } }, '', 0);
}

interface Filling {
  readonly root: Json;
  readonly seed: string;
  readonly budget: { nodes: number };
}

function valueOf(schema: Json | undefined, filling: Filling, path: string, depth: number): Json | undefined {
  if (--filling.budget.nodes < 0 || depth > depthMax || schema === false) return undefined;
  if (!isObject(schema)) return pick(nouns, filling.seed, path);
  const { $ref, allOf, anyOf, oneOf, ...rest } = schema;
  if (typeof $ref === 'string') {
    const target = pointedAt(filling.root, $ref);
    return target === undefined
      ? undefined
      : valueOf(merge({ ...rest, ...present({ allOf, anyOf, oneOf }) }, target), filling, path, depth + 1);
  }
  if (Array.isArray(allOf)) return valueOf(allOf.reduce<Json>(merge, { ...rest, ...present({ anyOf, oneOf }) }), filling, path, depth + 1);
  const options = anyOf ?? oneOf;
  if (Array.isArray(options)) {
    for (const option of inOrder(options, filling.seed, path, depth)) {
      const value = valueOf(merge(rest, option), filling, path, depth + 1);
      if (value !== undefined) return value;
    }
    return undefined;
  }
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum.length === 0 ? undefined : pick(schema.enum, filling.seed, path);
  return typedValue(schema, filling, path, depth);
}

function typedValue(schema: JsonObject, filling: Filling, path: string, depth: number): Json | undefined {
  switch (typeOf(schema, filling.seed, path)) {
    case 'null':
      return null;
    case 'boolean':
      return coin(filling.seed, path) < 0.5;
    case 'integer':
      return numberIn(schema, coin(filling.seed, path), 1);
    case 'number':
      return numberIn(schema, coin(filling.seed, path), undefined);
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
    return types.length === 0 ? 'null' : String(pick(types, seed, `${path} type`));
  }
  if ('properties' in schema || 'required' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  return 'minimum' in schema || 'maximum' in schema ? 'number' : 'string';
}

function objectOf(schema: JsonObject, filling: Filling, path: string, depth: number): Json | undefined {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? new Set(schema.required.map(String)) : new Set<string>();
  const optional = !Array.isArray(schema.required) && depth <= generousDepth;
  const entries: [string, Json][] = [];
  for (const [i, name] of [...new Set([...Object.keys(properties), ...required])].entries()) {
    if (!required.has(name) && !optional) continue;
    const value = valueOf(Object.hasOwn(properties, name) ? properties[name] : true, filling, `${path}.${i}`, depth + 1);
    if (value !== undefined) entries.push([name, value]);
    else if (required.has(name)) return undefined;
  }
  return Object.fromEntries(entries);
}

function arrayOf(schema: JsonObject, filling: Filling, path: string, depth: number): Json | undefined {
  const first = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const min = Math.max(limit(schema.minItems) ?? 0, first.length);
  const count = Math.max(min, Math.min(limit(schema.maxItems) ?? 1, depth <= generousDepth ? 1 : 0));
  const items: Json[] = [];
  for (let i = 0; i < count; i++) {
    const item = valueOf(first[i] ?? schema.items ?? true, filling, `${path}[${i}]`, depth + 1);
    if (item === undefined) return i < min ? undefined : items;
    items.push(item);
  }
  return items;
}

function stringOf(schema: JsonObject, seed: string, path: string): string | undefined {
  const format = typeof schema.format === 'string' ? schema.format : '';
  if (Object.hasOwn(formats, format)) return formats[format]!((label, below) => Math.floor(coin(seed, `${path} ${label}`) * below));
  const min = limit(schema.minLength) ?? 0;
  const max = limit(schema.maxLength) ?? lengthMax;
  if (min > lengthMax || min > max) return undefined;
  return pick(nouns, seed, path)
    .padEnd(min, ` ${pick(nouns, seed, `${path} more`)}`)
    .slice(0, max);
}

type Draw = (label: string, below: number) => number;
const digits = (n: number, length = 2): string => String(n).padStart(length, '0');
const hex = (draw: Draw, label: string, length: number): string =>
  digits(draw(label, 16 ** length), 0).length >= 0
    ? draw(label, 16 ** length)
        .toString(16)
        .padStart(length, '0')
    : '';
const dateOf = (draw: Draw): string => `2025-${digits(1 + draw('month', 12))}-${digits(1 + draw('day', 28))}`;
const timeOf = (draw: Draw): string => `${digits(draw('hour', 24))}:${digits(draw('minute', 60))}:${digits(draw('second', 60))}Z`;

/** The string formats that OpenAI's strict schemas allow, and `uri`. */
const formats: Readonly<Record<string, (draw: Draw) => string>> = {
  'date-time': draw => `${dateOf(draw)}T${timeOf(draw)}`,
  date: dateOf,
  time: timeOf,
  duration: draw => `PT${1 + draw('minutes', 59)}M`,
  email: draw => `${nouns[draw('who', nouns.length)]}@example.com`,
  hostname: draw => `${nouns[draw('host', nouns.length)]}.example.com`,
  uri: draw => `https://example.com/${nouns[draw('page', nouns.length)]}`,
  ipv4: draw => `192.0.2.${draw('host', 256)}`,
  ipv6: draw => `2001:db8::${draw('host', 65_536).toString(16)}`,
  uuid: draw => `${hex(draw, 'a', 8)}-${hex(draw, 'b', 4)}-4${hex(draw, 'c', 3)}-8${hex(draw, 'd', 3)}-${hex(draw, 'e', 12)}`,
};
