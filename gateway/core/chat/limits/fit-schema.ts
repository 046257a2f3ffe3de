/** Fits JSON Schemas to the subsets that targets accept. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import { resolveRef } from '../json-schema.ts';
import type { SchemaBounds } from './field-limits.ts';

/** Members of a schema whose values are schemas by name, lists of schemas, or schemas. */
const schemaMaps = ['properties', '$defs', 'definitions', 'patternProperties'];
const schemaLists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const singleSchemas = ['items', 'additionalProperties', 'not', 'contains'];

/** Deeper schemas are left as they are. */
const walkDepthMax = 60;

/** Whether constrained decoding takes a schema: what is surely refused is found, the rest is the target's to judge. */
export function isStrictSchema(schema: Json | undefined, bounds: SchemaBounds): boolean {
  const count = { properties: 0 };
  return isObject(schema) && isClosed(schema, bounds, 0, count) && count.properties <= bounds.propertyCountMax;
}

function isClosed(schema: JsonObject, bounds: SchemaBounds, depth: number, count: { properties: number }): boolean {
  if (depth > bounds.depthMax) return false;
  if (schema.type === 'object' || isObject(schema.properties)) {
    const names = Object.keys(isObject(schema.properties) ? schema.properties : {});
    const required: readonly Json[] = Array.isArray(schema.required) ? schema.required : [];
    count.properties += names.length;
    if (schema.additionalProperties !== false || names.some(name => !required.includes(name))) return false;
  }
  return [...subschemas(schema)].every(([inner, isDeeper]) => isClosed(inner, bounds, depth + (isDeeper ? 1 : 0), count));
}

/** Direct subschemas; definitions and alternatives are no deeper level. */
function* subschemas(schema: JsonObject): Generator<readonly [JsonObject, boolean]> {
  for (const member of schemaMaps) {
    const map = schema[member];
    if (isObject(map)) for (const inner of Object.values(map)) if (isObject(inner)) yield [inner, member === 'properties'];
  }
  for (const member of schemaLists) {
    const list = schema[member];
    if (Array.isArray(list)) for (const inner of list as readonly Json[]) if (isObject(inner)) yield [inner, false];
  }
  for (const member of singleSchemas) {
    const inner = schema[member];
    if (isObject(inner)) yield [inner, true];
  }
}

/** How many times a schema may be copied into another. */
const copiesMax = 200;

/** The schema without anything beside a `$ref`: what it names is put in its place; a recursive one loses its neighbours. */
export function withLoneRefs(schema: JsonObject): JsonObject {
  if (!hasRefNeighbours(schema, 0)) return schema;
  return loneRefs(schema, { root: schema, copies: copiesMax }, [], 0);
}

/** Whether a `$ref` in the schema stands beside other members. Deeper than the walk goes, false. */
export const hasRefNeighbours = (value: Json | undefined, depth: number): boolean => {
  if (depth > walkDepthMax) return false;
  if (Array.isArray(value)) return (value as readonly Json[]).some(item => hasRefNeighbours(item, depth + 1));
  if (!isObject(value)) return false;
  if (typeof value.$ref === 'string' && Object.keys(value).some(key => !key.startsWith('$'))) return true;
  return Object.values(value).some(item => hasRefNeighbours(item, depth + 1));
};

interface RefContext {
  readonly root: JsonObject;
  copies: number;
}

function loneRefs(schema: JsonObject, context: RefContext, open: readonly string[], depth: number): JsonObject {
  if (depth > walkDepthMax) return schema;
  const { $ref: ref, ...neighbours } = schema;
  const isAlone = Object.keys(neighbours).every(key => key.startsWith('$'));
  if (typeof ref === 'string' && !isAlone) {
    const target = resolveRef(context.root, ref);
    if (!isObject(target) || open.includes(ref) || context.copies-- <= 0) return { $ref: ref };
    return loneRefs({ ...target, ...neighbours }, context, [...open, ref], depth + 1);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, inside(key, value, context, open, depth + 1)]));
}

/** Only schemas are looked into: a property may be called `$ref`. */
function inside(key: string, value: Json, context: RefContext, open: readonly string[], depth: number): Json {
  const change = (inner: Json): Json => (isObject(inner) ? loneRefs(inner, context, open, depth) : inner);
  if (schemaMaps.includes(key) && isObject(value))
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, change(inner)]));
  if (schemaLists.includes(key) && Array.isArray(value)) return (value as readonly Json[]).map(change);
  return singleSchemas.includes(key) ? change(value) : value;
}
