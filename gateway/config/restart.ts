/** Settings that take effect only at a restart: listening addresses, and what is opened at the start. */
import type { Secret } from '../settings/secret.ts';
import type { Settings } from '../settings/settings.ts';

type SettingSelector = (settings: Settings) => unknown;
const fingerprint = (secret: Secret | undefined): string | undefined => secret?.fingerprint;

const restartOnlySettings: Readonly<Record<string, SettingSelector>> = {
  'server.host': s => s.server.host,
  'server.port': s => s.server.port,
  'server.workers': s => s.server.workers,
  'server.backlog': s => s.server.backlog,
  'server.tls': s => JSON.stringify(s.server.tls),
  'state.url': s => (s.state.url === 'sqlite' ? s.state.url : fingerprint(s.state.url)),
  'store.url': s => s.store.url,
  'store.path': s => s.store.path,
  'store.host': s => s.store.host,
  'store.port': s => s.store.port,
  'store.username': s => s.store.username,
  'store.password': s => fingerprint(s.store.password),
  'store.database': s => s.store.database,
  'store.cluster': s => s.store.cluster,
  'store.search': s => s.store.search,
  'recorder.durability': s => s.recorder.durability,
  'recorder.when_full': s => s.recorder.whenFull,
  'recorder.spool_max': s => s.recorder.spoolBytesMax,
  'recorder.payloads': s => s.recorder.payloads,
  'recorder.redact': s => JSON.stringify(s.recorder.redact),
  'recorder.retention.records': s => s.recorder.retention.records,
  'recorder.retention.payloads': s => s.recorder.retention.payloads,
  'recorder.retention.scores': s => s.recorder.retention.scores,
  'recorder.retention.replays': s => s.recorder.retention.replays,
  'recorder.retention.audit': s => s.recorder.retention.audit,
  flags: s => JSON.stringify(s.flags),
  'tenants.*.retention': s => JSON.stringify([...s.tenants.values()].map(({ name, retention }) => [name, retention])),
};

/** The paths of changed settings that need a restart, compared with the settings at the start. */
export function restartNeeded(started: Settings, next: Settings): readonly string[] {
  return Object.entries(restartOnlySettings)
    .filter(([, read]) => read(started) !== read(next))
    .map(([path]) => path);
}
