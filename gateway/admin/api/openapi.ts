/** The table of routes as an OpenAPI 3.1 document. Schemas are zod's own export. */
import { z } from 'zod';
import type { RouteSpec } from './contract.ts';
import { prefix, routeEntries } from './table.ts';

interface Schema {
  readonly [key: string]: unknown;
}

const error: Schema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'] },
        code: { type: 'string' },
      },
    },
  },
};

const refusals: Readonly<Record<string, string>> = {
  400: 'A parameter or the body is not valid.',
  401: 'No key, or one that the gateway does not know.',
  403: 'The role does not suffice, the tenant may not see it, the CSRF header is missing, or the page is of another site.',
  404: 'There is no such thing, or it belongs to another tenant.',
  412: 'The configuration is another than `if-match` names.',
  503: 'The store does not answer.',
};

export function openApiDocument(version: string): object {
  const components: Record<string, Schema> = { Error: error };
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Schema => {
    const { $defs = {}, $schema: _, ...own } = z.toJSONSchema(schema, { io }) as Schema & { readonly $defs?: Record<string, Schema> };
    for (const [name, definition] of Object.entries($defs)) components[name] ??= published(definition) as Schema;
    return published(own) as Schema;
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, spec] of routeEntries) {
    const path = `${prefix}${spec.path}`;
    paths[path] = { ...paths[path], [spec.method.toLowerCase()]: operation(name, spec, schemaOf) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hindcast admin API',
      version,
      summary: 'What the console, the command line and an operator do with a gateway.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This gateway.' }],
    tags: [...new Set(routeEntries.map(([, spec]) => tagOf(spec)))].map(tag => ({
      name: tag,
      description: `Routes under ${prefix}/${tag}.`,
    })),
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key whose `role` is viewer, analyst or admin.' },
        session: { type: 'apiKey', in: 'cookie', name: 'hindcast_session', description: 'Set by `POST /admin/api/v1/session`.' },
      },
    },
  };
}

const tagOf = ({ path }: RouteSpec): string => path.split('/')[1]!;

function operation(name: string, spec: RouteSpec, schemaOf: (schema: z.ZodType, io: 'input' | 'output') => Schema): object {
  const { summary, description, role, sees, body, answer, streams } = spec;
  const needs = role === 'open' ? 'Needs no key.' : `Needs the role \`${role}\`.`;
  const wall = sees === 'gateway' ? ' Keys of the tenants `default` and `*` see it.' : '';
  return {
    operationId: name,
    tags: [tagOf(spec)],
    summary,
    description: [description, `${needs}${role === 'open' ? '' : wall}`].filter(Boolean).join('\n\n'),
    security: role === 'open' ? [] : [{ key: [] }, { session: [] }],
    parameters: [
      ...parameters('path', schemaOf(spec.params, 'input')),
      ...parameters('query', schemaOf(spec.query, 'input')),
      ...headers(spec),
    ],
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } } } : {}),
    responses: {
      200: {
        description: summary,
        content: { [streams ? 'text/event-stream' : 'application/json']: { schema: schemaOf(answer, 'output') } },
      },
      ...Object.fromEntries(
        Object.entries(refusals)
          .filter(([status]) => (status === '412' ? spec.ifMatch : true))
          .map(([status, text]) => [
            status,
            { description: text, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
          ]),
      ),
    },
  };
}

function parameters(place: 'path' | 'query', { properties = {}, required = [] }: Schema): readonly object[] {
  return Object.entries(properties as Readonly<Record<string, Schema>>).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === 'path' || (required as readonly string[]).includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function headers({ method, ifMatch }: RouteSpec): readonly object[] {
  const header = (name: string, description: string, schema: object): object => ({
    name,
    in: 'header',
    required: true,
    description,
    schema,
  });
  return [
    ...(method === 'GET'
      ? []
      : [header('x-hindcast-csrf', 'A header that no form of another site can send.', { type: 'string', const: '1' })]),
    ...(ifMatch ? [header('if-match', 'Hash of the configuration that is to be changed.', { type: 'string' })] : []),
  ];
}

/** References lead to the document's components. */
function published(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(published);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== 'id' || typeof (schema as Schema).id !== 'string')
      .map(([key, value]) =>
        key === '$ref' && typeof value === 'string' ? [key, value.replace('#/$defs/', '#/components/schemas/')] : [key, published(value)],
      ),
  );
}
