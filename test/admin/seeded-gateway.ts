/** A real gateway with keys of every role and tenant, some traffic, and a run, for the tests of its admin API. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { vi } from 'vitest';
import type { RouteSpec } from '../../gateway/admin/api/contract.ts';
import { apiRoutes, prefix, type RouteName } from '../../gateway/admin/api/table.ts';
import { sqliteKeys } from '../../gateway/keys/key-store.ts';
import { newKey } from '../../gateway/keys/new-key.ts';
import { readWriterKey } from '../../recorder/files/paths.ts';
import { connect } from '../../recorder/store/store.ts';
import { type Gateway, Workspace } from '../hindcast.ts';

const sha = (key: string): string => createHash('sha256').update(key).digest('hex');

/** By its key: whose it is and what it may do. */
export const keys = {
  'hc-caller': { tenant: 'acme', role: 'caller' },
  'hc-viewer': { tenant: '*', role: 'viewer' },
  'hc-analyst': { tenant: '*', role: 'analyst' },
  'hc-admin': { tenant: '*', role: 'admin' },
  'hc-acme-viewer': { tenant: 'acme', role: 'viewer' },
  'hc-acme-analyst': { tenant: 'acme', role: 'analyst' },
  'hc-acme-admin': { tenant: 'acme', role: 'admin' },
  'hc-default-viewer': { tenant: 'default', role: 'viewer' },
  'hc-beta-caller': { tenant: 'beta', role: 'caller' },
  'hc-beta-admin': { tenant: 'beta', role: 'admin' },
  'hc-old-key': { tenant: 'beta', role: 'caller' },
} as const;
export type KeyName = keyof typeof keys;

const config = `server: { port: 0 }
store: { port: 0, path: ./hindcast-data }
providers:
  sim: { api: simulated }
  real: { api: openai, key: sk-written-into-the-file-1234567890, base_url: "http://127.0.0.1:9/v1", allow_private: true }
routes:
  smart:
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } }
      - { target: sim/large }
    certificate: certificate.json
tenants:
  acme: { budget: { usd: 5, per: day }, limits: { rpm: 6000 } }
  beta: { projects: { web: { budget: { usd: 1 } } } }
keys:
${Object.entries(keys)
  .map(([key, { tenant, role }]) => `  - { name: ${key.slice(3)}, hash: "sha256:${sha(key)}", tenant: "${tenant}", role: ${role} }`)
  .join('\n')}
`;

export const runId = '20260131-120000-4f2a';

export interface SeededGateway extends AsyncDisposable {
  readonly url: string;
  readonly place: Workspace;
  readonly gateway: Gateway;
  /** Of a request by acme, and of one by beta. */
  readonly acme: string;
  readonly beta: string;
  /** Answers a call of the admin API. */
  call(name: RouteName, options?: CallOptions): Promise<Response>;
  /** The audit as it stands on disk. */
  auditEntries(): readonly AuditLine[];
}

export interface AuditLine {
  readonly actor: string;
  readonly action: string;
  readonly tenant: string;
  readonly subject: string;
}

export interface CallOptions {
  readonly key?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Over those of a call that is in order; '' leaves one out. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function seedGateway(): Promise<SeededGateway> {
  const place = new Workspace(config);
  const certificate = {
    kind: 'hindcast-certificate',
    verdict: 'certified',
    chain: 'smart',
    signal: 'confidence',
    issued_at: new Date().toISOString(),
  };
  place.write('certificate.json', JSON.stringify({ ...certificate, targets: ['sim/small', 'sim/large'], thresholds: [0.74] }));
  mkdirSync(join(place.folder, 'hindcast-data'), { recursive: true });
  const stored = sqliteKeys(join(place.folder, 'hindcast-data/state.sqlite'));
  await stored.add(newKey({ name: 'stored', tenant: 'acme' }, Date.now()).key);
  await stored.close();
  const gateway = await place.serve();
  const { url } = gateway;
  const ask = async (key: KeyName, content: string): Promise<string> => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-hindcast-tag-tier': 'paid' },
      body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content }] }),
    });
    await response.text();
    return response.headers.get('x-request-id')!;
  };
  const [acme, beta] = await Promise.all([ask('hc-caller', 'the secret of acme'), ask('hc-beta-caller', 'the secret of beta')]);
  const hash = async (): Promise<string> => ((await (await call('getConfig', { key: 'hc-admin' })).json()) as { hash: string }).hash;
  const call = async (
    name: RouteName,
    { key, params = {}, query = {}, body, headers = {}, signal }: CallOptions = {},
  ): Promise<Response> => {
    const spec: RouteSpec = apiRoutes[name];
    const path = spec.path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(params[param] ?? 'x'));
    const all: Record<string, string> = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(spec.method === 'GET' ? {} : { 'x-hindcast-csrf': '1' }),
      ...(spec.ifMatch && headers['if-match'] === undefined ? { 'if-match': await hash() } : {}),
      ...(spec.body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    };
    return fetch(`${url}${prefix}${path}${Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : ''}`, {
      method: spec.method,
      headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')),
      ...(spec.body ? { body: JSON.stringify(body ?? {}) } : {}),
      signal: signal ?? null,
    });
  };
  const path = join(place.folder, 'hindcast-data');
  await seedRun(path, gateway.storeUrl, acme);
  await call('flush', { key: 'hc-viewer' });
  const areListed = async (): Promise<boolean> => {
    const listed = (await (await call('listExchanges', { key: 'hc-viewer' })).json()) as { data?: readonly object[] };
    return (listed.data?.length ?? 0) >= 2;
  };
  await vi.waitUntil(areListed, { timeout: 30_000, interval: 100 });
  return {
    ...{ url, place, gateway, acme, beta, call },
    auditEntries: () => {
      using database = new DatabaseSync(join(path, 'audit.sqlite'), { readOnly: true, timeout: 5_000 });
      return database.prepare('SELECT actor, action, tenant, subject FROM entries ORDER BY seq').all() as unknown as readonly AuditLine[];
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** A replay of acme's request, as the recorder would write it. */
async function seedRun(path: string, storeUrl: string, original: string): Promise<void> {
  const store = connect({ url: storeUrl, username: 'writer', password: readWriterKey(path)! });
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '');
  await store.insert('runs', [
    {
      ...{ run_id: runId, kind: 'replay', arms: ['sim/large'], state: 'finished', created_at: now, finished_at: now, config_hash: 'x' },
      manifest: '{"run":"x"}',
      selected: 1,
      done: 1,
    },
  ]);
  await store.insert('requests', [
    {
      ...{
        tenant_id: 'acme',
        ts: now,
        request_id: '01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a69',
        route: 'smart',
        provider: 'sim',
        model: 'large',
      },
      ...{ outcome: 'ok', run_id: runId, replay_of: original, arm: 'sim/large', price_id: 'x', cost_usd: 0.5 },
    },
  ]);
  await store.insert('scores', [
    {
      tenant_id: 'acme',
      request_id: '01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a69',
      ts: now,
      name: 'equivalent',
      score_id: '01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a70',
      value: 1,
      source: 'judge',
    },
  ]);
  await store.close();
}

/** A valid call of each route, without a key; changes that remove something come last. */
export const validCalls = ({ acme }: Pick<SeededGateway, 'acme'>): Readonly<Record<RouteName, CallOptions>> => ({
  listExchanges: { query: { since: '1h', route: 'smart', tag: 'tier=paid', limit: '1' } },
  getExchange: { params: { id: acme } },
  getPayload: { params: { id: acme } },
  listInFlight: {},
  tail: {},
  addLabel: { body: { exchange: acme, value: 1 } },
  listLabels: {},
  getUsage: { query: { by: 'route,model', bucket: 'hour' } },
  listRuns: {},
  getRun: { params: { id: runId } },
  listPairs: { params: { id: runId } },
  planRun: { body: { against: ['sim/large'], max_cost_usd: 1 } },
  startRun: { body: { against: ['sim/large'], max_cost_usd: 1, limit: 1 } },
  pauseRun: { params: { id: runId } },
  resumeRun: { params: { id: runId } },
  compareRun: { params: { id: runId } },
  getFrontier: { params: { route: 'smart' } },
  certifyThreshold: { params: { route: 'smart' }, body: { max_loss_pp: 2 } },
  listRoutes: {},
  getThresholds: { params: { route: 'smart' } },
  listCertificates: {},
  getTargets: {},
  explain: { query: { model: 'smart' } },
  getConfig: {},
  checkConfig: { body: { text: 'routes: {}' } },
  getSession: {},
  listTenants: {},
  listKeys: {},
  getKey: { params: { id: 'acme-viewer' } },
  listBudgets: {},
  listAudit: {},
  flush: {},
  openSession: { body: { key: 'hc-viewer' } },
  closeSession: {},
  setThresholds: { params: { route: 'smart' }, body: { signal: 'confidence', thresholds: [0.8] } },
  setConfig: { body: { text: config.replace('rpm: 6000', 'rpm: 5000') } },
  createKey: { body: { name: 'made', tenant: 'acme', limits: { rpm: 5 }, budget: { usd: 1 } } },
  changeKey: { params: { id: 'stored' }, body: { blocked: true, models: ['sim/*'] } },
  rotateKey: { params: { id: 'stored' }, body: { grace_seconds: 60 } },
  revokeKey: { params: { id: 'beta-admin' } },
});
