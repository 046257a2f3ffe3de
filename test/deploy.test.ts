/** The files of deploy/ are valid, agree with each other and with the product, and their start script runs. */
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../gateway/config/index.ts';
import { createMetrics } from '../gateway/observability/metrics.ts';
import { manifests, render } from '../scripts/render-chart.ts';

const folder = join(import.meta.dirname, '../deploy');
const chart = join(folder, 'helm/hindcast');
// Templates are YAML only after Helm has filled them in.
const files = globSync('**/*.yaml', { cwd: folder }).filter(file => !file.includes('templates/'));
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
const installed = (command: string): boolean => {
  try {
    execFileSync(command, ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  readonly data?: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: each kind has another shape, and the tests below name the paths they read.
  readonly spec?: any;
}
const documentsOf = (file: string): readonly Manifest[] => parseAllDocuments(read(file)).map(document => document.toJS() as Manifest);
const rendered = Object.keys(manifests).map(name => ({ name, objects: documentsOf(`manifests/${name}`) }));
const ofKind = (objects: readonly Manifest[], kind: string): Manifest => objects.find(object => object.kind === kind)!;

test.each(files)('%s is YAML', file => {
  const documents = parseAllDocuments(read(file), { merge: true });
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  expect(documents.length).toBeGreaterThan(0);
});

const environment = { OPENAI_API_KEY: 'sk', STORE_PASSWORD: 'p', METRICS_KEY: 'm', CALLER_KEY_HASH: `sha256:${'0'.repeat(64)}` };

test.each(rendered)('the configuration in $name is valid', ({ objects }) => {
  const place = mkdtempSync(join(tmpdir(), 'hindcast-deploy-'));
  try {
    writeFileSync(join(place, 'hindcast.yaml'), objects.find(({ data }) => data?.['hindcast.yaml'] !== undefined)!.data!['hindcast.yaml']!);
    const loaded = loadConfig({ directory: place, environment });
    expect(loaded.ok ? [] : loaded.problems.map(({ message, path }) => `${path}: ${message}`)).toEqual([]);
  } finally {
    rmSync(place, { recursive: true });
  }
});

test('the chart describes every value, and its own values are valid', () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as object);
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  expect(validate(values), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ ...values, imgae: {} })).toBe(false);
  expect(validate({ ...values, image: { repository: 'hindcast', digest: 'sha256:12' } })).toBe(false);
  expect(validate({ ...values, terminationGracePeriodSeconds: 30 })).toBe(false);
});

test('templates read only values that values.yaml has', () => {
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  const has = (path: string): boolean => {
    let at: unknown = values;
    for (const step of path.split('.')) {
      if (typeof at !== 'object' || at === null || !(step in at)) return false;
      at = (at as Record<string, unknown>)[step];
    }
    return true;
  };
  const templates = globSync('templates/*', { cwd: chart }).map(file => readFileSync(join(chart, file), 'utf8'));
  const used = new Set(templates.flatMap(text => [...text.matchAll(/\.Values\.([A-Za-z.0-9]+)/g)].map(([, path]) => path!)));
  expect(used.size).toBeGreaterThan(30);
  expect([...used].filter(path => !has(path))).toEqual([]);
});

test.each(rendered)('the gateway of $name runs without privileges and is probed', ({ objects }) => {
  const { spec } = ofKind(objects, 'StatefulSet') ?? ofKind(objects, 'Deployment');
  const pod = spec.template.spec;
  const [gateway] = [...(pod.initContainers ?? []), ...pod.containers];
  expect(gateway.securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: 1000,
    runAsGroup: 1000,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(gateway.startupProbe).toBeDefined();
  expect(gateway.resources.limits.memory).toBeDefined();
  // Longer than the 30 s that serve gives requests in flight.
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(30);
  const volumes = [...(pod.volumes ?? []), ...(spec.volumeClaimTemplates ?? []).map(({ metadata }: Manifest) => metadata)];
  const mounted = gateway.volumeMounts.map(({ name }: { readonly name: string }) => name);
  expect(volumes.map(({ name }: { readonly name: string }) => name).sort()).toEqual(mounted.sort());
  expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
});

test.each(rendered.filter(({ name }) => name.startsWith('gateway')))('the objects of $name refer to each other', ({ name, objects }) => {
  const set = ofKind(objects, 'StatefulSet');
  const services = objects.filter(({ kind }) => kind === 'Service');
  expect(services.find(service => service.metadata.name === set.spec.serviceName)?.spec.clusterIP).toBe('None');
  for (const service of services) expect(set.spec.template.metadata.labels).toMatchObject(service.spec.selector);
  for (const kind of ['PodDisruptionBudget']) expect(ofKind(objects, kind).spec.selector).toEqual(set.spec.selector);
  expect(ofKind(objects, 'NetworkPolicy').spec.podSelector).toEqual(set.spec.selector);
  const scaler = ofKind(objects, name.includes('keda') ? 'ScaledObject' : 'HorizontalPodAutoscaler');
  expect(scaler.spec.scaleTargetRef).toMatchObject({ kind: 'StatefulSet', name: set.metadata.name });
  // The autoscaler alone decides on the number.
  expect(set.spec.replicas).toBeUndefined();
});

test('autoscalers and alerts use metrics that the gateway exposes', async () => {
  const metrics = createMetrics({
    sink: { dropped: 0, refusal: () => undefined },
    telemetry: () => ({ counts: { exported: 0, dropped: 0 } }),
    inflight: () => 0,
    recorder: () => undefined,
    configHash: '',
    process: false,
  });
  const { text } = await metrics.scrape(undefined);
  const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
  const named = files.flatMap(file =>
    [...read(file).matchAll(/\b(?:hindcast|gen_ai)_\w+_seconds(?=_(?:sum|count|bucket)\b)/g)].map(([name]) => name),
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(name => !known.has(name))).toEqual([]);
});

test('the committed manifests are what the chart renders', context => {
  const helm = process.env.HELM ?? 'helm';
  if (!installed(helm)) context.skip('helm is not installed');
  for (const [name, options] of Object.entries(manifests)) expect(read(`manifests/${name}`)).toBe(render(options, helm));
});

test('the image copies only what is listed, runs as a user by number and pins its base', () => {
  const ignored = readFileSync(join(folder, '../.dockerignore'), 'utf8').split('\n');
  expect(ignored.filter(line => line !== '' && !line.startsWith('#'))[0]).toBe('*');
  const dockerfile = read('Dockerfile');
  expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-slim$/m);
  expect(dockerfile).toMatch(/^USER 1000:1000$/m);
  expect(dockerfile).toContain('npm ci --omit=dev');
  const { devDependencies } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8')) as {
    readonly devDependencies: { readonly node: string };
  };
  expect(dockerfile).toContain(`node:${devDependencies.node}-slim`);
});

test('the image starts without a mounted configuration, with a key of its own', async () => {
  const data = mkdtempSync(join(tmpdir(), 'hindcast-image-'));
  const start = (...args: readonly string[]) =>
    promisify(execFile)(join(folder, 'container/start.sh'), args, {
      env: { ...process.env, HINDCAST_APP: join(folder, '..'), HINDCAST_DATA: data, HINDCAST_CONFIG: join(data, 'absent.yaml') },
    });
  try {
    const shared = mkdtempSync(join(data, 'shared-'));
    await start('share-secrets', shared);
    const key = readFileSync(join(data, 'secrets/caller.key'), 'utf8');
    expect(key).toMatch(/^hc_[\w-]{43}\n$/);
    expect(statSync(join(data, 'secrets/caller.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(shared, 'metrics.key')).mode & 0o777).toBe(0o444);
    const loaded = loadConfig({ file: join(data, 'hindcast.yaml'), directory: data, environment: {} });
    expect(loaded.ok && loaded.settings).toMatchObject({ server: { host: '0.0.0.0' }, telemetry: { metricsKey: expect.anything() } });
    // A second start keeps the keys.
    await start('share-secrets', shared);
    expect(readFileSync(join(data, 'secrets/caller.key'), 'utf8')).toBe(key);
  } finally {
    rmSync(data, { recursive: true });
  }
});

test('every file that compose mounts is there', () => {
  const { services } = parse(read('compose.yaml'), { merge: true }) as { services: Record<string, { volumes?: readonly string[] }> };
  const mounts = Object.values(services).flatMap(({ volumes }) => volumes ?? []);
  const paths = mounts.filter(mount => mount.startsWith('.')).map(mount => join(folder, mount.split(':')[0]!));
  expect(paths.length).toBeGreaterThan(4);
  for (const path of paths) expect(statSync(path, { throwIfNoEntry: false }), path).toBeDefined();
});
