/** A JSON Schema as text of the system prompt, for vendors that only offer JSON mode. */
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { altered, type Warning } from '../../core/chat/provider.ts';
import { listOf, objectOf, text } from './parsing/reading.ts';

/** The members to change; none without a schema. */
export function schemaAsPrompt(body: JsonObject, vendor: string, warnings: Warning[]): Readonly<Record<string, Json>> {
  const format = objectOf(body.response_format);
  const { json_schema: schemaFormat } = format;
  if (format.type !== 'json_schema' || !isObject(schemaFormat)) return {};
  warnings.push(
    altered('response_format', `${vendor} enforces no schema; the request asks for JSON, and the system prompt for the schema.`),
  );
  const about = text(schemaFormat.description) === '' ? '' : ` (${text(schemaFormat.description)})`;
  const instruction = `Answer with one JSON object and nothing else. It must match this JSON Schema, ${text(schemaFormat.name)}${about}:\n${JSON.stringify(schemaFormat.schema ?? {})}`;
  return { response_format: { type: 'json_object' }, messages: [{ role: 'system', content: instruction }, ...listOf(body.messages)] };
}
