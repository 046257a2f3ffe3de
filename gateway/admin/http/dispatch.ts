/** One call of the admin API: authentication, authorisation, parameters; then the handler, the response and the audit. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { invalid, isRefusal, type Refusal } from '../../exchange/response/refusal.ts';
import { checkContentType, readBody } from '../../http/body.ts';
import { AdminAccessAudit } from '../../observability/audit.ts';
import type { RouteSpec } from '../api/contract.ts';
import { apiRoutes, prefix, type RouteName } from '../api/table.ts';
import type { AdminDependencies, AdminVersion } from '../dependencies.ts';
import type { AuditNote, Call } from '../handlers/contract.ts';
import { noStore } from '../handlers/exchanges.ts';
import { RecordsFailure } from '../records.ts';
import { type AdminCaller, callerOfHeaders, noKey, refusalFor, refusalOfHead, tenantsSeenBy } from './caller.ts';

const bodyBytesMax = 8 * 1024 * 1024;

export interface AdminRequest {
  readonly name: RouteName;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  /** Of a session's cookie. */
  readonly session: AdminCaller | undefined;
}

export class Dispatcher {
  readonly #dependencies: AdminDependencies;
  readonly #accessAudit: AdminAccessAudit;

  constructor(dependencies: AdminDependencies) {
    this.#dependencies = dependencies;
    this.#accessAudit = new AdminAccessAudit(dependencies.audit);
  }

  /** The handler's answer, or why there is none. */
  async dispatch(adminRequest: AdminRequest, handle: (call: Call<RouteName>) => unknown): Promise<object> {
    const { request, response, name } = adminRequest;
    const spec: RouteSpec = apiRoutes[name];
    const version = this.#dependencies.version();
    const caller = this.#admit(spec, adminRequest, version);
    if (isRefusal(caller)) return caller;
    const parsed = await this.#parse(spec, adminRequest);
    if (isRefusal(parsed)) return parsed;
    const left = new AbortController();
    response.once('close', () => left.abort());
    const notes: AuditNote[] = [];
    const call = {
      ...parsed,
      ...{ caller, version, tenants: tenantsSeenBy(caller), signal: left.signal },
      audit: (note: AuditNote) => void notes.splice(0, 1, note),
    } as unknown as Call<RouteName>;
    const result = await this.#run(() => handle(call));
    this.#auditCall(spec, caller, request, result, notes[0]);
    return result;
  }

  #admit(spec: RouteSpec, { request, session }: AdminRequest, { settings }: AdminVersion): AdminCaller | Refusal {
    const { adminKey } = this.#dependencies;
    const wrong = refusalOfHead(spec, request, settings.hash);
    if (wrong && wrong.refusal.status === 403) return wrong;
    const caller = callerOfHeaders(request.rawHeaders, { settings, adminKey }) ?? session;
    if (spec.role === 'open') return caller && !isRefusal(caller) ? caller : nobody;
    if (!caller) return noKey;
    if (isRefusal(caller)) return caller;
    const refusal = refusalFor(spec, caller);
    if (refusal) this.#accessAudit.record(caller.name, `${prefix}${spec.path}`, false, this.#dependencies.clock.now(), spec.method);
    return refusal ?? wrong ?? caller;
  }

  async #parse(spec: RouteSpec, { request, params }: AdminRequest): Promise<Pick<Call<RouteName>, 'params' | 'query' | 'body'> | Refusal> {
    const { searchParams } = new URL(request.url!, 'http://gateway');
    const names = [...searchParams.keys()];
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) return invalid('invalid_value', `${twice} is there twice.`, twice);
    const found = checked(spec.params, params);
    if (isRefusal(found)) return found;
    const query = checked(spec.query, Object.fromEntries(searchParams));
    if (isRefusal(query)) return query;
    if (!spec.body) return { params: found.value, query: query.value, body: undefined } as never;
    const body = await this.#body(spec.body, request);
    return isRefusal(body) ? body : ({ params: found.value, query: query.value, body: body.value } as never);
  }

  async #body(schema: z.ZodType, request: IncomingMessage): Promise<{ readonly value: unknown } | Refusal> {
    const { limits } = this.#dependencies;
    const wrongType = checkContentType(request.headers['content-type']);
    if (wrongType) return wrongType;
    const body = await readBody(request, { ...limits, bodyBytesMax: Math.min(limits.bodyBytesMax, bodyBytesMax) });
    if (isRefusal(body)) return body;
    let value: unknown;
    try {
      value = JSON.parse(body.text);
    } catch {
      return invalid('invalid_json', 'The body is no valid JSON.');
    }
    return checked(schema, value);
  }

  async #run(handle: () => unknown): Promise<object> {
    try {
      return (await handle()) as object;
    } catch (error) {
      if (!(error instanceof RecordsFailure)) throw error;
      if (error.kind === 'unavailable') return noStore;
      return error.kind === 'invalid' ? invalid('invalid_value', error.message) : invalid('too_expensive', error.message, null, 422);
    }
  }

  /** What was refused because nothing was found or written changed nothing, and a payload that was requested is one that may have been seen. */
  #auditCall(spec: RouteSpec, caller: AdminCaller, { url = '' }: IncomingMessage, result: object, note?: AuditNote): void {
    if (spec.audited === false || (isRefusal(result) && !(spec.method === 'GET' && note?.tenant !== undefined))) return;
    const {
      subject = url.split('?', 1)[0]!,
      tenant = caller.tenant === '*' ? '' : caller.tenant,
      detail = {},
      actor = caller.actor,
    } = note ?? {};
    this.#dependencies.audit({ actor, action: spec.audited, tenant, subject, detail });
  }
}

const nobody: AdminCaller = { name: '', actor: 'anybody', role: 'caller', tenant: 'default', keyHash: undefined };

function checked(schema: z.ZodType, value: unknown): { readonly value: unknown } | Refusal {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const issue = parsed.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') return invalid('unknown_parameter', `${issue.keys[0]} is not known here.`, issue.keys[0]!);
  const at = issue.path.map(String).join('.');
  if (issue.code === 'invalid_type' && issue.input === undefined) return invalid('missing_required_parameter', `${at} is missing.`, at);
  return invalid('invalid_value', `${at}: ${issue.message}`, at === '' ? null : at);
}
