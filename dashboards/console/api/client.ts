/** The admin API as functions. Every call ends when its signal does; rejects with ApiError. */
import type { AnswerOf, apiRoutes, BodyFor, ParamsOf, QueryFor, RouteName } from '../../../gateway/admin/api/table.ts';

type Routes = typeof apiRoutes;
type Named = { readonly [Name in RouteName]?: readonly [Routes[Name]['method'], Routes[Name]['path']] };

const routes = {
  listExchanges: ['GET', '/exchanges'],
  getExchange: ['GET', '/exchanges/{id}'],
  getPayload: ['GET', '/exchanges/{id}/payload'],
  listInFlight: ['GET', '/in-flight'],
  tail: ['GET', '/tail'],
  addLabel: ['POST', '/labels'],
  listLabels: ['GET', '/labels'],
  getUsage: ['GET', '/usage'],
  listRuns: ['GET', '/runs'],
  getRun: ['GET', '/runs/{id}'],
  planRun: ['POST', '/runs/plan'],
  startRun: ['POST', '/runs'],
  pauseRun: ['POST', '/runs/{id}/pause'],
  resumeRun: ['POST', '/runs/{id}/resume'],
  compareRun: ['GET', '/runs/{id}/comparison'],
  getFrontier: ['GET', '/thresholds/{route}/frontier'],
  certifyThreshold: ['POST', '/thresholds/{route}/certify'],
  listRoutes: ['GET', '/routes'],
  listPairs: ['GET', '/runs/{id}/pairs'],
  getThresholds: ['GET', '/thresholds/{route}'],
  setThresholds: ['PUT', '/thresholds/{route}'],
  listCertificates: ['GET', '/certificates'],
  getTargets: ['GET', '/targets'],
  explain: ['GET', '/explain'],
  getConfig: ['GET', '/config'],
  checkConfig: ['POST', '/config/check'],
  setConfig: ['PUT', '/config'],
  openSession: ['POST', '/session'],
  getSession: ['GET', '/session'],
  closeSession: ['DELETE', '/session'],
  flush: ['POST', '/flush'],
  listTenants: ['GET', '/tenants'],
  listKeys: ['GET', '/keys'],
  createKey: ['POST', '/keys'],
  changeKey: ['PUT', '/keys/{id}'],
  rotateKey: ['POST', '/keys/{id}/rotate'],
  revokeKey: ['DELETE', '/keys/{id}'],
  listBudgets: ['GET', '/budgets'],
  listAudit: ['GET', '/audit'],
} as const satisfies Named;

export type CallName = keyof typeof routes;
export type { AnswerOf, QueryFor };

export interface CallOptions<Name extends CallName> {
  readonly params?: ParamsOf<Name>;
  readonly query?: Partial<QueryFor<Name>>;
  readonly body?: BodyFor<Name>;
  /** Hash of the configuration that is to be changed. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

/** A refusal of the gateway; status 0 when it does not answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The answer of one route. Rejects with ApiError, or as fetch does when the signal aborts. */
export async function call<Name extends CallName>(name: Name, options: CallOptions<Name> = {}): Promise<AnswerOf<Name>> {
  const { body, ifMatch, signal } = options;
  const [method] = routes[name];
  const headers: Record<string, string> = {
    ...(method === 'GET' ? {} : { 'x-hindcast-csrf': '1' }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
  };
  const response = await send(urlOf(name, options), {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw errorOf(response.status, answer);
  return answer as AnswerOf<Name>;
}

async function send(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new ApiError(0, 'unreachable', 'The gateway does not answer.');
  }
}

/** Path and query of a call. */
export function urlOf<Name extends CallName>(name: Name, { params, query }: Pick<CallOptions<Name>, 'params' | 'query'> = {}): string {
  const values = (params ?? {}) as Readonly<Record<string, string>>;
  const path = routes[name][1].replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(values[param] ?? ''));
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  return `/admin/api/v1${path}${given.length > 0 ? `?${search}` : ''}`;
}

function errorOf(status: number, answer: unknown): ApiError {
  const { error } = (answer ?? {}) as { readonly error?: { readonly message?: string; readonly code?: string } };
  return new ApiError(status, error?.code ?? 'unknown', error?.message ?? `The gateway answered with status ${status}.`);
}
