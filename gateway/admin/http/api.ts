/** The admin API on a hapi of its own, which keeps the session's cookie; requests of the gateway's listener are handed to it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { plugin as cookie } from '@hapi/cookie';
import { type Lifecycle, type Request, type Server, server } from '@hapi/hapi';
import { forbidden, internalError, invalid, isRefusal, type Refusal, sendJson, sendRefusal } from '../../exchange/response/refusal.ts';
import { unknownKey } from '../../http/authenticate.ts';
import type { RouteEntry } from '../../http/route-table.ts';
import { newExchangeId } from '../../settings/ids.ts';
import { version as productVersion } from '../../settings/version.ts';
import { mayActAs } from '../api/contract.ts';
import type { TailEvent } from '../api/exchanges.ts';
import { prefix, type RouteName, routeEntries } from '../api/table.ts';
import type { AdminDependencies } from '../dependencies.ts';
import type { Call, EventStream, SessionRoute } from '../handlers/contract.ts';
import { handlers } from '../handlers/index.ts';
import { type AdminCaller, callerOfKey, callerOfSession } from './caller.ts';
import { Dispatcher } from './dispatch.ts';
import { sendEvents } from './events.ts';
import { sessionSecret } from './session-secret.ts';

export const sessionCookie = 'hindcast_session';
export const sessionMs = 12 * 3_600_000;

/** What the sealed cookie holds. */
interface SessionState {
  readonly key: string;
  readonly until: number;
}

interface CookieRequest extends Request {
  readonly cookieAuth: { set(state: SessionState): void; clear(): void };
}

/** Serves every route of the admin API: authentication, parameters, handler, answer, audit. */
export class AdminApi {
  readonly #dependencies: AdminDependencies;
  readonly #dispatcher: Dispatcher;
  readonly #hapi: Server;
  readonly #ready: Promise<void>;
  readonly #streams = new Set<() => void>();

  constructor(dependencies: AdminDependencies) {
    this.#dependencies = dependencies;
    this.#dispatcher = new Dispatcher(dependencies);
    // Its listener is never opened: it is how a request is handed to hapi.
    this.#hapi = server({
      listener: createServer(),
      autoListen: false,
      debug: false,
      compression: false,
      operations: { cleanStop: false },
      router: { stripTrailingSlash: true },
      routes: {
        state: { parse: true, failAction: 'ignore' },
        // The body stays in the socket: the dispatcher reads it, bounded.
        payload: {
          parse: false,
          output: 'stream',
          maxBytes: Number.MAX_SAFE_INTEGER,
          timeout: false,
          override: 'application/octet-stream',
        },
        response: { ranges: false },
      },
    });
    this.#ready = this.#register();
  }

  /** Of the gateway's own table. */
  get entries(): readonly RouteEntry[] {
    const handler: RouteEntry['handler'] = async (request, response) => {
      await this.#ready;
      this.#hapi.listener.emit('request', request, response);
    };
    return (['GET', 'POST', 'PUT', 'DELETE'] as const).map(method => ({ method, path: `${prefix}/{path*}`, handler }));
  }

  start(): Promise<void> {
    return this.#ready;
  }

  /** Tails would keep a gateway that ends waiting. */
  endStreams(): void {
    for (const end of this.#streams) end();
  }

  async stop(): Promise<void> {
    await this.#ready;
    await this.#hapi.stop();
  }

  async #register(): Promise<void> {
    await this.#hapi.register(cookie);
    this.#hapi.auth.strategy('session', 'cookie', {
      cookie: {
        ...{ name: sessionCookie, password: sessionSecret(this.#dependencies.adminKey), path: '/', ttl: sessionMs },
        // TLS ends in front of the gateway, which cannot tell whether it did.
        ...{ isSecure: false, isHttpOnly: true, isSameSite: 'Strict', clearInvalid: false },
      },
      validate: (_: Request, state: SessionState) => {
        const credentials = this.#callerOf(state);
        return { isValid: credentials !== undefined, credentials };
      },
    });
    for (const [name, { method, path }] of routeEntries) {
      this.#hapi.route({
        method,
        path: `${prefix}${path}`,
        options: { auth: { strategy: 'session', mode: 'try' } },
        handler: this.#handler(name),
      });
    }
    for (const [path, entries] of Map.groupBy(routeEntries, ([, spec]) => spec.path)) {
      const allow = entries.map(([, { method }]) => method).join(', ');
      this.#hapi.route({ method: '*', path: `${prefix}${path}`, handler: this.#refusing(wrongMethod(allow)) });
    }
    this.#hapi.route({ method: '*', path: '/{any*}', handler: this.#refusing(noSuchRoute) });
    this.#hapi.ext('onPreResponse', ({ raw, response }, h) => {
      if (!('isBoom' in response)) return h.continue;
      if (response.isServer) this.#crashed(raw.req, raw.res, response);
      else this.#refuse(raw.req, raw.res, invalid('invalid_path', 'The path of the request is not valid.'));
      return h.abandon;
    });
    await this.#hapi.initialize();
  }

  #callerOf({ key, until }: SessionState): AdminCaller | undefined {
    const { clock, version, adminKey } = this.#dependencies;
    return until > clock.now() ? callerOfSession(key, until, { settings: version().settings, adminKey }) : undefined;
  }

  #handler(name: RouteName): Lifecycle.Method {
    return async (request, h) => {
      const { req, res } = request.raw;
      const session = request.auth.isAuthenticated ? (request.auth.credentials as unknown as AdminCaller) : undefined;
      try {
        const adminRequest = { name, request: req, response: res, params: request.params as Record<string, string>, session };
        const result = await this.#dispatcher.dispatch(adminRequest, call => this.#answer(name, call, request as CookieRequest));
        if (isRefusal(result)) this.#refuse(req, res, result);
        else if ('open' in result) this.#stream(res, result as EventStream<TailEvent>);
        // Only hapi writes the cookie.
        else if (name === 'openSession' || name === 'closeSession') return h.response(result).header('cache-control', 'no-store');
        else sendJson(res.setHeader('cache-control', 'no-store').setHeader('x-content-type-options', 'nosniff'), 200, result);
      } catch (problem) {
        this.#crashed(req, res, problem);
      }
      return h.abandon;
    };
  }

  #answer(name: RouteName, call: Call<RouteName>, request: CookieRequest): unknown {
    if (name === 'openSession') return this.#openSession(call as Call<'openSession'>, request);
    if (name === 'getSession') return sessionOf(call.caller);
    if (name === 'closeSession') {
      request.cookieAuth.clear();
      return { closed: true };
    }
    const handle = handlers[name as Exclude<RouteName, SessionRoute>] as (call: unknown, dependencies: AdminDependencies) => unknown;
    return handle(call, this.#dependencies);
  }

  #openSession(call: Call<'openSession'>, request: CookieRequest): object {
    const { clock, adminKey } = this.#dependencies;
    const { settings } = call.version;
    const caller = callerOfKey(call.body.key, { settings, adminKey });
    if (!caller) return unknownKey(call.body.key === '');
    if (!mayActAs(caller.role, 'viewer')) return roleTooSmall;
    const { name: subject, actor, role } = caller;
    call.audit({ subject, actor, tenant: caller.tenant === '*' ? '' : caller.tenant, detail: { role } });
    if (caller.keyHash === undefined) return sessionOf(caller);
    const until = clock.now() + sessionMs;
    request.cookieAuth.set({ key: caller.keyHash, until });
    return sessionOf({ ...caller, expiresAt: until });
  }

  #stream(response: ServerResponse, stream: EventStream<TailEvent>): void {
    const end = sendEvents(response, stream, this.#dependencies.clock);
    this.#streams.add(end);
    response.once('close', () => this.#streams.delete(end));
  }

  #refusing(refusal: Refusal): Lifecycle.Method {
    return ({ raw }, h) => {
      this.#refuse(raw.req, raw.res, refusal);
      return h.abandon;
    };
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    this.#dependencies.refused(refusal.refusal.code);
    sendRefusal(request, response, refusal, newExchangeId(this.#dependencies.clock.now()));
  }

  #crashed(request: IncomingMessage, response: ServerResponse, problem: unknown): void {
    const id = this.#dependencies.crashed(problem);
    if (response.headersSent && !response.writableEnded) response.destroy();
    else sendRefusal(request, response, internalError, id);
  }
}

const sessionOf = ({ name, role, tenant, expiresAt }: AdminCaller): object => ({
  ...{ name, role, tenant, version: productVersion() },
  expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
});

const roleTooSmall = forbidden('role_too_small', 'A session needs a key with role: viewer or more.');
const noSuchRoute = invalid('not_found', 'The admin API has no such path; GET /openapi.json lists what it has.', null, 404);
const wrongMethod = (allow: string): Refusal => ({
  ...invalid('method_not_allowed', `This path takes ${allow} only.`, null, 405),
  headers: { allow },
});
