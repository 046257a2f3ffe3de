/** The order of the folders, from bottom to top. A folder imports only from itself and from folders above it in this list. */
export const layers: readonly string[] = [
  'statistics',

  'gateway/core/shared',
  'gateway/core/chat',
  'gateway/core/money',
  'gateway/core/signals',
  'gateway/core/cache',
  'gateway/core/targets',
  'gateway/core/routing',
  'gateway/core',
  'gateway/dialects',
  'gateway/providers',
  'gateway/settings',
  'gateway/keys',
  'gateway/transport',
  'gateway/tokens',
  'gateway/prices',
  'gateway/flags',
  'gateway/targets',
  'gateway/observability',
  'gateway/exchange',
  'gateway/budgets',
  'gateway/idempotency',
  'gateway/http',
  'gateway/callers',
  'gateway/passthrough',
  'gateway/config',
  'gateway/admin',
  'gateway/cli',
  'gateway/workers',
  'gateway',

  'recorder/files',
  'recorder/redact',
  'recorder/store',
  'recorder/tombstones',
  'recorder/rows',
  'recorder/spool',
  'recorder/records',
  'recorder/export',
  'recorder/audit',
  'recorder/ship',
  'recorder/engine/session',
  'recorder/engine/sql',
  'recorder/engine/readers',
  'recorder/engine/http',
  'recorder/engine',
  'recorder/rollups',
  'recorder/process',
  'recorder/doctor',
  'recorder/erase',
  'recorder/commands',
  'recorder/prices',
  'recorder',

  'replay/recorded',
  'replay/arms',
  'replay/run',
  'replay/comparison',
  'replay/simulation',
  'replay/judge',
  'replay/report',
  'replay/commands',
  'replay',

  'eval/scores',
  'eval/outcomes',
  'eval/policies',
  'eval/identification',
  'eval/sweep',
  'eval/calibration',
  'eval/certify',
  'eval/gate',
  'eval/simulation',
  'eval/cache',
  'eval/report',
  'eval/commands/shared',
  'eval/commands/outcomes',
  'eval/commands/thresholds',
  'eval/commands/comparison',
  'eval/commands/labels',
  'eval/commands/cache',
  'eval/commands',
  'eval',

  'dashboards/console/text/turns',
  'dashboards/console/text',
  'dashboards/console/api',
  'dashboards/console/parts',
  'dashboards/console/shell',
  'dashboards/console/traffic',
  'dashboards/console/exchange',
  'dashboards/console/replay',
  'dashboards/console/thresholds',
  'dashboards/console/overview',
  'dashboards/console/targets',
  'dashboards/console/access',
  'dashboards/console/playground',
  'dashboards/console/config',
  'dashboards/console',
  'dashboards',
];

/** Each may import itself and the folders named with it, whatever stands below it. */
export const pureRooms: Readonly<Record<string, readonly string[]>> = {
  statistics: [],
  'gateway/core': ['statistics'],
  'gateway/providers': ['gateway/core', 'statistics'],
  'gateway/dialects': ['gateway/core', 'statistics'],
};

/** At most so many sources lie in one folder; more are cut into rooms. */
export const folderFilesMax = 15;
/** At most so many lie loose at the top of `gateway/`. */
export const gatewayTopFilesMax = 8;

/** The longest entry that the path lies in; undefined for sources outside the order: the command line, scripts and tests. */
export function layerOf(path: string): string | undefined {
  for (let folder = path; folder.includes('/'); ) {
    folder = folder.slice(0, folder.lastIndexOf('/'));
    if (layers.includes(folder)) return folder;
  }
  return undefined;
}
