/** The admin side of a gateway: its API, the page that documents it, the live view, and the paths that were there before. */
import type { Exchange } from '../core/exchange.ts';
import type { RoutedRequest } from '../exchange/contract.ts';
import type { RouteEntry } from '../http/route-table.ts';
import { AdminAccessAudit } from '../observability/audit.ts';
import type { Secret } from '../settings/secret.ts';
import type { InFlight, TailEvent } from './api/exchanges.ts';
import type { Commands } from './commands.ts';
import { ConsolePages } from './console/routes.ts';
import type { AdminDependencies } from './dependencies.ts';
import { docsRoutes } from './docs/routes.ts';
import { type FleetDependencies, fleetRoutes } from './fleet-routes.ts';
import { AdminApi } from './http/api.ts';
import { inFlightRow } from './live/in-flight.ts';
import { Tails } from './live/tails.ts';
import type { SiblingWorkers, WatchedTail } from './live/workers.ts';
import type { Records } from './records.ts';

/** Options of a gateway's admin API. */
export interface AdminOptions {
  /** Reads records; without it the API answers 503 `store_unavailable`. The gateway closes it. */
  readonly records?: Records;
  /** Runs commands of this program; the API runs none when absent. The gateway closes it. */
  readonly commands?: Commands;
  /** The other workers of this gateway; absent when there is one. */
  readonly siblings?: SiblingWorkers;
  /** Lets commands of the same machine in. */
  readonly adminKey?: Secret;
  /** Ships what was recorded so far; false when it takes longer than 5 s. Nothing is shipped on request when absent. */
  readonly flush?: () => Promise<boolean>;
}

/** What a worker lends to the other ones. */
export interface LiveView {
  /** What it is answering now. */
  inFlight(): readonly InFlight[];
  /** Opens a tail of another worker over its own exchanges; gives what ends it. */
  watch(tail: WatchedTail, deliver: (event: TailEvent) => void): () => void;
}

type Lent = Omit<AdminDependencies, 'inFlight' | 'tails' | keyof AdminOptions> &
  Pick<FleetDependencies, 'contextOf'> & { requests(): readonly RoutedRequest[] };

export class GatewayAdmin implements LiveView {
  readonly routes: readonly RouteEntry[];
  readonly #options: AdminOptions;
  readonly #lent: Lent;
  readonly #tails: Tails;
  readonly #api: AdminApi;
  readonly #console = new ConsolePages();

  constructor(options: AdminOptions, lent: Lent) {
    const { records, commands, siblings, adminKey, flush } = options;
    this.#options = options;
    this.#lent = lent;
    this.#tails = new Tails(lent.clock);
    this.#api = new AdminApi({
      ...lent,
      records,
      commands,
      siblings,
      adminKey,
      flush,
      tails: this.#tails,
      inFlight: () => this.inFlight(),
    });
    const { contextOf, registry, probes, clock, audit } = lent;
    const accessAudit = new AdminAccessAudit(audit);
    this.routes = [
      ...fleetRoutes({ contextOf, registry, probes, now: () => clock.now(), accessAudit }),
      ...this.#api.entries,
      ...docsRoutes(),
      ...this.#console.entries,
    ];
  }

  async start(): Promise<void> {
    await Promise.all([this.#api.start(), this.#console.start()]);
  }

  /** An exchange has ended, and its record is sealed. */
  publish(exchange: Exchange): void {
    this.#tails.publish(exchange);
  }

  inFlight(): readonly InFlight[] {
    const worker = this.#options.siblings?.worker ?? 0;
    return this.#lent.requests().map(request => inFlightRow(request, this.#lent.clock.now(), worker));
  }

  watch({ filter, tenants }: WatchedTail, deliver: (event: TailEvent) => void): () => void {
    return this.#tails.open(filter, tenants, deliver);
  }

  /** Tails would keep a gateway that ends waiting. */
  endStreams(): void {
    this.#api.endStreams();
  }

  async stop(): Promise<void> {
    this.#options.commands?.close();
    await Promise.all([this.#api.stop(), this.#console.stop(), this.#options.records?.close()]);
  }
}
