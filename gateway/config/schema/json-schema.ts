/** The JSON Schema for editors, generated from the schema that parses the file. */
import { z } from 'zod';
import { schema } from './schema.ts';

type Node = Record<string, unknown>;

/** The JSON Schema of hindcast.yaml, with descriptions and defaults. */
export function configSchema(): object {
  const generated = z.toJSONSchema(schema, { io: 'input' }) as Node;
  return { ...(expandable(generated, false) as Node), title: 'hindcast.yaml' };
}

/** Allows `${NAME}` for every constrained value: an editor cannot know what it expands to. */
function expandable(value: unknown, isName: boolean): unknown {
  if (Array.isArray(value)) return value.map(item => expandable(item, false));
  if (typeof value !== 'object' || value === null) return value;
  const node = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === 'default' ? inner : expandable(inner, key === 'propertyNames')]),
  );
  if (isName || !isConstrained(node)) return node;
  const { description, default: otherwise, id, ...constraint } = node;
  return {
    ...(description === undefined ? {} : { description }),
    ...(otherwise === undefined ? {} : { default: otherwise }),
    ...(id === undefined ? {} : { id }),
    anyOf: [constraint, { type: 'string', pattern: '\\$\\{' }],
  };
}

const isConstrained = ({ type, pattern, enum: words, const: word }: Node): boolean =>
  type === 'number' || type === 'integer' || type === 'boolean' || (type === 'string' && [pattern, words, word].some(x => x !== undefined));
