/** The whole table of the admin API, on a real gateway: who may, who may not, and that answers are what the table says. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { z } from 'zod';
import { mayActAs, type RouteSpec } from '../../gateway/admin/api/contract.ts';
import { tailEvent } from '../../gateway/admin/api/exchanges.ts';
import { apiRoutes, prefix, type RouteName, routeEntries } from '../../gateway/admin/api/table.ts';
import { Workspace } from '../hindcast.ts';
import { runIn } from '../in-process.ts';
import { type CallOptions, type KeyName, keys, runId, type SeededGateway, seedGateway, validCalls } from './seeded-gateway.ts';

let seeded: SeededGateway;
let calls: Readonly<Record<RouteName, CallOptions>>;
beforeAll(async () => {
  seeded = await seedGateway();
  calls = validCalls(seeded);
}, 60_000);
afterAll(() => seeded?.[Symbol.asyncDispose]());

const guarded = routeEntries.filter(([, spec]) => spec.role !== 'open');
const changes = routeEntries.filter(([, spec]) => spec.method !== 'GET');
/** Reads, which can be repeated. */
const repeatable = guarded.filter(([, spec]) => spec.method === 'GET');

/** Status, and the error code of the response. */
async function outcomeOf(name: RouteName, options: CallOptions): Promise<string> {
  const leaving = new AbortController();
  const response = await seeded.call(name, { ...calls[name], ...options, signal: leaving.signal });
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    leaving.abort();
    return String(response.status);
  }
  const body = (await response.json()) as { readonly error?: { readonly code: string } };
  return body.error ? `${response.status} ${body.error.code}` : String(response.status);
}

const each = async (of: readonly (readonly [RouteName, RouteSpec])[], options: CallOptions): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(await Promise.all(of.map(async ([name]) => [name, await outcomeOf(name, options)] as const)));

const expected = (of: readonly (readonly [RouteName, RouteSpec])[], what: (spec: RouteSpec) => string) =>
  Object.fromEntries(of.map(([name, spec]) => [name, what(spec)]));

describe('every route', () => {
  test('asks for a key', async () => {
    expect(await each(guarded, {})).toEqual(expected(guarded, () => '401 invalid_api_key'));
    expect(await each(guarded, { key: 'hc-nobody' })).toEqual(expected(guarded, () => '401 invalid_api_key'));
  });

  test.each(['hc-caller', 'hc-viewer', 'hc-analyst', 'hc-admin'] as const)('lets %s do what its role may, and no more', async key => {
    const { role } = keys[key];
    // A refused change is refused before it changes anything; those that are allowed are below.
    const requested = guarded.filter(([, spec]) => spec.method === 'GET' || !mayActAs(role, spec.role as 'admin'));
    const small = (spec: RouteSpec): string => (spec.role === 'admin' ? '403 admin_only' : '403 role_too_small');
    expect(await each(requested, { key })).toEqual(
      expected(requested, spec => (mayActAs(role, spec.role as 'admin') ? '200' : small(spec))),
    );
  });

  test('refuses a change without the header that no form can send, before it looks at anything else', async () => {
    expect(await each(changes, { key: 'hc-admin', headers: { 'x-hindcast-csrf': '' } })).toEqual(
      expected(changes, () => '403 csrf_header_missing'),
    );
  });

  test('refuses a page of another site, and takes one of its own', async () => {
    const headers = { origin: 'https://evil.example' };
    expect(await each(routeEntries, { key: 'hc-admin', headers })).toEqual(expected(routeEntries, () => '403 origin_not_allowed'));
    expect(await outcomeOf('getSession', { key: 'hc-admin', headers: { origin: seeded.url } })).toBe('200');
    expect(await outcomeOf('getSession', { key: 'hc-admin', headers: { origin: 'null' } })).toBe('403 origin_not_allowed');
  });

  test('answers what its schema says', async () => {
    const check = async ([name, spec]: (typeof repeatable)[number]): Promise<void> => {
      const response = await seeded.call(name, { ...calls[name], key: 'hc-admin' });
      const parsed = strict(spec.answer).safeParse(await response.json());
      expect(parsed.error?.issues ?? [], name).toEqual([]);
    };
    await Promise.all(repeatable.filter(([, spec]) => !spec.streams).map(check));
  });

  test('says which parameter it does not know, and which value it does not take', async () => {
    expect(await outcomeOf('listExchanges', { key: 'hc-viewer', query: { rout: 'smart' } })).toBe('400 unknown_parameter');
    expect(await outcomeOf('listExchanges', { key: 'hc-viewer', query: { limit: '0' } })).toBe('400 invalid_value');
    expect(await outcomeOf('listExchanges', { key: 'hc-viewer', query: { after: 'nonsense' } })).toBe('400 invalid_value');
    expect(await outcomeOf('getExchange', { key: 'hc-viewer', params: { id: '1' } })).toBe('400 invalid_value');
    expect(await outcomeOf('addLabel', { key: 'hc-admin', body: { value: 1 } })).toBe('400 missing_required_parameter');
    expect(await outcomeOf('explain', { key: 'hc-viewer', query: {} })).toBe('400 missing_required_parameter');
    expect(await outcomeOf('getUsage', { key: 'hc-viewer', query: { by: 'colour' } })).toBe('400 invalid_value');
    const twice = await fetch(`${seeded.url}${prefix}/exchanges?limit=1&limit=2`, { headers: { authorization: 'Bearer hc-viewer' } });
    expect(twice.status).toBe(400);
  });

  test('has a path and a method that others do not take', async () => {
    const at = (path: string, method: string) =>
      fetch(`${seeded.url}${prefix}${path}`, { method, headers: { authorization: 'Bearer hc-admin' } });
    expect((await at('/nothing', 'GET')).status).toBe(404);
    const wrong = await at('/exchanges', 'DELETE');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET']);
  });
});

/** An answer has no member that the table does not name. */
function strict(schema: z.ZodType): z.ZodType {
  const inner = schema as z.ZodType & { strict?: () => z.ZodType };
  return inner.def.type === 'object' && (inner as unknown as z.ZodObject).def.catchall === undefined ? inner.strict!() : schema;
}

describe('between tenants', () => {
  const of = async (name: RouteName, key: KeyName): Promise<string> => {
    const response = await seeded.call(name, { ...calls[name], key, query: {} });
    return JSON.stringify(await response.json());
  };

  test('stands a wall in every list, and what belongs to no tenant is behind it', async () => {
    const lists = routeEntries.filter(
      ([, spec]) => spec.sees === 'tenant' && spec.method === 'GET' && !spec.path.includes('{') && !spec.streams,
    );
    const check = async ([name]: (typeof lists)[number]): Promise<void> =>
      expect(await of(name, 'hc-acme-admin'), name).not.toMatch(/"(?:tenant|name)":"(?:beta|default)"|beta-/);
    await Promise.all(lists.map(check));
    const walled = guarded.filter(([, spec]) => spec.sees === 'gateway');
    expect(await each(walled, { key: 'hc-acme-admin' })).toEqual(expected(walled, () => '403 tenant_walled'));
    expect(await of('listExchanges', 'hc-acme-viewer')).toContain(seeded.acme);
    expect(await of('listExchanges', 'hc-default-viewer')).toBe('{"data":[],"next":null}');
    expect(await of('getUsage', 'hc-default-viewer')).toContain('"data":[]');
  });

  test("another tenant's exchange is as if it were not there", async () => {
    for (const name of ['getExchange', 'getPayload'] as const) {
      expect(await outcomeOf(name, { key: 'hc-acme-analyst' })).toBe('200');
      expect(await outcomeOf(name, { key: 'hc-acme-analyst', params: { id: seeded.beta } })).toBe('404 not_found');
    }
    expect(await outcomeOf('addLabel', { key: 'hc-acme-analyst', body: { exchange: seeded.beta, value: 0 } })).toBe('404 not_found');
    expect(await outcomeOf('getKey', { key: 'hc-acme-admin', params: { id: 'beta-admin' } })).toBe('404 not_found');
    expect(await outcomeOf('revokeKey', { key: 'hc-acme-admin', params: { id: 'beta-admin' } })).toBe('404 not_found');
    expect(await outcomeOf('listExchanges', { key: 'hc-acme-viewer', query: { tenant: 'beta' } })).toBe('200');
    expect(await of('listExchanges', 'hc-acme-viewer')).not.toContain(seeded.beta);
  });

  test('a viewer sees no text of a payload, and cannot search for one', async () => {
    const response = await seeded.call('getExchange', { params: { id: seeded.acme }, key: 'hc-viewer' });
    expect(await response.json()).toMatchObject({ error_message: null, events: null });
    expect(await outcomeOf('listExchanges', { key: 'hc-viewer', query: { text: 'secret' } })).toBe('403 role_too_small');
    const found = await seeded.call('listExchanges', { key: 'hc-analyst', query: { text: 'Secret ACME', since: '1h' } });
    expect(((await found.json()) as { data: readonly { id: string }[] }).data.map(({ id }) => id)).toEqual([seeded.acme]);
  });

  test('a payload comes as it went over the wire', async () => {
    const response = await seeded.call('getPayload', { params: { id: seeded.acme }, key: 'hc-acme-analyst' });
    const payload = (await response.json()) as { encoding: string; request: string };
    expect([payload.encoding, payload.request]).toEqual(['utf8', expect.stringContaining('the secret of acme')]);
    expect(seeded.auditEntries()).toContainEqual({
      actor: 'key:acme-analyst',
      action: 'payload-viewed',
      tenant: 'acme',
      subject: seeded.acme,
    });
  });
});

test('pages of a list follow one another, and each row comes once', async () => {
  const ids: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query: Record<string, string> = after === '' ? { limit: '1' } : { limit: '1', after };
    const page = (await (await seeded.call('listExchanges', { key: 'hc-viewer', query })).json()) as {
      data: readonly { id: string }[];
      next: string | null;
    };
    ids.push(...page.data.map(({ id }) => id));
    after = page.next;
  }
  expect(ids.toSorted()).toEqual([seeded.acme, seeded.beta].toSorted());
});

test('a pair is what was recorded beside what a run got, with its verdict', async () => {
  const response = await seeded.call('listPairs', { ...calls.listPairs, key: 'hc-viewer' });
  expect(await response.json()).toMatchObject({
    data: [
      {
        arm: 'sim/large',
        recorded: { id: seeded.acme, provider: 'sim' },
        replayed: { model: 'large', cost_usd: 0.5 },
        verdict: 'equivalent',
      },
    ],
    next: null,
  });
});

test('a tail shows an exchange of the own tenant as it finishes, in the form of the list', async () => {
  const leaving = new AbortController();
  const response = await seeded.call('tail', { key: 'hc-acme-viewer', query: { route: 'smart' }, signal: leaving.signal });
  const ask = (key: string) =>
    fetch(`${seeded.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: 'again' }] }),
    });
  const [, answered] = await Promise.all([ask('hc-beta-caller'), ask('hc-caller')]);
  const id = answered.headers.get('x-request-id')!;
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes(id)) break;
  }
  leaving.abort();
  await seeded.call('flush', { key: 'hc-viewer' });
  const events = text.split('\n').flatMap(line => (line.startsWith('data: ') ? [tailEvent.parse(JSON.parse(line.slice(6)))] : []));
  expect(events.map(event => event.type === 'exchange' && event.exchange.id)).toEqual([id]);
  await vi.waitFor(
    async () => {
      const listed = (await (await seeded.call('listExchanges', { key: 'hc-acme-viewer' })).json()) as { data: readonly object[] };
      expect(listed.data[0]).toEqual(events[0]!.type === 'exchange' && events[0]!.exchange);
    },
    { timeout: 10_000, interval: 100 },
  );
});

describe('a session', () => {
  const cookieOf = (response: Response): string => response.headers.get('set-cookie') ?? '';
  const open = (key: string) => seeded.call('openSession', { body: { key } });

  test('is opened by a key, kept in a cookie that no script reads, and closed', async () => {
    const opened = await open('hc-analyst');
    expect(apiRoutes.openSession.answer.parse(await opened.json())).toMatchObject({ name: 'analyst', role: 'analyst', tenant: '*' });
    expect(cookieOf(opened)).toMatch(/^hindcast_session=Fe26\.2[^;]+; Max-Age=43200;.*HttpOnly; SameSite=Strict; Path=\/$/);
    expect(cookieOf(opened)).not.toContain('hc-analyst');
    const cookie = cookieOf(opened).split(';')[0]!;
    expect(await outcomeOf('getPayload', { headers: { cookie } })).toBe('200');
    expect(await outcomeOf('listKeys', { headers: { cookie } })).toBe('403 admin_only');
    const closed = await seeded.call('closeSession', { headers: { cookie } });
    expect(cookieOf(closed)).toMatch(/^hindcast_session=; Max-Age=0;/);
  });

  test('is not opened by a caller or by nobody, and a cookie of somebody else counts as none', async () => {
    expect((await open('hc-caller')).status).toBe(403);
    expect((await open('hc-nobody')).status).toBe(401);
    expect((await open('')).status).toBe(401);
    expect(await outcomeOf('getSession', { headers: { cookie: 'hindcast_session=Fe26.2**forged' } })).toBe('401 invalid_api_key');
  });
});

test('the key of the folder lets commands of this machine in, and nobody else reads it', async () => {
  const key = seeded.place.read('hindcast-data/admin.key').trim();
  expect(await outcomeOf('listKeys', { key })).toBe('200');
  expect(statSync(`${seeded.place.folder}/hindcast-data/admin.key`).mode & 0o777).toBe(0o600);
  const requested = await fetch(`${seeded.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  expect(requested.status, 'it is no key of a caller').toBe(401);
});

test('readers of the store need the key of the folder where callers need one', async () => {
  const ask = (headers: Record<string, string>) =>
    fetch(seeded.gateway.storeUrl, { method: 'POST', body: 'SELECT count() > 0 FROM requests', headers });
  expect((await ask({})).status).not.toBe(200);
  const answer = await ask({ 'x-clickhouse-key': seeded.place.read('hindcast-data/reader.key').trim() });
  expect([answer.status, await answer.text()]).toEqual([200, '1\n']);
  expect(statSync(`${seeded.place.folder}/hindcast-data/reader.key`).mode & 0o777).toBe(0o600);
});

test('commands find the gateway of their folder and its key', async () => {
  const shown = await runIn(seeded.place, 'show', seeded.acme);
  const unknown = await runIn(seeded.place, 'show', '01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a00');
  const refused = await runIn(seeded.place, 'show', seeded.acme, '--key', 'hc-nobody');
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toContain(`chat ${seeded.acme}`);
  expect(shown.stdout).toMatch(/1\s+sim\/small\s+primary/);
  expect(unknown.code).toBe(5);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--key or HINDCAST_ADMIN_KEY')]);
});

test("commands elsewhere take the gateway's URL, and their key from --key, else from HINDCAST_ADMIN_KEY", async () => {
  await using elsewhere = new Workspace();
  const show = async (id: string, environmentKey: string, ...options: readonly string[]): Promise<number> => {
    vi.stubEnv('HINDCAST_ADMIN_KEY', environmentKey);
    try {
      return (await runIn(elsewhere, 'show', id, '--url', seeded.url, ...options)).code;
    } finally {
      vi.unstubAllEnvs();
    }
  };
  expect(await show(seeded.beta, ''), 'no key').toBe(2);
  expect(await show(seeded.beta, 'hc-viewer')).toBe(0);
  expect(await show(seeded.beta, '', '--key', 'hc-viewer')).toBe(0);
  expect(await show(seeded.beta, 'hc-viewer', '--key', 'hc-acme-viewer'), "--key comes first, and acme's key sees nothing of beta").toBe(5);
  expect(await show(seeded.beta, 'hc-viewer', '--key', 'hc-nobody')).toBe(2);
});

describe('changes', () => {
  test('are written into the audit, every one of them, and answered as the table says', async () => {
    for (const [name, spec] of changes) {
      const before = seeded.auditEntries().length;
      const response = await seeded.call(name, { ...calls[name], key: 'hc-admin', ...(name === 'setConfig' ? await withThreshold() : {}) });
      const body = await response.json();
      expect([response.status, body], name).toEqual([200, expect.anything()]);
      expect(spec.answer.safeParse(body).error?.issues ?? [], name).toEqual([]);
      const added = seeded
        .auditEntries()
        .slice(before)
        .filter(({ actor }) => actor !== 'gateway');
      expect(added, name).toMatchObject([{ actor: name === 'openSession' ? 'key:viewer' : 'key:admin', action: spec.audited }]);
      if (spec.ifMatch || name === 'revokeKey') await taken();
    }
  });

  /** The text as it is shown, secrets masked, with one change. */
  async function withThreshold(): Promise<CallOptions> {
    const { text } = (await (await seeded.call('getConfig', { key: 'hc-admin' })).json()) as { text: string };
    expect(text).not.toContain('sk-written');
    return { body: { text: text.replace('rpm: 6000', 'rpm: 5000') } };
  }

  /** The gateway runs what stands in the file. */
  const taken = () =>
    vi.waitFor(async () => expect(await (await seeded.call('getConfig', { key: 'hc-admin' })).json()).toMatchObject({ running: true }), {
      timeout: 10_000,
      interval: 50,
    });

  test('left the file as it was but for what they changed, secrets included', () => {
    const file = seeded.place.read('hindcast.yaml');
    expect(file).toContain('accept: { confidence: 0.8 }');
    expect(file).toContain('rpm: 5000');
    expect(file).toContain('key: sk-written-into-the-file-1234567890');
    expect(file).not.toContain('beta-admin');
  });

  test('a revoked key is refused', async () => expect(await outcomeOf('getSession', { key: 'hc-beta-admin' })).toBe('401 invalid_api_key'));

  test('need the configuration that they were made for', async () => {
    const stale = { key: 'hc-admin', headers: { 'if-match': '"0000000000000000"' } };
    expect(await outcomeOf('setThresholds', stale)).toBe('412 config_changed');
    expect(await outcomeOf('setConfig', stale)).toBe('412 config_changed');
    expect(await outcomeOf('setThresholds', { key: 'hc-admin', headers: { 'if-match': '' } })).toBe('428 if_match_missing');
  });

  test('that would break the configuration change nothing, and say why', async () => {
    const before = seeded.place.read('hindcast.yaml');
    expect(await outcomeOf('setConfig', { key: 'hc-admin', body: { text: 'routes: { smart: nobody/x }' } })).toBe('422 invalid_config');
    const checked = await seeded.call('checkConfig', { key: 'hc-admin', body: { text: 'rutes: {}' } });
    expect(await checked.json()).toMatchObject({
      ok: false,
      problems: [{ line: 1, column: 1, message: expect.stringContaining('routes') }],
    });
    expect(await outcomeOf('setThresholds', { key: 'hc-admin', body: { signal: 'nonsense', thresholds: [0.5] } })).toBe('422 not_written');
    expect(seeded.place.read('hindcast.yaml')).toBe(before);
  });
});

const page = readFileSync(resolve(import.meta.dirname, '../../docs/admin-api.md'), 'utf8');
const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, script]) => script!);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe(`docs/admin-api.md${hasCurl ? '' : ' (skipped: there is no curl)'}`, () => {
  test.skipIf(!hasCurl)('shows calls that work, one after the other', async () => {
    expect(examples.length).toBeGreaterThan(15);
    const { hash } = (await (await seeded.call('getConfig', { key: 'hc-admin' })).json()) as { hash: string };
    for (const example of examples) {
      // The one that never ends.
      const isTail = example.includes('/tail?');
      const { status, stdout } = await runShell(isTail ? example.replace('curl ', 'curl --max-time 0.3 ') : example, {
        ...{ HINDCAST_URL: seeded.url, HINDCAST_ADMIN_KEY: 'hc-admin', ID: seeded.acme, RUN: runId, HASH: hash },
      });
      expect([status, stdout], example).toEqual([isTail ? 28 : 0, expect.stringMatching(isTail ? /^: open/ : /^\{/)]);
    }
  });

  test('names every path of the table that it can, and none that is not there', () => {
    const named = [...page.matchAll(/\/admin\/api\/v1(\/[\w/$-]+)/g)].map(([, path]) =>
      path!.replace(/\$(ID|RUN)/, '{id}').replace(/\/(smart|old-key)$/, ''),
    );
    const paths = new Set(routeEntries.map(([, { path }]) => path.replace(/\/\{(?:route|id)\}$/, '')));
    expect(named.filter(path => !paths.has(path) && !paths.has(path.replace(/\/\{id\}$/, '')))).toEqual([]);
  });
});

async function runShell(script: string, env: Readonly<Record<string, string>>): Promise<{ status: number; stdout: string }> {
  const child = spawn('sh', ['-e', '-c', script], { cwd: seeded.place.folder, env: { PATH: process.env.PATH ?? '', ...env } });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [status] = (await once(child, 'close')) as [number];
  return { status, stdout };
}
