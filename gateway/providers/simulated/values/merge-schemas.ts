/** Merges two JSON Schemas that must both hold, as far as generation needs it. */
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';

/** Maximum options of each list that are paired. */
const optionsMax = 8;

export function merge(a: Json, b: Json): Json {
  if (a === false || b === false) return false;
  if (!isObject(a)) return b;
  if (!isObject(b)) return a;
  const both = new Map<string, Json>(Object.entries(a));
  for (const [keyword, value] of Object.entries(b)) {
    const known = both.get(keyword);
    both.set(keyword, known === undefined ? value : mergeKeyword(keyword, known, value));
  }
  // A schema has room for one `$ref`; the other goes where it still applies.
  if (typeof a.$ref === 'string' && typeof b.$ref === 'string' && a.$ref !== b.$ref) {
    both.set('$ref', a.$ref);
    both.set('allOf', [...listOf(both.get('allOf')), { $ref: b.$ref }]);
  }
  return Object.fromEntries(both);
}

function mergeKeyword(keyword: string, a: Json, b: Json): Json {
  switch (keyword) {
    case 'minimum':
    case 'exclusiveMinimum':
    case 'minLength':
    case 'minItems':
      return typeof a === 'number' && typeof b === 'number' ? Math.max(a, b) : b;
    case 'maximum':
    case 'exclusiveMaximum':
    case 'maxLength':
    case 'maxItems':
      return typeof a === 'number' && typeof b === 'number' ? Math.min(a, b) : b;
    case 'required':
      return [...new Set([...listOf(a), ...listOf(b)])];
    case 'properties':
      return isObject(a) && isObject(b) ? mergeProperties(a, b) : b;
    case 'items':
    case 'additionalProperties':
      return merge(a, b);
    case 'type':
      return mergeTypes(a, b);
    case 'enum':
      return intersection(listOf(a), listOf(b));
    case 'allOf':
      return [...listOf(a), ...listOf(b)];
    case 'anyOf':
    case 'oneOf':
      return pairs(listOf(a), listOf(b)).map(([option, other]) => merge(option, other));
    default:
      return b;
  }
}

const mergeProperties = (a: JsonObject, b: JsonObject): JsonObject => ({
  ...a,
  ...Object.fromEntries(Object.entries(b).map(([name, schema]) => [name, Object.hasOwn(a, name) ? merge(a[name]!, schema) : schema])),
});

/** Every integer is a number. */
function mergeTypes(a: Json, b: Json): Json {
  const [first, second] = [a, b].map(type => (Array.isArray(type) ? type : [type]));
  const common = first!.filter(type => second!.includes(type));
  const integers = [first!, second!].some(types => types.includes('integer')) && [first!, second!].every(types => types.some(isNumeric));
  const types = integers && !common.includes('integer') && !common.includes('number') ? [...common, 'integer'] : common;
  return types.length === 1 ? types[0]! : types;
}

function intersection(a: readonly Json[], b: readonly Json[]): readonly Json[] {
  const known = new Set(b.map(option => JSON.stringify(option)));
  return a.filter(option => known.has(JSON.stringify(option)));
}

const pairs = (a: readonly Json[], b: readonly Json[]): (readonly [Json, Json])[] =>
  a.slice(0, optionsMax).flatMap(option => b.slice(0, optionsMax).map(other => [option, other] as const));

const isNumeric = (type: Json): boolean => type === 'integer' || type === 'number';
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
