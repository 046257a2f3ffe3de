/** `/openapi.json` as a page to read: made here, so that a browser needs no script and fetches nothing but a style sheet. Pure. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly additionalProperties?: boolean | Schema;
  readonly $ref?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly object[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly summary: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, sign => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!);

/** `words` in backticks are code. */
const prose = (text: string): string =>
  escapeHtml(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll('\n\n', '<br>');

interface Entry {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export function docsPage({ info, tags, paths, components }: ApiDocument): string {
  const entries = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Entry => ({ path, method: method.toUpperCase(), operation })),
  );
  const byTag = tags.map(({ name }) => ({ name, entries: entries.filter(({ operation }) => operation.tags.includes(name)) }));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)}</title>
<link rel="stylesheet" href="/docs/api.css">
</head>
<body>
<nav aria-label="Routes"><strong>${escapeHtml(info.title)}</strong>
${byTag.map(tag => `<h2>${escapeHtml(tag.name)}</h2><ul>${tag.entries.map(navItem).join('')}</ul>`).join('\n')}
<h2>schemas</h2><ul>${Object.keys(components.schemas)
    .map(name => `<li><a href="#schema-${name}">${name}</a></li>`)
    .join('')}</ul>
</nav>
<main>
<h1>${escapeHtml(info.title)} <small>${escapeHtml(info.version)}</small></h1>
<p>${prose(info.summary)} The document for programs is <a href="/openapi.json">/openapi.json</a>.</p>
<p>Send a key as <code>authorization: Bearer …</code>, or open a session with <code>POST /admin/api/v1/session</code>. A change needs the header <code>x-hindcast-csrf: 1</code>. Errors have the form of the schema <a href="#schema-Error">Error</a>.</p>
${entries.map(section).join('\n')}
<h2 class="schemas">Schemas</h2>
${Object.entries(components.schemas)
  .map(([name, schema]) => schemaSection(name, schema))
  .join('\n')}
</main>
</body>
</html>
`;
}

const badge = (method: string): string => `<b class="method ${method.toLowerCase()}">${method}</b>`;
const shortPath = (path: string): string => escapeHtml(path.replace('/admin/api/v1', ''));

const navItem = ({ path, method, operation }: Entry): string =>
  `<li><a href="#${operation.operationId}">${badge(method)} ${shortPath(path)}</a></li>`;

function section({ path, method, operation }: Entry): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const [type, answer] = Object.entries(responses['200']!.content)[0]!;
  const refusals = Object.entries(responses).filter(([status]) => status !== '200');
  return `<section id="${operationId}">
<h2>${badge(method)} <code>${escapeHtml(path)}</code></h2>
<p>${prose(summary)}</p><p class="note">${prose(description)}</p>
${parameters.length === 0 ? '' : `<h3>Parameters</h3>${table(parameters.map(parameterRow))}`}
${requestBody ? `<h3>Body</h3>${members(requestBody.content['application/json']!.schema)}` : ''}
<h3>Answer <small>${escapeHtml(type)}</small></h3>${members(answer.schema)}
<details><summary>Refusals</summary>${table(refusals.map(([status, refusal]) => [status, '', prose(refusal.description)]))}</details>
<h3>curl</h3><pre>${escapeHtml(curlOf({ path, method, operation }))}</pre>
</section>`;
}

const schemaSection = (name: string, schema: Schema): string =>
  `<section id="schema-${name}"><h2><code>${name}</code></h2>${schema.description ? `<p>${prose(schema.description)}</p>` : ''}${members(schema)}</section>`;

type Row = readonly [name: string, type: string, text: string];

const table = (rows: readonly Row[]): string =>
  `<div class="scroll"><table>${rows.map(([name, type, text]) => `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${type}</td><td>${text}</td></tr>`).join('')}</table></div>`;

const parameterRow = ({ name, in: place, required, description = '', schema }: Parameter): Row => [
  name,
  `${typeOf(schema)}<br><small>${place}${required ? ', required' : ''}</small>`,
  prose(description) + defaultOf(schema),
];

const defaultOf = ({ default: value }: Schema): string =>
  value === undefined ? '' : ` Default: <code>${escapeHtml(JSON.stringify(value))}</code>.`;

/** The members of an object; of anything else, what it is. */
function members(schema: Schema): string {
  const { properties, required = [], oneOf } = schema;
  if (oneOf) return oneOf.map(members).join('<p>or</p>');
  if (!properties) return `<p>${typeOf(schema)}</p>`;
  return table(
    Object.entries(properties).map(
      ([name, member]): Row => [
        name,
        `${typeOf(member)}${required.includes(name) ? '' : '<br><small>optional</small>'}`,
        prose(member.description ?? '') + defaultOf(member) + nested(member),
      ],
    ),
  );
}

function nested(schema: Schema): string {
  const inner = schema.items?.properties ? schema.items : schema.properties ? schema : schema.anyOf?.find(({ properties }) => properties);
  return inner ? `<details><summary>members</summary>${members(inner)}</details>` : '';
}

function typeOf(schema: Schema): string {
  const { $ref, type, items, prefixItems, anyOf, enum: values, const: only, additionalProperties } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (anyOf) return anyOf.map(typeOf).join(' or ');
  if (values) return values.map(value => `<code>${escapeHtml(String(value))}</code>`).join(' ');
  if (only !== undefined) return `<code>${escapeHtml(JSON.stringify(only))}</code>`;
  if (items) return `list of ${typeOf(items)}`;
  if (prefixItems) return `[${prefixItems.map(typeOf).join(', ')}]`;
  if (type === 'object' && typeof additionalProperties === 'object') return `map of ${typeOf(additionalProperties)}`;
  return escapeHtml(typeof type === 'object' ? type.join(' or ') : (type ?? 'any JSON'));
}

function curlOf({ path, method, operation }: Entry): string {
  const required = operation.parameters.filter(parameter => parameter.in === 'query' && parameter.required);
  const query = required.map(({ name }) => `${name}=…`).join('&');
  const url = `$HINDCAST_URL${path}${query === '' ? '' : `?${query}`}`;
  const open = operation.security.length === 0;
  return [
    `curl${method === 'GET' ? '' : ` -X ${method}`} "${url}"`,
    ...(open ? [] : ['-H "authorization: Bearer $HINDCAST_ADMIN_KEY"']),
    ...(method === 'GET' ? [] : ['-H "x-hindcast-csrf: 1"']),
    ...(operation.parameters.some(({ name }) => name === 'if-match') ? ['-H "if-match: $HASH"'] : []),
    ...(operation.requestBody ? ['-H "content-type: application/json" -d @body.json'] : []),
  ].join(' \\\n  ');
}
