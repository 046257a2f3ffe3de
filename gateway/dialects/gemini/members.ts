/** Normalises member names: Google accepts `systemInstruction` and `system_instruction`. */
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';

/** The object's own member names in camel case; nested objects stay unchanged. */
export const toCamelCaseMembers = (holder: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(holder).map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]),
  );

const depthMax = 64;

/** Converts Google's schema format, with upper-case types and `nullable`, to JSON Schema. */
export function jsonSchemaOf(schema: JsonObject, depth = 0): JsonObject {
  if (depth > depthMax) return {};
  const { nullable, ...rest } = schema;
  const out: Record<string, Json> = {};
  for (const [name, value] of Object.entries(rest)) out[name] = convertMember(name, value, depth);
  if (nullable === true && typeof out.type === 'string') out.type = [out.type, 'null'];
  return out;
}

function convertMember(name: string, value: Json, depth: number): Json {
  if (name === 'type' && typeof value === 'string') return value.toLowerCase();
  if (name === 'properties' && isObject(value)) {
    const named = Object.entries(value).map(([key, inner]) => [key, isObject(inner) ? jsonSchemaOf(inner, depth + 1) : inner]);
    return Object.fromEntries(named) as JsonObject;
  }
  if (name === 'items' && isObject(value)) return jsonSchemaOf(value, depth + 1);
  if (name === 'anyOf' && Array.isArray(value))
    return (value as readonly Json[]).map(inner => (isObject(inner) ? jsonSchemaOf(inner, depth + 1) : inner));
  // Google sends these counts as strings.
  if (/^(?:min|max)(?:Items|Length|Properties)$/.test(name) && typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  return value;
}
