/** The gateway server: parse, route, execute, respond; and guard, metrics, admin and configuration around it. */
import type { IncomingMessage, Server as Listener, ServerResponse } from 'node:http';
import type { Server as Routes } from '@hapi/hapi';
import { GatewayAdmin, type LiveView } from './admin/gateway-admin.ts';
import { type BudgetAdmission, createBudgetAdmission } from './budgets/admission.ts';
import { callerRoutes } from './callers/routes.ts';
import { type ConfigVersion, createConfigVersion } from './config-version.ts';
import type { Clock } from './core/shared/time.ts';
import type { RequestContext } from './exchange/contract.ts';
import { internalError, isRefusal, type Refusal, sendJson, sendRefusal, shuttingDown } from './exchange/response/refusal.ts';
import { FleetState } from './exchange/runtime.ts';
import { ShadowTraffic } from './exchange/shadow-traffic.ts';
import type { Gateway, GatewayOptions } from './gateway.ts';
import { authenticateCaller } from './http/authenticate.ts';
import { ByteBudget, byteScopesOf, bytesInFlightDefault } from './http/bytes/byte-budget.ts';
import { CallerRequest, type CallerRequestPorts, type FinishedExecution } from './http/caller-requests.ts';
import { Drain } from './http/drain.ts';
import { createEdge, type EdgeLimits, edgeLimits, guardEdge, listenAt, urlOf } from './http/edge.ts';
import { accessOf, checkOrigin, checkRequest, isLoopbackHost } from './http/guard.ts';
import { refuseMetrics, sendMetrics } from './http/metrics-page.ts';
import { answerCors } from './http/reading/cors.ts';
import { readyRoute } from './http/ready.ts';
import { contextOf, setContext } from './http/request-context.ts';
import { RequestExecutor, type StartedExecution } from './http/request-executor.ts';
import { resolve } from './http/resolve.ts';
import { createDispatch, createRoutes, type RouteEntry } from './http/route-table.ts';
import { KeyRegistry } from './keys/key-registry.ts';
import { auditRollbacks } from './observability/audit.ts';
import { requestLine } from './observability/logs.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { type FileRegistry, openFileRegistry } from './passthrough/batches/file-registry.ts';
import { passThroughRoutes, registerStoredResponse } from './passthrough/routes.ts';
import { wallClock } from './settings/clock.ts';
import { newExchangeId, traceFrom } from './settings/ids.ts';
import type { Settings } from './settings/settings.ts';
import { BackgroundTasks } from './targets/background-tasks.ts';
import { httpUpstream, type Upstream } from './transport/upstream.ts';
import { createWebhooks } from './transport/webhooks.ts';

export type { Gateway, GatewayOptions };

export const createGateway = (options: GatewayOptions): Gateway => new GatewayServer(options);

class GatewayServer implements Gateway {
  readonly #options: GatewayOptions;
  readonly #clock: Clock;
  readonly #upstream: Upstream;
  readonly #limits: EdgeLimits;
  readonly #bytes = new ByteBudget(() => this.#version.settings.server.bytesInFlight ?? bytesInFlightDefault);
  readonly #fleet = new FleetState();
  readonly #backgroundTasks: BackgroundTasks;
  readonly #shadowTraffic = new ShadowTraffic(resolve);
  readonly #listener: Listener;
  readonly #drain: Drain;
  readonly #routes: Routes;
  readonly #ledger: FileRegistry;
  readonly #metrics: Metrics;
  readonly #budgets: BudgetAdmission;
  readonly #requestPorts: CallerRequestPorts;
  readonly #admin: GatewayAdmin;
  readonly #startedAt: number;
  readonly #keys: KeyRegistry;
  #version: ConfigVersion;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallClock;
    this.#upstream = options.upstream ?? httpUpstream();
    this.#limits = { ...edgeLimits, decodeRatioMax: options.settings.server.decodeRatioMax, ...options.limits };
    this.#startedAt = this.#clock.now();
    const { log, rolloutStore, breachStore } = options;
    this.#backgroundTasks = new BackgroundTasks({ registry: this.#fleet, clock: this.#clock, log, rolloutStore, breachStore });
    this.#keys = new KeyRegistry(options.keyStore, log, settings => this.#rekey(settings));
    this.#version = this.#versionOf(this.#keys.configure(options.settings));
    this.#listener = createEdge(this.#limits, options.settings.server.tls, log);
    this.#drain = new Drain(this.#clock, this.#listener);
    this.#budgets = createBudgetAdmission(options, this.#clock, createWebhooks(log));
    this.#metrics = this.#createMetrics();
    const fallback = {
      refused: (request: IncomingMessage, response: ServerResponse, refusal: Refusal) => this.#refused(request, response, refusal),
      crashed: (request: IncomingMessage, response: ServerResponse, problem: unknown) => this.#crashed(request, response, problem),
    };
    this.#requestPorts = {
      ...fallback,
      limits: this.#limits,
      drain: this.#drain,
      executor: new RequestExecutor({ ...this.#limits, clock: this.#clock, sink: options.sink, budgets: this.#budgets }),
      joined: () => this.#metrics.joined(),
      finished: execution => this.#finished(execution),
    };
    this.#ledger = openFileRegistry(options.settings.store.path);
    this.#admin = this.#createAdmin();
    const table = this.#routeTable();
    this.#routes = createRoutes(this.#listener, table, fallback);
    guardEdge(this.#listener, this.#limits, {
      check: request => this.#check(request),
      refused: fallback.refused,
      admitted: response => this.#drain.track(response, contextOf(response.req)?.bytes),
      answerCors: (request, response) => answerCors(request, response, this.#version.settings.server.cors),
      dispatch: createDispatch(table, fallback),
      broken: ({ refusal }) => {
        this.#metrics.refused(refusal.code);
        return newExchangeId(this.#clock.now());
      },
    });
  }

  /** Pass-through executions report their end by a promise. */
  async #finish({ request, execution, isJoined }: StartedExecution, context: RequestContext, path: string): Promise<void> {
    if (isJoined) return this.#metrics.joined();
    const untrack = this.#drain.trackExecution(execution, request);
    const exchange = await execution.done.finally(untrack);
    this.#finished({ exchange, request, execution, context, path });
  }

  /** Metrics, spans and log are views of the record. */
  #finished({ exchange, request, execution, context, path }: FinishedExecution): void {
    const { trace, settings, runtime, telemetry } = context;
    this.#admin.publish(exchange);
    this.#metrics.observe(exchange, {
      isRoute: name => settings.routes.has(name),
      apiOf: provider => runtime.endpointOf(provider)?.api,
    });
    if (telemetry.shouldExport(trace, exchange)) {
      telemetry.record(exchange, {
        chat: request.chat,
        answer: () => execution.response(),
        path,
        traceState: trace.state,
        placeOf: runtime.endpointOf,
      });
    }
    this.#options.log.info(requestLine(exchange), { id: exchange.id });
    auditRollbacks(this.#fleet.rollouts.observe(exchange), this.#options.audit);
    registerStoredResponse(this.#ledger, exchange, request, execution.response());
    this.#shadowTraffic.dispatch(exchange, request, settings, runtime);
  }

  #routeTable(): readonly RouteEntry[] {
    return [
      ...callerRoutes({
        execute: (dialect, request, response) =>
          new CallerRequest(this.#requestPorts, dialect, request, response, contextOf(request)!).answer(),
        contextOf: request => contextOf(request)!,
        startedAt: this.#startedAt,
        limits: this.#limits,
        sink: this.#options.sink,
        spendingOf: scope => this.#budgets.spendingOf(scope),
        refuse: (request, response, refusal) => this.#refused(request, response, refusal),
      }),
      ...passThroughRoutes({
        limits: this.#limits,
        sink: this.#options.sink,
        files: this.#ledger,
        budgetAdmission: this.#budgets,
        contextOf: request => contextOf(request)!,
        refuse: (request, response, refusal) => this.#refused(request, response, refusal),
        finish: (driven, visit, path) => this.#finish(driven, visit, path),
      }),
      { method: 'GET', path: '/health', handler: (_, response) => sendJson(response, 200, { status: 'ok' }) },
      readyRoute(
        () => this.problems(),
        () => [this.#options.recorderStats?.()?.warnings, this.#bytes.warning(), this.#fleet.breaches.warnings(), this.#budgets.warnings()],
      ),
      { method: 'GET', path: '/metrics', handler: (request, response) => sendMetrics(this.#metrics, request, response) },
      ...this.#admin.routes,
    ];
  }

  #createAdmin(): GatewayAdmin {
    const { sink, environment = {}, audit = () => {} } = this.#options;
    return new GatewayAdmin(this.#options, {
      ...{ sink, environment, audit, clock: this.#clock, limits: this.#limits },
      ...{ registry: this.#fleet, probes: this.#backgroundTasks.probes.seen },
      version: () => this.#version,
      contextOf: request => contextOf(request)!,
      requests: () => this.#drain.requests,
      spendingOf: scope => this.#budgets.spendingOf(scope),
      keys: this.#keys,
      refused: code => this.#metrics.refused(code),
      crashed: problem => this.#logCrash(problem, newExchangeId(this.#clock.now())),
    });
  }

  /** Before any route: what is malformed, from a foreign page, too late or unknown to us goes no further. */
  #check(request: IncomingMessage): Refusal | undefined {
    const { settings } = this.#version;
    const isLoopbackOnly = settings.keys.size === 0 && isLoopbackHost(this.#options.settings.server.host);
    const refusal = checkRequest(request, this.#limits) ?? (isLoopbackOnly ? checkOrigin(request, settings.server.cors) : undefined);
    if (refusal) return refusal;
    const access = accessOf(request.url!);
    if (access === 'metrics') return refuseMetrics(request, settings);
    if (access === 'open') return undefined;
    if (this.#drain.isDraining) return shuttingDown;
    if (access === 'admin') return undefined;
    const receivedAt = this.#clock.now();
    const key = authenticateCaller(request.rawHeaders, settings, receivedAt);
    if (isRefusal(key)) return key;
    const trace = traceFrom(request.headers.traceparent, request.headers.tracestate);
    const bytes = this.#bytes.open(byteScopesOf(settings, key));
    return void setContext(request, { id: newExchangeId(receivedAt), receivedAt, trace, key, bytes, ...this.#version });
  }

  #refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    this.#metrics.refused(refusal.refusal.code, contextOf(request)?.key.tenant);
    sendRefusal(request, response, refusal, this.#idOf(request));
  }

  /** A mistake of ours ends the one request that met it; half an answer is torn, so that it does not look whole. */
  #crashed(request: IncomingMessage, response: ServerResponse, problem: unknown): void {
    const id = this.#logCrash(problem, this.#idOf(request));
    if (response.headersSent && !response.writableEnded) response.destroy();
    else sendRefusal(request, response, internalError, id);
  }

  #logCrash(problem: unknown, id: string): string {
    this.#options.log.error('a request crashed', { id, stack: problem instanceof Error ? problem.stack : String(problem) });
    return id;
  }

  #idOf(request: IncomingMessage): string {
    return contextOf(request)?.id ?? newExchangeId(this.#clock.now());
  }

  #versionOf(settings: Settings, before?: ConfigVersion): ConfigVersion {
    const { sink, environment = {}, log, flags } = this.#options;
    const { streamIdleMs } = this.#limits;
    return createConfigVersion(settings, before, {
      ...{ sink, environment, log, flags },
      ...{ clock: this.#clock, upstream: this.#upstream, fleet: this.#fleet, streamIdleMs },
    });
  }

  async listen(): Promise<string> {
    await Promise.all([this.#routes.start(), this.#admin.start(), this.#keys.read(), this.#backgroundTasks.ready(this.#version.settings)]);
    await listenAt(this.#listener, this.#options.settings.server);
    return this.url;
  }

  get url(): string {
    return urlOf(this.#listener, this.#options.settings.server.host);
  }

  problems(): readonly string[] {
    const { sink, problem } = this.#options;
    const draining = this.#drain.isDraining ? 'the gateway is shutting down' : undefined;
    return [draining, sink.refusal(), problem?.()].filter(reason => reason !== undefined);
  }

  #createMetrics(): Metrics {
    const { sink, settings, flags, gatherMetrics: gather, processMetrics: process = false, recorderStats } = this.#options;
    return createMetrics({
      ...{ sink, gather, process, configHash: settings.hash, recorder: () => recorderStats?.() },
      budgets: () => this.#budgets.remainingBudgets(),
      objectives: () => this.#version.settings.objectives ?? [],
      telemetry: () => this.#version.telemetry,
      inflight: () => this.#drain.inFlight,
      targets: {
        ...{ registry: this.#fleet, now: () => this.#clock.now(), flags: flags?.counts },
        ...{ shadowTraffic: this.#shadowTraffic.counts, probes: this.#backgroundTasks.probes.seen },
      },
    });
  }

  #rekey(settings: Settings): void {
    this.#version = { ...this.#version, settings };
  }

  configure(settings: Settings): void {
    this.#version = this.#versionOf(this.#keys.configure(settings), this.#version);
    this.#backgroundTasks.probes.configure(settings);
    this.#metrics.configured(settings.hash);
  }

  get live(): LiveView {
    return this.#admin;
  }

  metrics(): Promise<string> {
    return this.#metrics.page();
  }

  configurationRefused(): void {
    this.#metrics.configurationRefused();
  }

  async close(graceMs = 30_000): Promise<void> {
    this.#admin.endStreams();
    await this.#drain.end(graceMs);
    await this.#shadowTraffic.close();
    await Promise.all([this.#routes.stop(), this.#admin.stop()]);
    this.#ledger.close();
    await Promise.all([this.#budgets.close(), this.#backgroundTasks.close(), this.#options.flags?.close(), this.#keys.close()]);
    await Promise.all([this.#version.telemetry.close(), this.#upstream.close()]);
  }

  closeNow(): void {
    this.#drain.closeNow();
  }
}
