/** The files of deploy/ parse, their configurations are valid, and their metrics exist. */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../gateway/config/index.ts';
import { createMetrics } from '../gateway/observability/metrics.ts';

const folder = join(import.meta.dirname, '../deploy');
const files = globSync('**/*.yaml', { cwd: folder });
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');

test.each(files)('%s is YAML', file => {
  const documents = parseAllDocuments(read(file));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  expect(documents.length).toBeGreaterThan(0);
});

const hash = `sha256:${'0'.repeat(64)}`;
const environment = {
  OPENAI_API_KEY: 'sk',
  HINDCAST_STORE_PASSWORD: 'p',
  HINDCAST_METRICS_KEY: 'scraper',
  STORE_PASSWORD: 'p',
  CALLER_KEY_HASH: hash,
};
const embedded = files
  .filter(file => file.startsWith('kubernetes'))
  .flatMap(file => parseAllDocuments(read(file)).map(document => document.toJS() as { data?: Record<string, string> }))
  .flatMap(({ data }) => (data?.['hindcast.yaml'] === undefined ? [] : [data['hindcast.yaml']]));

test.each([read('hindcast.yaml'), ...embedded])('configuration %# is valid', text => {
  const place = mkdtempSync(join(tmpdir(), 'hindcast-deploy-'));
  try {
    writeFileSync(join(place, 'hindcast.yaml'), text);
    const loaded = loadConfig({ directory: place, environment });
    expect(loaded.ok ? [] : loaded.problems.map(({ message, path }) => `${path}: ${message}`)).toEqual([]);
  } finally {
    rmSync(place, { recursive: true });
  }
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
  const named = files.flatMap(file => [...read(file).matchAll(/\bhindcast_\w+_seconds(?=_(?:sum|count|bucket)\b)/g)].map(([name]) => name));
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(name => !known.has(name))).toEqual([]);
});
