/** The gateway's interface: the options it is created with, and the handle to run it. */

import type { AdminOptions, LiveView } from './admin/gateway-admin.ts';
import type { BudgetLedger } from './budgets/ledger.ts';
import type { ExchangeSink } from './core/exchange.ts';
import type { Clock } from './core/shared/time.ts';
import type { FeatureFlags } from './flags/flags.ts';
import type { EdgeLimits } from './http/edge.ts';
import type { KeyStore } from './keys/key-store.ts';
import type { Audit } from './observability/audit.ts';
import type { RecorderStats } from './observability/metrics.ts';
import type { Log } from './settings/log.ts';
import type { Settings } from './settings/settings.ts';
import type { BreachStore } from './targets/breach-store.ts';
import type { RolloutStore } from './targets/rollout-store.ts';
import type { Upstream } from './transport/upstream.ts';

export interface GatewayOptions extends AdminOptions {
  /** The ledger of budgets and rate limits; in memory when absent. The gateway closes it. */
  readonly callerLedger?: BudgetLedger;
  /** Keys that are made while it runs; only those of the configuration when absent. The gateway closes it. */
  readonly keyStore?: KeyStore;
  /** The store of rollouts; when absent, each process starts them from the first stage. The gateway closes it. */
  readonly rolloutStore?: RolloutStore;
  /** Breaches of certificates; none are known when absent. The gateway closes it. */
  readonly breachStore?: BreachStore;
  /** Evaluates the flags of routes; shares decide when absent. The gateway closes it. */
  readonly flags?: FeatureFlags | undefined;
  readonly settings: Settings;
  readonly sink: ExchangeSink;
  readonly log: Log;
  readonly clock?: Clock;
  readonly upstream?: Upstream;
  readonly limits?: Partial<EdgeLimits>;
  /** The OTEL_* variables; none when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A further reason why it is not ready, as a store that is starting. */
  readonly problem?: () => string | undefined;
  /** The audit log of changes by admin keys and by the gateway; none when absent. */
  readonly audit?: Audit;
  /** The recorder's backlog and counters. */
  readonly recorderStats?: () => RecorderStats | undefined;
  /** The metrics of all workers, as OpenMetrics; absent in a single process. */
  readonly gatherMetrics?: () => Promise<string>;
  /** Whether /metrics includes the process: memory, CPU, event loop. */
  readonly processMetrics?: boolean;
}

export interface Gateway {
  /** Listens on the settings' host and port, and resolves to the URL. Rejects with the system's error. */
  listen(): Promise<string>;
  readonly url: string;
  /** The reasons why it is not ready; [] when it is. */
  problems(): readonly string[];
  /** Applies settings to requests that arrive from now on. The state of targets stays; host and port need a restart. */
  configure(settings: Settings): void;
  /** Counts a changed configuration that is invalid; the last valid one stays in force. */
  configurationRefused(): void;
  /** What it answers now and has answered just now, for the other workers. */
  readonly live: LiveView;
  /** Its own metrics, as OpenMetrics. */
  metrics(): Promise<string>;
  /** Stops gracefully: requests in flight may finish within `graceMs`. The sink's owner closes the sink. */
  close(graceMs?: number): Promise<void>;
  /** Cuts the connections that a running `close` waits for. */
  closeNow(): void;
}
