/** What a gateway is to those who put it together and run it. */

import type { BudgetLedger } from './budgets/ledger.ts';
import type { ExchangeSink } from './core/exchange.ts';
import type { Clock } from './core/shared/time.ts';
import type { FeatureFlags } from './flags/flags.ts';
import type { EdgeLimits } from './http/edge.ts';
import type { Audit } from './observability/audit.ts';
import type { RecorderStats } from './observability/metrics.ts';
import type { Log } from './settings/log.ts';
import type { Settings } from './settings/settings.ts';
import type { RolloutStore } from './targets/rollout-store.ts';
import type { Upstream } from './transport/upstream.ts';

export interface GatewayOptions {
  /** Where callers' budgets and limits are counted; in memory when absent. The gateway closes it. */
  readonly callerLedger?: BudgetLedger;
  /** Where rollouts are kept; each process begins them anew when absent. The gateway closes it. */
  readonly rolloutStore?: RolloutStore;
  /** Who answers the flags of routes; shares decide when absent. The gateway closes it. */
  readonly flags?: FeatureFlags | undefined;
  readonly settings: Settings;
  readonly sink: ExchangeSink;
  readonly log: Log;
  readonly clock?: Clock;
  readonly upstream?: Upstream;
  readonly limits?: Partial<EdgeLimits>;
  /** Of the OTEL_* variables; none when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What else keeps it from being ready: the store is not up. */
  readonly problem?: () => string | undefined;
  /** Keeps what callers with an admin key and the gateway itself did to it; nobody when absent. */
  readonly audit?: Audit;
  /** How far behind the recorder is. */
  readonly recorderStats?: () => RecorderStats | undefined;
  /** The metrics of all workers, as OpenMetrics; this is the only one when absent. */
  readonly gatherMetrics?: () => Promise<string>;
  /** Whether /metrics also tells of the process: memory, CPU, event loop. */
  readonly processMetrics?: boolean;
}

export interface Gateway {
  /** Listens where the settings say and gives its URL. Rejects with the system's error when it cannot. */
  listen(): Promise<string>;
  readonly url: string;
  /** Why it is not ready; [] when it is. */
  problems(): readonly string[];
  /** Requests that arrive from now on see these settings; what is known of the fleet stays. Host and port need a new start. */
  configure(settings: Settings): void;
  /** A changed configuration was refused: the last good one stays in force. */
  configurationRefused(): void;
  /** Its own metrics, as OpenMetrics. */
  metrics(): Promise<string>;
  /** Ends in an orderly way. The sink stays open: its owner closes it. */
  close(graceMs?: number): Promise<void>;
  /** Cuts what a `close` under way still waits for. */
  closeNow(): void;
}
