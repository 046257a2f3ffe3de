/** A caller's request on its way through the gateway: parse, route, execute, respond. Each is entered once, and nothing is waited for that is there. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerFormat } from '../core/chat/caller-format.ts';
import type { Exchange } from '../core/exchange.ts';
import type { ExecutionHandle, ExecutionObserver, RequestContext, RoutedRequest } from '../exchange/contract.ts';
import { isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import type { BodyLimits } from './body.ts';
import { inTurn } from './bytes/turns.ts';
import type { Drain } from './drain.ts';
import { type ParsedRequest, parse, route } from './parse.ts';
import type { RequestExecutor, StartedExecution } from './request-executor.ts';

/** An execution whose record is sealed and whose answer was handed to the caller. */
export interface FinishedExecution {
  readonly exchange: Exchange;
  readonly request: RoutedRequest;
  readonly execution: ExecutionHandle;
  readonly context: RequestContext;
  /** The requested path, without its query. */
  readonly path: string;
}

export interface CallerRequestPorts {
  readonly limits: BodyLimits;
  readonly executor: RequestExecutor;
  readonly drain: Pick<Drain, 'trackExecution'>;
  refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
  crashed(request: IncomingMessage, response: ServerResponse, problem: unknown): void;
  /** It read the answer of an earlier request. */
  joined(): void;
  finished(finished: FinishedExecution): void;
}

export class CallerRequest implements ExecutionObserver {
  readonly #ports: CallerRequestPorts;
  readonly #dialect: CallerFormat;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: RequestContext;
  #started: StartedExecution | undefined;
  #untrack: (() => void) | undefined;

  constructor(
    ports: CallerRequestPorts,
    dialect: CallerFormat,
    request: IncomingMessage,
    response: ServerResponse,
    context: RequestContext,
  ) {
    this.#ports = ports;
    this.#dialect = dialect;
    this.#request = request;
    this.#response = response;
    this.#context = context;
  }

  answer(): void {
    const limits = { ...this.#ports.limits, account: this.#context.bytes };
    parse(this.#request, this.#dialect, limits, parsed => {
      if (isRefusal(parsed)) this.#then(parsed, this.#route);
      else inTurn(parsed.body.length, () => this.#then(parsed, this.#route));
    });
  }

  #route(parsed: ParsedRequest): void {
    this.#then(route(parsed, this.#dialect, this.#context), this.#execute);
  }

  #execute(routed: RoutedRequest): void {
    inTurn(routed.body.byteLength, () =>
      this.#then(this.#ports.executor.execute(routed, this.#request, this.#response, this.#context, this), this.#track),
    );
  }

  #track(started: StartedExecution): void {
    if (started.isJoined) return this.#ports.joined();
    this.#started = started;
    this.#untrack = this.#ports.drain.trackExecution(started.execution, started.request);
  }

  /** The answer has been handed to the caller. Metrics, spans and log are views of the record. */
  ended(exchange: Exchange): void {
    this.#untrack?.();
    const { request, execution } = this.#started!;
    // hapi takes a path with a slash at its end for the same route.
    const path = this.#request.url!.split('?', 1)[0]!.replace(/\/$/, '');
    try {
      this.#ports.finished({ exchange, request, execution, context: this.#context, path });
    } catch (problem) {
      this.crashed(problem);
    }
  }

  crashed(problem: unknown): void {
    this.#untrack?.();
    this.#ports.crashed(this.#request, this.#response, problem);
  }

  /** Continues with a layer's result, synchronously when it is there. A refusal is answered; a throw is a bug and answered as 500. */
  #then<Value extends object>(outcome: Value | Refusal | Promise<Value | Refusal>, next: (value: Value) => void): void {
    if (outcome instanceof Promise) {
      outcome.then(
        known => this.#then(known, next),
        (problem: unknown) => this.crashed(problem),
      );
      return;
    }
    try {
      if (isRefusal(outcome)) this.#ports.refused(this.#request, this.#response, outcome);
      else next.call(this, outcome);
    } catch (problem) {
      this.crashed(problem);
    }
  }
}
