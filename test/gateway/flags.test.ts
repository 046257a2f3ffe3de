/** Variants chosen by a team's own feature flags: real OpenFeature providers behind a real gateway. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InMemoryProvider } from '@openfeature/server-sdk';
import { afterAll, expect, test } from 'vitest';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { type FeatureFlags, openFeatureFlags } from '../../gateway/flags/flags.ts';
import { hi, post, type RunningGateway, settingsOf, startGateway } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-flags-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const yaml = `providers: { s: { api: simulated } }
flags: { provider: ./flags.js }
tenants: { acme: {} }
routes:
  next: s/large
  other: s/medium
  r: { steps: [{ target: s/small }], flag: which-chat, variants: [{ route: next, share: 0 }, { route: other, tenants: [acme], share: 0 }] }
`;

let count = 0;
/** A provider module, as a team would write it. */
const module = (source: string): string => {
  const path = join(folder, `${count++}.mjs`);
  writeFileSync(path, source);
  return path;
};
/** A module that returns `evaluate`, which may use the context. */
const saying = (evaluate: string): string =>
  module(`export default options => ({
  metadata: { name: 'own' }, runsOn: 'server', hooks: [],
  resolveStringEvaluation: async (flag, otherwise, context) => ${evaluate},
})`);
const open = (provider: string, options: object | null = null, timeoutMs = 2_000): Promise<FeatureFlags> =>
  openFeatureFlags({ provider, directory: folder, options: options as never, timeoutMs }, { warn: () => {} });
const gatewayWith = (flags: FeatureFlags): Promise<RunningGateway> => startGateway(yaml, { flags });
const exchangeOf = async (gateway: RunningGateway, headers: Readonly<Record<string, string>> = {}): Promise<Exchange> => {
  expect((await post(gateway.url, { ...hi, model: 'r' }, headers)).status).toBe(200);
  return gateway.sink.exchanges.at(-1)!;
};
const targetOf = ({ attempts }: Exchange): string | undefined => attempts.at(-1)?.target;

test('a flag chooses the variant of a request, and the record says so', async () => {
  await using gateway = await gatewayWith(await open(saying(`({ value: 'next', reason: 'SPLIT' })`)));
  const exchange = await exchangeOf(gateway);
  expect(targetOf(exchange)).toBe('s/large');
  expect(exchange.policy.name).toBe('r');
  expect(exchange.policy.variant).toEqual({ name: 'next', why: 'flag which-chat (SPLIT)' });
});

test("the SDK's own providers work as well, with the options of the configuration", async () => {
  const path = module(`import { InMemoryProvider } from ${JSON.stringify(import.meta.resolve('@openfeature/server-sdk'))};
export default options => new InMemoryProvider(options);`);
  const flag = { variants: { on: 'next', off: 'r' }, defaultVariant: 'on', disabled: false };
  expect(new InMemoryProvider({ 'which-chat': flag }).metadata.name).toBe('in-memory');
  await using gateway = await gatewayWith(await open(path, { 'which-chat': flag }));
  expect((await exchangeOf(gateway)).policy.variant).toEqual({ name: 'next', why: 'flag which-chat (STATIC)' });
});

test('the provider gets the caller, and the same targeting key for a whole conversation', async () => {
  const path = saying(`(globalThis.seen = context, { value: context.tags.beta === 'yes' ? 'next' : 'r' })`);
  await using gateway = await gatewayWith(await open(path));
  const headers = { 'x-hindcast-conversation': 'c-7', 'x-hindcast-tag-beta': 'yes' };
  expect(targetOf(await exchangeOf(gateway, headers))).toBe('s/large');
  expect((globalThis as { seen?: unknown }).seen).toEqual({
    ...{ targetingKey: 'c-7', tenant: 'default', project: '', user: '', key: '', conversation: 'c-7' },
    ...{ route: 'r', model: 'r', tags: { beta: 'yes' } },
  });
  const other = await exchangeOf(gateway);
  expect(targetOf(other), 'its own name is the route itself').toBe('s/small');
  expect(other.policy.variant).toBeUndefined();
});

test.each([
  ['unknown', `({ value: 'gone' })`],
  ['failed', `{ throw new Error('down') }`],
  ['failed', `({ value: 'next', errorCode: 'PARSE_ERROR' })`],
  ['failed', `({ value: 5 })`],
  ['late', `new Promise(() => {})`],
])('shares decide where a flag is %s, and it is counted', async (outcome, evaluate) => {
  const flags = await open(saying(evaluate.startsWith('{') ? `(() => ${evaluate})()` : evaluate), null, outcome === 'late' ? 30 : 2_000);
  await using gateway = await gatewayWith(flags);
  expect(targetOf(await exchangeOf(gateway))).toBe('s/small');
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const counted = metrics.split('\n').filter(line => line.startsWith('hindcast_flags_total{') && !line.endsWith(' 0'));
  expect(counted, metrics.slice(0, 200)).toHaveLength(1);
  expect(counted[0]).toContain(`flag="which-chat",outcome="${evaluate.includes('5 }') ? 'unknown' : outcome}"`);
});

test('GET /admin/explain evaluates the flag as a request does', async () => {
  await using gateway = await gatewayWith(
    await open(saying(`({ value: context.tenant === 'acme' ? 'other' : 'next', reason: 'TARGETING_MATCH' })`)),
  );
  const explained = async (query: string) => (await fetch(`${gateway.url}/admin/explain?model=r${query}`)).json();
  const why = 'flag which-chat (TARGETING_MATCH)';
  expect(await explained('')).toMatchObject({ flag: 'which-chat', variant: { name: 'next', why }, candidates: [{ target: 's/large' }] });
  expect(await explained('&tenant=acme')).toMatchObject({ variant: { name: 'other', why }, candidates: [{ target: 's/medium' }] });
});

test('a flag cannot choose a variant that excludes the request', async () => {
  await using gateway = await gatewayWith(await open(saying(`({ value: 'other' })`)));
  expect(targetOf(await exchangeOf(gateway))).toBe('s/small');
});

test.each([
  ['a module that is not there', 'gone.mjs', /flags\.provider cannot be loaded: .*gone\.mjs/s],
  ['a package that is not installed', '@nobody/flags', /flags\.provider cannot be loaded: Cannot find module '@nobody\/flags'/],
  ['a module that exports something else', module('export default 5'), /the default export of .* must be an OpenFeature server provider/],
])('%s is reported with its key', async (_, provider, message) => {
  await expect(open(provider.startsWith('gone') ? join(folder, provider) : provider)).rejects.toThrow(message);
});

test('a provider that is not ready does not delay the start', async () => {
  const warnings: string[] = [];
  const path = module(`export default { metadata: { name: 'own' }, runsOn: 'server', hooks: [],
  initialize: async () => { throw new Error('no flagd at 8013') }, resolveStringEvaluation: async () => ({ value: 'next' }) }`);
  const flags = await openFeatureFlags(
    { provider: path, directory: folder, options: null, timeoutMs: 1_000 },
    { warn: message => warnings.push(message) },
  );
  expect(warnings).toEqual([expect.stringContaining('no flagd at 8013')]);
  await flags.close();
});

test('a flag needs a provider and variants', () => {
  expect(() => settingsOf('providers: { s: { api: simulated } }\nroutes: { r: { steps: [{ target: s/small }], flag: f } }')).toThrow(
    /routes\.r\.flag.*there is no flag provider: write flags: \{ provider: .\/flags\.js \}[\s\S]*there is nothing to choose: add variants/,
  );
  const { flags, routes } = settingsOf(yaml);
  expect(flags).toMatchObject({ provider: expect.stringMatching(/^\/.*\/flags\.js$/), options: null, timeoutMs: 50 });
  expect(routes.get('r')!.flag).toBe('which-chat');
});
