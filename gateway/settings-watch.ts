/** Watches the configuration file of a running gateway and applies its changes. */
import { watchCertificates } from './cli/certificate-watch.ts';
import { type ServeOptions, withOptions } from './cli/serve-options.ts';
import { certificateWarnings } from './config/checks/certificates.ts';
import { printProblems, watchConfig } from './config/index.ts';
import type { Gateway } from './gateway.ts';
import { type Audit, configChange } from './observability/audit.ts';
import type { Log } from './settings/log.ts';
import type { Settings } from './settings/settings.ts';

/** What only one of several workers does: it writes each applied config to the audit, and has certificates watched. */
export interface FirstWorker {
  readonly audit: Audit;
  storeProblem(): string | undefined;
}

/** Applies changed settings. */
export function watchSettings(loaded: Settings, gateway: Gateway, options: ServeOptions, log: Log, first?: FirstWorker) {
  const certificates = first && watchCertificates(first.storeProblem, log);
  let before: Settings | undefined;
  const applied = (action: string, now: Settings): void => {
    certificates?.configure(now);
    first?.audit({ actor: 'gateway', action, tenant: '', subject: now.hash, detail: configChange(before, now) });
    before = now;
    for (const warning of certificateWarnings(now, Date.now())) log.warn(warning);
  };
  applied('started', loaded);
  const watcher = watchConfig(loaded, {
    changed: (next, needRestart) => {
      applySettings(gateway, withOptions(next, options), needRestart, log);
      applied('config-taken', next);
    },
    refused: problems => {
      gateway.configurationRefused();
      log.error(`the changed configuration is invalid, the last valid one stays in force:\n${printProblems(problems)}`);
    },
  });
  return {
    close: async () => {
      watcher.close();
      await certificates?.close();
    },
  };
}

function applySettings(gateway: Gateway, next: Settings, needRestart: readonly string[], log: Log): void {
  gateway.configure(next);
  log.info('the changed configuration is in force', { hash: next.hash });
  if (needRestart.length > 0) log.warn(`a restart is needed for: ${needRestart.join(', ')}`);
}
