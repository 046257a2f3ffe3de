/**
 * JSON Schema validation for structured output.
 *
 * Checked: type, enum, const, properties, required, additionalProperties, items, prefixItems, minItems, maxItems, minLength, maxLength,
 * minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, oneOf, allOf, not, and $ref within the schema.
 * Ignored: everything else. `format` is only a hint, and `pattern` would run an untrusted regular expression.
 */
import { isObject, type Json, type JsonObject } from './json.ts';

/** Limits on steps, over value and schema together, and on nesting. A value that needs more does not conform. */
const stepsMax = 200_000;
const depthMax = 200;
const charactersPerStep = 16;

/** Whether the value conforms to the schema. */
export const conforms = (value: Json, schema: Json): boolean => schemaViolation(value, schema) === undefined;

/** The first violation as path and keyword, such as `/items/0: type`. Undefined when the value conforms. */
export function schemaViolation(value: Json, schema: Json): string | undefined {
  const on: CheckState = { root: schema, refs: new Map(), steps: stepsMax, depth: 0 };
  const found = check(value, schema, on, '');
  // An aborted part counts as a violation, which `not` and `oneOf` could turn into a match of the whole.
  return on.steps < 0 ? ': too much to check' : found;
}

interface CheckState {
  readonly root: Json;
  readonly refs: Map<string, Json | undefined>;
  steps: number;
  depth: number;
}

/** Takes steps from the budget. False once it is used up. */
function hasBudget(on: CheckState, steps = 1): boolean {
  on.steps = on.depth >= depthMax ? -1 : on.steps - steps;
  return on.steps >= 0;
}

function check(value: Json, schema: Json | undefined, on: CheckState, path: string): string | undefined {
  if (!hasBudget(on)) return `${path}: too much to check`;
  if (schema === false) return `${path}: false`;
  if (!isObject(schema)) return undefined;
  on.depth++;
  const found =
    checkTypeAndValue(value, schema, on, path) ??
    (typeof value === 'number' ? checkNumber(value, schema, path) : undefined) ??
    (typeof value === 'string' ? checkString(value, schema, on, path) : undefined) ??
    (Array.isArray(value) ? checkArray(value, schema, on, path) : undefined) ??
    (isObject(value) ? checkObject(value, schema, on, path) : undefined) ??
    checkCombined(value, schema, on, path);
  on.depth--;
  return found;
}

function checkTypeAndValue(value: Json, schema: JsonObject, on: CheckState, path: string): string | undefined {
  const { type } = schema;
  if (typeof type === 'string' && !isOfType(value, type)) return `${path}: type`;
  if (Array.isArray(type) && !(hasBudget(on, type.length) && type.some(name => isOfType(value, name)))) return `${path}: type`;
  if (Array.isArray(schema.enum) && !schema.enum.some(option => isJsonEqual(value, option, on))) return `${path}: enum`;
  if (schema.const !== undefined && !isJsonEqual(value, schema.const, on)) return `${path}: const`;
  return undefined;
}

function isOfType(value: Json, type: Json): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}

function checkNumber(value: number, schema: JsonObject, path: string): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === 'number' && value < minimum) return `${path}: minimum`;
  if (typeof maximum === 'number' && value > maximum) return `${path}: maximum`;
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return `${path}: exclusiveMinimum`;
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return `${path}: exclusiveMaximum`;
  return typeof multipleOf === 'number' && multipleOf > 0 && !isMultiple(value, multipleOf) ? `${path}: multipleOf` : undefined;
}

/** Tolerates binary rounding: 0.3 is a multiple of 0.1. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) <= 1e-9 * Math.max(1, Math.abs(times));
}

function checkString(value: string, schema: JsonObject, on: CheckState, path: string): string | undefined {
  const { minLength, maxLength } = schema;
  if (typeof minLength !== 'number' && typeof maxLength !== 'number') return undefined;
  const length = hasBudget(on, value.length / charactersPerStep) ? lengthOf(value) : Number.NaN;
  if (typeof minLength === 'number' && !(length >= minLength)) return `${path}: minLength`;
  return typeof maxLength === 'number' && length > maxLength ? `${path}: maxLength` : undefined;
}

/** The length in code points, as JSON Schema counts. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function checkArray(value: readonly Json[], schema: JsonObject, on: CheckState, path: string): string | undefined {
  const { minItems, maxItems, prefixItems, items } = schema;
  if (typeof minItems === 'number' && value.length < minItems) return `${path}: minItems`;
  if (typeof maxItems === 'number' && value.length > maxItems) return `${path}: maxItems`;
  const first: readonly Json[] = Array.isArray(prefixItems) ? prefixItems : [];
  for (const [i, item] of value.entries()) {
    const found = check(item, i < first.length ? first[i] : items, on, `${path}/${i}`);
    if (found) return found;
  }
  return undefined;
}

function checkObject(value: JsonObject, schema: JsonObject, on: CheckState, path: string): string | undefined {
  if (Array.isArray(schema.required)) {
    const isMissing = (name: Json): boolean => typeof name === 'string' && !Object.hasOwn(value, name);
    if (!hasBudget(on, schema.required.length) || schema.required.some(isMissing)) return `${path}: required`;
  }
  const properties = isObject(schema.properties) ? schema.properties : {};
  // Whether a name matches patternProperties depends on regular expressions, which are not run.
  const others = isObject(schema.patternProperties) ? undefined : schema.additionalProperties;
  for (const [name, member] of Object.entries(value)) {
    const found = check(member, Object.hasOwn(properties, name) ? properties[name] : others, on, `${path}/${name}`);
    if (found) return found;
  }
  return undefined;
}

function checkCombined(value: Json, schema: JsonObject, on: CheckState, path: string): string | undefined {
  const { $ref, allOf, anyOf, oneOf, not } = schema;
  if (typeof $ref === 'string') {
    if (!on.refs.has($ref)) on.refs.set($ref, resolveRef(on.root, $ref));
    const target = on.refs.get($ref);
    const found = target === undefined ? `${path}: $ref` : check(value, target, on, path);
    if (found) return found;
  }
  for (const part of Array.isArray(allOf) ? allOf : []) {
    const found = check(value, part, on, path);
    if (found) return found;
  }
  const fits = (option: Json): boolean => check(value, option, on, path) === undefined;
  if (Array.isArray(anyOf) && !anyOf.some(fits)) return `${path}: anyOf`;
  if (Array.isArray(oneOf) && oneOf.filter(fits).length !== 1) return `${path}: oneOf`;
  return not !== undefined && fits(not) ? `${path}: not` : undefined;
}

/** The subschema that a local `$ref` names: `#`, `#/$defs/name`. Undefined when there is none. */
export function resolveRef(root: Json, ref: string): Json | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let at: Json | undefined = root;
  for (const step of ref.slice(2).split('/')) {
    const name = decodePointerStep(step).replaceAll('~1', '/').replaceAll('~0', '~');
    if (isObject(at)) at = Object.hasOwn(at, name) ? at[name] : undefined;
    else at = Array.isArray(at) && /^\d+$/.test(name) ? at[Number(name)] : undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

function decodePointerStep(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/** Equal as JSON values: members in any order, 1 and 1.0 alike. */
function isJsonEqual(a: Json, b: Json, on: CheckState): boolean {
  if (!hasBudget(on, typeof a === 'string' ? 1 + a.length / charactersPerStep : 1)) return false;
  if (a === b) return true;
  on.depth++;
  const same = isJsonEqualInside(a, b, on);
  on.depth--;
  return same;
}

function isJsonEqualInside(a: Json, b: Json, on: CheckState): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isJsonEqual(item, b[i]!, on));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && isJsonEqual(a[name]!, b[name]!, on));
}
