/** Narrows a JSON Schema to the keywords of Anthropic's constrained decoding, which answers 400 to the others. */
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';

export interface NarrowedSchema {
  readonly schema: JsonObject;
  /** The removed keywords; each is written into the description instead. */
  readonly lost: readonly string[];
}

/** Source: platform.claude.com, structured outputs, JSON Schema limitations. */
const supportedKeywords = new Set(['type', 'enum', 'const', 'title', 'description', 'default', 'required', '$ref']);
const supportedFormats = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);
/** Keywords whose removal would change the meaning, not just loosen it: free keys, tuples and logic. */
const unsupportedKeywords = new Set([
  'patternProperties',
  'propertyNames',
  'prefixItems',
  'not',
  'if',
  'dependentSchemas',
  'unevaluatedProperties',
]);
const annotationKeywords = new Set(['$schema', '$id', '$comment', 'examples']);

/** Undefined when the schema cannot be expressed: free keys, tuples, logic, recursion. */
export function narrowSchema(schema: JsonObject): NarrowedSchema | undefined {
  if (isRecursive(schema)) return undefined;
  const lost = new Set<string>();
  const narrowed = narrow(schema, lost);
  return narrowed && { schema: narrowed, lost: [...lost] };
}

function narrow(schema: JsonObject, dropped: Set<string>): JsonObject | undefined {
  if (isFreeObject(schema)) return undefined;
  const out: Record<string, Json> = {};
  const notes: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (unsupportedKeywords.has(key)) return undefined;
    if (
      supportedKeywords.has(key) ||
      (key === 'format' && supportedFormats.has(String(value))) ||
      (key === 'minItems' && (value === 0 || value === 1))
    ) {
      out[key] = value;
    } else if (key === 'properties' || key === '$defs' || key === 'definitions') {
      const members = isObject(value) ? narrowMembers(value, dropped) : undefined;
      if (!members) return undefined;
      out[key] = members;
    } else if (key === 'items') {
      const items = isObject(value) ? narrow(value, dropped) : undefined;
      if (!items) return undefined;
      out.items = items;
    } else if (key === 'anyOf' || key === 'oneOf' || key === 'allOf') {
      const choices = Array.isArray(value) ? value.map(choice => (isObject(choice) ? narrow(choice, dropped) : undefined)) : [];
      if (!choices.every(choice => choice !== undefined)) return undefined;
      out[key === 'allOf' ? key : 'anyOf'] = choices;
    } else if (key !== 'additionalProperties' && !annotationKeywords.has(key)) {
      dropped.add(key);
      notes.push(`${key}: ${JSON.stringify(value)}`);
    }
  }
  if (isObject(schema.properties) || schema.type === 'object') out.additionalProperties = false;
  if (notes.length > 0) out.description = [schema.description, `(${notes.join(', ')})`].filter(Boolean).join(' ');
  return out;
}

function narrowMembers(members: JsonObject, dropped: Set<string>): JsonObject | undefined {
  const out: [string, Json][] = [];
  for (const [name, member] of Object.entries(members)) {
    const narrowed = isObject(member) ? narrow(member, dropped) : undefined;
    if (!narrowed) return undefined;
    out.push([name, narrowed]);
  }
  return Object.fromEntries(out);
}

/** An object with undeclared keys. With `additionalProperties: false` it would be empty or lose members. */
function isFreeObject(schema: JsonObject): boolean {
  const extra = schema.additionalProperties;
  if (extra === true || isObject(extra)) return true;
  return schema.type === 'object' && !isObject(schema.properties) && extra !== false;
}

/** Whether local `$ref`s form a cycle. */
function isRecursive(schema: JsonObject): boolean {
  const definitions = { ...membersOf(schema.definitions, '#/definitions/'), ...membersOf(schema.$defs, '#/$defs/') };
  const clean = new Set<string>();
  const circles = (reference: string, path: readonly string[]): boolean => {
    if (reference === '#' || path.includes(reference)) return true;
    if (clean.has(reference)) return false;
    const found = referencesIn(definitions[reference] ?? null).some(next => circles(next, [...path, reference]));
    if (!found) clean.add(reference);
    return found;
  };
  return referencesIn(schema).some(reference => circles(reference, []));
}

const membersOf = (value: Json | undefined, prefix: string): Readonly<Record<string, Json>> =>
  isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [prefix + name, member])) : {};

function referencesIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => (key === '$ref' && typeof member === 'string' ? [member] : referencesIn(member)));
}
