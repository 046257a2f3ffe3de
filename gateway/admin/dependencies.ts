/** What the server lends to the admin API. */

import type { ExchangeSink } from '../core/exchange.ts';
import type { BudgetScope, Spending } from '../core/money/budget.ts';
import type { Clock } from '../core/shared/time.ts';
import type { GatewayRuntime } from '../exchange/contract.ts';
import type { FeatureFlags } from '../flags/flags.ts';
import type { BodyLimits } from '../http/body.ts';
import type { KeyRegistry } from '../keys/key-registry.ts';
import type { Audit } from '../observability/audit.ts';
import type { Secret } from '../settings/secret.ts';
import type { Settings } from '../settings/settings.ts';
import type { Probes } from '../targets/probes.ts';
import type { TargetRegistry } from '../targets/registry.ts';
import type { InFlight } from './api/exchanges.ts';
import type { Commands } from './commands.ts';
import type { Tails } from './live/tails.ts';
import type { SiblingWorkers } from './live/workers.ts';
import type { Records } from './records.ts';

/** One version of the configuration. */
export interface AdminVersion {
  readonly settings: Settings;
  readonly runtime: GatewayRuntime;
  readonly flags?: FeatureFlags | undefined;
}

export interface AdminDependencies {
  version(): AdminVersion;
  readonly clock: Clock;
  readonly limits: BodyLimits;
  readonly registry: TargetRegistry;
  readonly probes: Probes['seen'];
  readonly sink: ExchangeSink;
  spendingOf(scope: BudgetScope): Promise<Spending>;
  /** Keys that are kept in the state store. */
  readonly keys: KeyRegistry;
  /** Requests that this process is answering. */
  inFlight(): readonly InFlight[];
  readonly tails: Tails;
  /** The other workers of this gateway; absent when there is one. */
  readonly siblings: SiblingWorkers | undefined;
  /** Reads records; no records can be read when absent. */
  readonly records: Records | undefined;
  /** Who runs commands; nobody when absent. */
  readonly commands: Commands | undefined;
  /** Lets commands of the same machine in. */
  readonly adminKey: Secret | undefined;
  /** Ships what was recorded so far; false when it takes longer than 5 s. */
  readonly flush: (() => Promise<boolean>) | undefined;
  readonly audit: Audit;
  /** Of `${NAME}` in a configuration. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Counted in the metrics. */
  refused(code: string): void;
  /** Gives the id under which the log has it. */
  crashed(problem: unknown): string;
}
