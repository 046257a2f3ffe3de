/** The gateway as a server: a request's path is parse, route, drive, render; everything else here is asked once per process. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { admit } from './admit.ts';
import { ask } from './ask.ts';
import { wallClock } from './clock.ts';
import type { Sink } from './core/exchange.ts';
import type { Clock } from './core/time.ts';
import { openaiChat } from './dialects/openai.ts';
import { Drain } from './drain.ts';
import { createEdge, type EdgeLimits, edgeLimits, guardEdge } from './edge.ts';
import { checkPage, checkRequest, isLoopbackHost } from './guard.ts';
import { newExchangeId, traceFrom } from './ids.ts';
import { type Arrival, parse, route } from './intake.ts';
import { type Log, requestLine } from './logs.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { modelsOf } from './models.ts';
import type { Question } from './question.ts';
import { ResponseReader } from './reader.ts';
import { internalError, invalid, isRefusal, type Refusal, refuse, unavailable } from './refuse.ts';
import { createRoutes, type RouteEntry } from './routes.ts';
import type { CallerKey, Settings } from './settings.ts';
import { createTelemetry, type Telemetry, traceStateFrom } from './telemetry.ts';
import { httpUpstream, type Upstream } from './upstream.ts';
import { createWorld, FleetState, type World } from './world.ts';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly sink: Sink;
  readonly log: Log;
  readonly clock?: Clock;
  readonly upstream?: Upstream;
  readonly limits?: Partial<EdgeLimits>;
  /** Of the OTEL_* variables; none when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What else keeps it from being ready: the store is not up. */
  readonly problem?: () => string | undefined;
  /** Whether /metrics also tells of the process: memory, CPU, event loop. */
  readonly processMetrics?: boolean;
}

export interface Gateway {
  /** Listens where the settings say and gives its URL. Rejects with the system's error when it cannot. */
  listen(): Promise<string>;
  readonly url: string;
  readonly metrics: Metrics;
  /** Why it is not ready; [] when it is. */
  problems(): readonly string[];
  /** Requests that arrive from now on see these settings; what is known of the fleet stays. Host and port need a new start. */
  configure(settings: Settings): void;
  /** Ends in an orderly way. The sink stays open: its owner closes it. */
  close(graceMs?: number): Promise<void>;
  /** Cuts what a `close` under way still waits for. */
  hurry(): void;
}

/** One version of the configuration; a request keeps the one that it met. */
interface Current {
  readonly settings: Settings;
  readonly world: World;
  readonly telemetry: Telemetry;
}

const openPaths: readonly string[] = ['/health', '/ready', '/metrics'];
const chatPath = '/v1/chat/completions';
const graceMsDefault = 30_000;

export function createGateway(options: GatewayOptions): Gateway {
  const { sink, log, clock = wallClock, upstream = httpUpstream(), environment = {} } = options;
  const { host, port } = options.settings.server;
  const limits: EdgeLimits = { ...edgeLimits, ...options.limits };
  const lasting = { clock, upstream, sink, fleet: new FleetState() };
  const listener = createEdge(limits);
  const drain = new Drain(clock, listener);
  const visits = new WeakMap<IncomingMessage, Visit>();
  let current = versionOf(options.settings);
  const metrics = createMetrics({
    sink,
    telemetry: () => current.telemetry,
    inflight: () => drain.size,
    configHash: current.settings.hash,
    process: options.processMetrics ?? false,
  });

  const chat: Handler = async (request, response) => {
    const visit = visits.get(request)!;
    const asked = await parse(request, openaiChat, limits);
    const question = isRefusal(asked) ? asked : route(asked, openaiChat, visit);
    const asking = isRefusal(question) ? question : drive(question, response, visit);
    await (isRefusal(asking) ? refused(request, response, asking) : rendered(asking, visit));
  };

  /** Nothing is asked of a provider that could not be recorded. */
  function drive(question: Question, response: ServerResponse, { world }: Visit): Driven | Refusal {
    const unrecordable = sink.refusal();
    if (unrecordable !== undefined) return { refusal: recordingUnavailable, headers: { 'retry-after': '1', 'x-should-retry': 'false' } };
    const { id, policy, configHash, chat } = question;
    const reader = new ResponseReader(response, {
      clock,
      keepAliveMs: chat.stream ? limits.keepAliveMs : undefined,
      earlyHeaders: { 'x-request-id': id, 'x-hindcast-id': id, 'x-hindcast-route': headerText(policy.name), 'x-hindcast-config': configHash },
    });
    const asking = ask(question, world, reader);
    const leave = (): void => {
      reader.stop();
      if (!response.writableFinished) asking.leave();
    };
    if (response.destroyed) leave();
    response.once('close', leave).on('drain', () => asking.resume());
    return { asking, question };
  }

  /** The reader has written the answer when the record is sealed. Metrics, spans and log are views of that record. */
  async function rendered({ asking, question }: Driven, { trace, settings, world, telemetry }: Visit): Promise<void> {
    const exchange = await drain.follow(asking);
    metrics.observe(exchange, { isRoute: name => settings.routes.has(name), apiOf: provider => world.placeOf(provider)?.api });
    if (telemetry.samples(trace)) {
      telemetry.record(exchange, { chat: question.chat, path: chatPath, traceState: trace.state, placeOf: world.placeOf });
    }
    log.info(requestLine(exchange), { id: exchange.id });
  }

  const models: Handler = (request, response, { id }) => {
    const { key, settings } = visits.get(request)!;
    const known = modelsOf(settings, key.tenant, startedAt);
    if (id === undefined || id === '') return json(response, 200, { object: 'list', data: known });
    const model = known.find(entry => entry.id === id);
    if (model) return json(response, 200, model);
    refused(request, response, invalid('model_not_found', 'The model does not exist here. GET /v1/models lists what does.', 'model', 404));
  };

  const health: Handler = (_, response) => json(response, 200, { status: 'ok' });

  const ready: Handler = (_, response) => {
    const reasons = problems();
    json(response, reasons.length === 0 ? 200 : 503, { status: reasons.length === 0 ? 'ready' : 'not ready', reasons });
  };

  const scrape: Handler = async (_, response) => {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType, 'content-length': Buffer.byteLength(text) }).end(text);
  };

  /** Before any route: what is malformed, from a foreign page, too late or unknown to us goes no further. */
  function check(request: IncomingMessage): Refusal | undefined {
    const { settings, world, telemetry } = current;
    const refusal = checkRequest(request, limits) ?? (settings.keys.size === 0 && isLoopbackHost(host) ? checkPage(request) : undefined);
    if (refusal) return refusal;
    if (openPaths.includes(request.url!.split('?', 1)[0]!)) return undefined;
    if (drain.isDraining) return shuttingDown;
    const key = admit(request.rawHeaders, settings);
    if (isRefusal(key)) return key;
    const receivedAt = clock.now();
    const { traceparent, tracestate } = request.headers;
    const trace = traceFrom(textOf(traceparent), textOf(tracestate));
    visits.set(request, { id: newExchangeId(receivedAt), receivedAt, trace, key, settings, world, telemetry });
    return undefined;
  }

  const idOf = (request: IncomingMessage): string => visits.get(request)?.id ?? newExchangeId(clock.now());

  function refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    metrics.refused(refusal.refusal.code);
    refuse(request, response, refusal, idOf(request));
  }

  /** A mistake of ours ends the one request that met it; half an answer is torn, so that it does not look whole. */
  function crashed(request: IncomingMessage, response: ServerResponse, problem: unknown): void {
    const id = idOf(request);
    log.error('a request crashed', { id, stack: problem instanceof Error ? problem.stack : String(problem) });
    if (response.headersSent && !response.writableEnded) response.destroy();
    else refuse(request, response, internalError, id);
  }

  const routes = createRoutes(
    listener,
    [
      { method: 'POST', path: chatPath, handler: chat },
      { method: 'GET', path: '/v1/models', handler: models },
      { method: 'GET', path: '/v1/models/{id*}', handler: models },
      { method: 'GET', path: '/health', handler: health },
      { method: 'GET', path: '/ready', handler: ready },
      { method: 'GET', path: '/metrics', handler: scrape },
    ],
    { refused, crashed },
  );
  guardEdge(listener, limits, { check, refused, admitted: response => drain.enter(response), broken: ... });
}
