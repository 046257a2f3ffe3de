/** `GET /openapi.json`, `/docs/api`, which shows it, and `/docs` with the guides. Open to everybody: they say what there is, not what happened. */
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { RouteEntry } from '../../http/route-table.ts';
import { version } from '../../settings/version.ts';
import { openApiDocument } from '../api/openapi.ts';
import { guidePage, readGuides } from './guides.ts';
import { type ApiDocument, docsPage } from './page.ts';

const headers = {
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

export function docsRoutes(): readonly RouteEntry[] {
  let made: ReturnType<typeof makeAll> | undefined;
  const route = (path: string, part: keyof ReturnType<typeof makeAll>, type: string): RouteEntry => ({
    method: 'GET',
    path,
    handler: (_, response) => {
      made ??= makeAll();
      send(response, type, made[part]);
    },
  });
  return [
    route('/openapi.json', 'document', 'application/json; charset=utf-8'),
    route('/docs/api', 'page', 'text/html; charset=utf-8'),
    route('/docs/api.css', 'style', 'text/css; charset=utf-8'),
    ...guideRoutes(),
  ];
}

/** A page each, rendered on the first request. */
function guideRoutes(): readonly RouteEntry[] {
  const guides = readGuides();
  const pages = new Map<string, string>();
  return [undefined, ...guides].map(guide => {
    const path = guide ? `/docs/${guide.name}` : '/docs';
    return {
      method: 'GET',
      path,
      handler: (_, response) => {
        const page = pages.get(path) ?? guidePage(guides, guide);
        pages.set(path, page);
        send(response, 'text/html; charset=utf-8', page);
      },
    };
  });
}

/** Made on the first request. */
function makeAll() {
  const document = openApiDocument(version());
  return {
    document: JSON.stringify(document),
    page: docsPage(document as ApiDocument),
    style: readFileSync(new URL('api.css', import.meta.url), 'utf8'),
  };
}

function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}
