/** Settings of which the recorder's tests need only a corner. */
import type { Settings } from '../../gateway/settings/settings.ts';

export const settingsIn = (path: string, store: Partial<Settings['store']> = {}): Settings => ({
  hash: '0123456789abcdef',
  file: undefined,
  server: { host: '127.0.0.1', port: 0, workers: 1 },
  store: {
    url: 'embedded',
    path,
    host: '127.0.0.1',
    port: 0,
    username: 'default',
    database: 'default',
    password: undefined,
    cluster: undefined,
    search: false,
    ...store,
  },
  recorder: {
    durability: 'process',
    whenFull: 'refuse',
    spoolBytesMax: 1024 * 1024 * 1024,
    payloads: 'full',
    redact: [],
    retention: { records: 90, payloads: 30, scores: 365, replays: 180, audit: 730 },
  },
  state: { url: 'sqlite' },
  telemetry: { otlp: undefined },
  providers: new Map(),
  routes: new Map(),
  tenants: new Map(),
  keys: new Map(),
  prices: {},
});
