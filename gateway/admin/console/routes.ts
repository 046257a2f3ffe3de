/** `/console`: the built console, open to everybody; what it shows comes from the admin API, which asks who they are. */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type Server, server } from '@hapi/hapi';
import inert from '@hapi/inert';
import { invalid, sendRefusal } from '../../exchange/response/refusal.ts';
import type { RouteEntry } from '../../http/route-table.ts';
import { newExchangeId } from '../../settings/ids.ts';

/** Nothing is fetched from anywhere else, nothing is run or styled that is no file of ours, and no other site may frame it. */
const pageHeaders = {
  'content-security-policy': "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

const builtConsole = fileURLToPath(new URL('../../../dashboards/console/dist', import.meta.url));
const notBuilt = 'The console is not built here. In a clone, npm run build:console builds it.\n';

export class ConsolePages {
  readonly #folder: string;
  readonly #hapi: Server;
  readonly #ready: Promise<void>;

  /** `folder` holds what the build made. */
  constructor(folder = builtConsole) {
    this.#folder = folder;
    // Its listener is never opened: it is how a request is handed to hapi.
    this.#hapi = server({
      listener: createServer(),
      autoListen: false,
      debug: false,
      operations: { cleanStop: false },
      router: { stripTrailingSlash: true },
      routes: { files: { relativeTo: folder }, state: { parse: false, failAction: 'ignore' } },
    });
    this.#ready = this.#register();
  }

  /** Of the gateway's own table. */
  get entries(): readonly RouteEntry[] {
    const handler: RouteEntry['handler'] = async (request, response) => {
      await this.#ready;
      for (const [name, value] of Object.entries(pageHeaders)) response.setHeader(name, value);
      if (existsSync(`${this.#folder}/index.html`)) this.#hapi.listener.emit('request', request, response);
      else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end(notBuilt);
    };
    return [
      { method: 'GET', path: '/', handler: leadToConsole },
      { method: 'GET', path: '/console', handler },
      { method: 'GET', path: '/console/{path*}', handler },
    ];
  }

  start(): Promise<void> {
    return this.#ready;
  }

  stop(): Promise<void> {
    return this.#hapi.stop();
  }

  async #register(): Promise<void> {
    await this.#hapi.register(inert);
    this.#hapi.route({
      method: 'GET',
      path: '/console/assets/{path*}',
      handler: { directory: { path: 'assets', index: false, listing: false, lookupCompressed: true } },
      // Their names change with their contents.
      options: { cache: { expiresIn: 365 * 86_400_000, privacy: 'public' } },
    });
    const page = { file: { path: 'index.html', lookupCompressed: true } };
    this.#hapi.route({ method: 'GET', path: '/console/{path*}', handler: page, options: { cache: { otherwise: 'no-cache' } } });
    await this.#hapi.initialize();
  }
}

const readsPages = ({ headers }: IncomingMessage): boolean => /\btext\/html\b/.test(headers.accept ?? '');
const nothingHere = invalid(
  'not_found',
  'There is nothing here. The console is at /console; the base URL of clients ends in /v1.',
  null,
  404,
);

/** `GET /` leads who reads pages to the console. */
function leadToConsole(request: IncomingMessage, response: ServerResponse): void {
  if (readsPages(request)) response.writeHead(302, { location: '/console', 'cache-control': 'no-store' }).end();
  else sendRefusal(request, response, nothingHere, newExchangeId(Date.now()));
}
