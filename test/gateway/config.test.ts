// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../gateway/config/index.ts';
import { providers } from '../../gateway/providers/index.ts';
import { folder, load, settings } from './config-files.ts';

const sim = 'providers: { sim: { api: simulated } }\n';

describe('where the config comes from', () => {
  const three = (): string =>
    folder({ 'hindcast.yaml': 'server: { port: 1 }', 'env.yaml': 'server: { port: 2 }', 'flag.yaml': 'server: { port: 3 }' });
  const portOf = (file: string | undefined, environment: Record<string, string>, directory = three()): number => {
    const loaded = loadConfig({ file, directory, environment });
    return loaded.ok ? loaded.settings.server.port : -1;
  };

  it('prefers --config to HINDCAST_CONFIG to ./hindcast.yaml', () => {
    expect(portOf('flag.yaml', { HINDCAST_CONFIG: 'env.yaml' })).toBe(3);
    expect(portOf(undefined, { HINDCAST_CONFIG: 'env.yaml' })).toBe(2);
    expect(portOf(undefined, {})).toBe(1);
    expect(portOf(undefined, { HINDCAST_CONFIG: '' })).toBe(1);
    expect(portOf(undefined, {}, folder())).toBe(4000);
  });

  it('uses the simulated provider `sim` with a route `smart` without a file and an API key', () => {
    const loaded = loadConfig({ directory: '/somewhere', environment: {} });
    if (!loaded.ok) throw new Error('refused');
    expect([...loaded.settings.providers.keys()]).toEqual(['sim']);
    expect(loaded.settings.routes.get('smart')?.steps).toEqual([
      { target: 'sim/small', accept: { signal: 'confidence', atLeast: 0.74 }, timeoutMs: 60_000, retries: 1, backoffMs: 200 },
      { target: 'sim/large', timeoutMs: 60_000, retries: 1, backoffMs: 200 },
    ]);
    expect(loaded.settings.file).toBeUndefined();
    expect(loaded.settings.store.path).toBe('/somewhere/hindcast-data');
  });

  it.each(Object.values(providers).flatMap(({ name, environment }) => environment.map(variable => [variable, name] as const)))(
    'makes a provider of %s when no file names one',
    (variable, name) => {
      for (const yaml of ['', 'providers:\n', 'providers: {}', 'server: { port: 1 }']) {
        const { providers: accounts, routes } = settings(yaml, { [variable]: 'sk-abc' });
        expect([...accounts.keys()]).toEqual([name]);
        expect(accounts.get(name)?.keys.map(key => key.reveal())).toEqual(['sk-abc']);
        // A client that asks for `smart`, or lists models, finds something.
        const hasDefault = ['openai', 'anthropic', 'gemini'].includes(name);
        expect([...routes.keys()]).toEqual(hasDefault ? ['smart'] : []);
      }
    },
  );

  it('falls back from one provider of the environment to the next in the route `smart`', () => {
    const { routes } = settings('', { GEMINI_API_KEY: 'g', OPENAI_API_KEY: 'o' });
    expect(routes.get('smart')!.steps.map(({ target }) => target)).toEqual([
      'openai/gpt-4.1-mini',
      'openai/gpt-5',
      'gemini/gemini-2.5-flash',
    ]);
  });

  it('prefers the first variable of a provider and ignores empty ones', () => {
    const keyOf = (environment: Record<string, string>) => settings('', environment).providers.get('gemini')?.keys[0]?.reveal();
    expect(keyOf({ GOOGLE_API_KEY: 'b', GEMINI_API_KEY: 'a' })).toBe('a');
    expect(keyOf({ GOOGLE_API_KEY: 'b', GEMINI_API_KEY: ' ' })).toBe('b');
  });

  it('ignores the environment when the file has a provider', () => {
    expect([...settings(sim, { OPENAI_API_KEY: 'sk-abc' }).providers.keys()]).toEqual(['sim']);
  });

  it('accepts a byte order mark, an empty file, comments only, and JSON', () => {
    for (const yaml of ['\uFEFF' + sim, '', '# nothing\n', '{\n\t"providers": {"sim": {"api": "simulated"}}\n}']) {
      expect([...settings(yaml).providers.keys()]).toEqual(['sim']);
    }
  });
});

describe('what the settings are', () => {
  it('fills in every default', () => {
    const { server, store, recorder, telemetry, keys, tenants, prices } = settings(sim);
    expect(server).toEqual({ host: '127.0.0.1', port: 4000, workers: 1, backlog: 511, bytesInFlight: 512 * 2 ** 20, decodeRatioMax: 100 });
    expect(store).toMatchObject({
      url: 'embedded',
      host: '127.0.0.1',
      port: 8123,
      username: 'default',
      database: 'default',
      password: undefined,
    });
    expect(recorder).toEqual({
      durability: 'process',
      whenFull: 'refuse',
      spoolBytesMax: 2 ** 30,
      payloads: 'full',
      redact: [],
      retention: { records: 90, payloads: 30, scores: 365, replays: 180, audit: 730 },
    });
    expect(telemetry.otlp).toBeUndefined();
    expect(keys.size).toBe(0);
    expect([...tenants]).toEqual([['default', { name: 'default', routes: undefined }]]);
    expect(prices).toEqual({});
  });

  it('applies options of a route to its steps, which may override them', () => {
    const { routes } = settings(`${sim}
routes:
  one: sim/small
  two: [sim/small, sim/large]
  three:
    steps:
      - { target: sim/small, accept: { all: [{ margin: 0.2 }, { any: [{ mean_logprob: 1 }, { schema_valid: 0 }] }] }, hedge_after: p95 }
      - { target: sim/a/b, timeout: 1.5s, retries: 0, backoff: 1ms, hedge_after: 2m }
    timeout: 30s
    retries: 3
    backoff: 1s
    deadline: 1h
    on_unsupported: reject
    strategy: order
    on_break: error
`);
    const step = { timeoutMs: 60_000, retries: 1, backoffMs: 200 };
    expect(routes.get('one')).toEqual({
      name: 'one',
      deadlineMs: 600_000,
      onUnsupported: 'warn',
      steps: [{ target: 'sim/small', ...step }],
    });
    expect(routes.get('two')?.steps.map(s => s.target)).toEqual(['sim/small', 'sim/large']);
    expect(routes.get('three')).toEqual({
      name: 'three',
      deadlineMs: 3_600_000,
      onUnsupported: 'reject',
      steps: [
        {
          target: 'sim/small',
          timeoutMs: 30_000,
          retries: 3,
          backoffMs: 1000,
          hedgeAfter: 'p95',
          accept: {
            all: [
              { signal: 'margin', atLeast: 0.2 },
              {
                any: [
                  { signal: 'mean_logprob', atLeast: 1 },
                  { signal: 'schema_valid', atLeast: 0 },
                ],
              },
            ],
          },
        },
        { target: 'sim/a/b', timeoutMs: 1500, retries: 0, backoffMs: 1, hedgeAfter: 120_000 },
      ],
    });
  });

  it('indexes callers by the lower-case hash of their key, and prices by target', () => {
    const { keys, tenants, prices } = settings(`${sim}
routes: { fast: sim/small }
tenants: { acme: { routes: [fast, sim/large] }, none: { routes: [] } }
keys:
  - { name: web, hash: "sha256:${'AB'.repeat(32)}", tenant: acme, project: p, user: u }
  - { name: ops, hash: "sha256:${'cd'.repeat(32)}", role: admin }
prices: { sim/small: { input: 1, output: 2.5, cached: 0 } }
`);
    expect(keys.get('ab'.repeat(32))).toEqual({ name: 'web', tenant: 'acme', project: 'p', user: 'u', role: 'caller' });
    expect(keys.get('cd'.repeat(32))).toEqual({ name: 'ops', tenant: 'default', project: '', user: '', role: 'admin' });
    expect(tenants.get('acme')?.routes).toEqual(['fast', 'sim/large']);
    expect(tenants.get('none')?.routes).toEqual([]);
    expect(prices).toEqual({ 'sim/small': { input: 1, output: 2.5, cached: 0 } });
  });

  it('has the base URLs and keys of providers', () => {
    const { providers: accounts } = settings(
      `
providers:
  a: { api: openai, key: "\${KEY}" }
  b: { api: anthropic, keys: ["\${KEY}", second], trace: true }
  c: { api: openai, base_url: "http://127.0.0.1:11434/v1/", allow_private: true }
`,
      { KEY: 'first' },
    );
    expect(accounts.get('a')).toMatchObject({ name: 'a', baseUrl: providers.openai!.baseUrl, allowPrivate: false, trace: false });
    expect(accounts.get('b')?.keys.map(key => key.reveal())).toEqual(['first', 'second']);
    expect(accounts.get('c')).toMatchObject({ baseUrl: 'http://127.0.0.1:11434/v1', allowPrivate: true, keys: [] });
  });

  it('is deeply frozen', () => {
    const taken = settings(`${sim}routes: { smart: { steps: [{ target: sim/a, accept: { margin: 0.5 } }, { target: sim/b }] } }`);
    for (const value of [
      taken,
      taken.server,
      taken.recorder.retention,
      taken.routes.get('smart'),
      taken.routes.get('smart')?.steps[0]?.accept,
    ]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  it('resolves relative paths from the file', () => {
    const directory = folder({ 'deploy/my.yaml': `${sim}store: { path: ../data }` });
    const loaded = loadConfig({ file: 'deploy/my.yaml', directory, environment: {} });
    expect(loaded.ok && loaded.settings.store.path).toBe(join(directory, 'data'));
    expect(loaded.ok && loaded.settings.file).toBe(join(directory, 'deploy/my.yaml'));
  });

  it('follows anchors, aliases and merges', () => {
    const { routes } = settings(`${sim}
routes:
  a: { steps: [&first { target: sim/small, retries: 5 }, { <<: *first, target: sim/large }], deadline: &long 9s }
  b: { steps: [*first], deadline: *long }
`);
    expect(routes.get('a')?.steps.map(s => [s.target, s.retries])).toEqual([
      ['sim/small', 5],
      ['sim/large', 5],
    ]);
    expect(routes.get('b')).toMatchObject({ deadlineMs: 9000, steps: [{ target: 'sim/small', retries: 5 }] });
  });
});

describe('expansion', () => {
  const keyOf = (text: string, environment: Record<string, string> = {}) =>
    settings(`providers: { o: { api: openai, key: ${JSON.stringify(text)} } }`, environment)
      .providers.get('o')
      ?.keys[0]?.reveal();

  it('replaces variables, uses defaults for unset and empty ones, and keeps escaped text', () => {
    expect(keyOf('a-${B}-${C:-d}-${E:-f}-$${G}-$5', { B: 'b', C: '', E: 'e' })).toBe('a-b-d-e-${G}-$5');
    expect(keyOf('${A:-x:-y}')).toBe('x:-y');
  });

  it('reads a file without its final newline, relative to the config', () => {
    const directory = folder({ 'hindcast.yaml': 'providers: { o: { api: openai, key: "${file:secret}" } }', secret: 'sk-1\n' });
    const loaded = loadConfig({ directory, environment: {} });
    expect(loaded.ok && loaded.settings.providers.get('o')?.keys[0]?.reveal()).toBe('sk-1');
  });

  it('never parses an expanded value as YAML or as another variable', () => {
    expect(keyOf('${A}', { A: '{x:[1]}' })).toBe('{x:[1]}');
    expect(keyOf('${A}', { A: '${B}', B: 'no' })).toBe('${B}');
    expect(keyOf('${A}', { A: 'true' })).toBe('true');
  });

  it('converts the text of a number or a boolean where one is expected', () => {
    const taken = settings(
      `
server: { port: "\${PORT}" }
providers: { o: { api: openai, base_url: "http://10.0.0.1/v1", allow_private: "\${PRIVATE}" } }
routes: { r: { steps: [{ target: o/m, accept: { confidence: "\${T}" } }, { target: o/n }] } }`,
      { PORT: '81', PRIVATE: 'true', T: '0.5' },
    );
    expect(taken.server.port).toBe(81);
    expect(taken.providers.get('o')?.allowPrivate).toBe(true);
    expect(taken.routes.get('r')?.steps[0]?.accept).toEqual({ signal: 'confidence', atLeast: 0.5 });
    expect(load(`${sim}server: { port: "81" }`).ok).toBe(false);
  });
});

describe('the hash', () => {
  const hash = (yaml: string, environment: Record<string, string> = {}): string => settings(yaml, environment).hash;

  it('is equal for equal values, whatever the text', () => {
    const a = hash('server: {port: 4000, host: localhost}\nproviders:\n  o:\n    api: openai\n    key: ${K}\n', { K: 'k1' });
    const b = hash('# why\nproviders: { o: { key: k1, api: openai } }\n\nserver:\n    host: "localhost" # here\n    port: "${P}"\n', {
      P: '4000',
    });
    expect(a).toMatch(/^[0-9a-f]{16}$/);
    expect(b).toBe(a);
  });

  it('differs when a value, the order of targets or a secret differs', () => {
    const with_ = (routes: string, key = 'k1') => hash(`providers: { o: { api: openai, key: ${key} } }\nroutes: { r: ${routes} }`);
    expect(new Set([with_('[o/a, o/b]'), with_('[o/b, o/a]'), with_('[o/a]'), with_('[o/a, o/b]', 'k2')]).size).toBe(4);
  });

  it('differs for different keys from the environment', () => {
    expect(hash('', { OPENAI_API_KEY: 'a' })).not.toBe(hash('', { OPENAI_API_KEY: 'b' }));
  });
});

describe('secrets', () => {
  it('never appear in printed settings', () => {
    const taken = settings('store: { password: sk-canary-1 }\nproviders: { o: { api: openai, keys: [sk-canary-2, "${K}"] } }', {
      K: 'sk-canary-3',
    });
    expect(
      `${inspect(taken, { depth: 9, showHidden: true })}${JSON.stringify(taken)}${JSON.stringify([...taken.providers.values()])}`,
    ).not.toContain('canary');
  });
});
