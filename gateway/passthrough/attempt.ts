/** One attempt of a passed-through request: sends it to a target, reads the response, records both. */
import type { AttemptRecord } from '../core/exchange.ts';
import { type Failure, internalFailure, noRoomFailures } from '../core/shared/failure.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import { rateLimitsOf } from '../core/targets/rate-limit-headers.ts';
import { headersOf, urlOf } from '../exchange/attempt/call.ts';
import type { ExecutionEnvironment, RoutedRequest, Target } from '../exchange/contract.ts';
import type { AttemptCommand, AttemptReport } from '../exchange/driver.ts';
import { HealthReporter } from '../exchange/health-reporter.ts';
import { demandOf } from '../exchange/routed-request.ts';
import type { TriedKeys } from '../exchange/tried-keys.ts';
import { type Redactor, redactingListener, redactor } from '../transport/redact.ts';
import type { UpstreamHandle } from '../transport/upstream.ts';
import { type Consumption, consumptionOf, objectsIn, type RequestFields } from './consumption.ts';
import type { Endpoint } from './endpoints.ts';
import { costOf } from './price.ts';
import type { TargetRequest } from './target-request.ts';
import { UpstreamResponse } from './upstream-response.ts';

export interface PassThroughAttemptInput {
  readonly command: AttemptCommand;
  readonly triedKeys: TriedKeys;
  readonly target: Target;
  readonly targetRequest: TargetRequest;
  readonly endpoint: Endpoint;
  readonly request: RoutedRequest;
  readonly environment: ExecutionEnvironment;
  readonly accept: string;
  readonly fields: RequestFields;
}

/** One attempt: it is sent by the constructor and reports once, answered or failed. */
export class PassThroughAttempt {
  readonly target: Target;
  readonly targetRequest: TargetRequest;
  readonly upstreamResponse: UpstreamResponse;
  firstByteAt: Instant | undefined;
  readonly #input: PassThroughAttemptInput;
  readonly #report: AttemptReport;
  readonly #health: HealthReporter;
  readonly #redact: Redactor;
  readonly #startedAt: Instant;
  readonly #spanId: string;
  readonly #body: Buffer | undefined;
  readonly #handle: UpstreamHandle;
  #endedAt: Instant | undefined;
  #failure: Failure | undefined;
  #isComplete = false;

  /** Sends the request at once. `bytesReady` is called when more of a stream may go to the caller. */
  constructor(input: PassThroughAttemptInput, report: AttemptReport, bytesReady: () => void) {
    const { command, target, targetRequest, endpoint, request, environment } = input;
    this.#input = input;
    this.#report = report;
    this.target = target;
    this.targetRequest = targetRequest;
    this.#redact = redactor(target.key);
    this.#body = targetRequest.body();
    this.#startedAt = environment.clock.now();
    this.#spanId = environment.newSpanId();
    const credential = target.key?.fingerprint ?? '';
    this.#health = new HealthReporter(environment, {
      target: command.target,
      credential,
      kind: command.kind,
      tokens: demandOf(request).tokens,
    });
    this.upstreamResponse = new UpstreamResponse(endpoint, target.provider, {
      opened: () => report.opened(),
      bytesReady,
      completed: () => this.#complete(),
      failed: failure => this.#fail(failure),
    });
    this.#handle = this.#send();
  }

  /** For the health of the target. */
  get elapsedMs(): Milliseconds {
    return (this.#endedAt ?? this.#input.environment.clock.now()) - this.#startedAt;
  }

  get firstTokenMs(): Milliseconds {
    return this.upstreamResponse.isStream && this.firstByteAt !== undefined ? this.firstByteAt - this.#startedAt : this.elapsedMs;
  }

  get hasOpened(): boolean {
    return this.upstreamResponse.hasOpened;
  }

  get limitsSeen() {
    return rateLimitsOf(this.upstreamResponse.headers);
  }

  /** Ends the attempt; `failure` is recorded as the reason. */
  abort(failure: Failure | undefined): void {
    if (failure) this.#fail(failure);
    if (this.#endedAt === undefined) {
      this.#endedAt = this.#input.environment.clock.now();
      this.#health.aborted(this);
    }
    this.#handle.abort();
  }

  pause(): void {
    this.#handle.pause();
  }

  resume(): void {
    this.#handle.resume();
  }

  #complete(): void {
    if (this.#endedAt !== undefined) return;
    const failure = this.upstreamResponse.isStream ? undefined : this.#validate();
    if (failure) return this.#fail(failure);
    this.#isComplete = true;
    this.#endedAt = this.#input.environment.clock.now();
    const { usage } = this.#consumption();
    this.#health.answered(this, usage);
    this.#report.answered({});
  }

  #validate(): Failure | undefined {
    try {
      return this.targetRequest.validateResponse?.(this.upstreamResponse.body());
    } catch (problem) {
      return internalFailure('reading a response', problem);
    }
  }

  #fail(failure: Failure): void {
    if (this.#endedAt !== undefined) return;
    this.#failure = this.#redact.failure(failure);
    this.#endedAt = this.#input.environment.clock.now();
    this.#handle?.abort();
    this.#health.failed(this.#failure, this);
    const { command, triedKeys } = this.#input;
    const credential = this.target.key?.fingerprint ?? '';
    this.#report.failed(this.#failure, false, triedKeys.failed({ command, credential }, this.#failure));
  }

  #send(): UpstreamHandle {
    const { environment, request, endpoint, accept } = this.#input;
    const { target, upstreamResponse } = this;
    const { path, contentType } = this.targetRequest;
    const body = this.#body;
    const { trace, propagatedTrace = { isSampled: true, state: '' }, hops = 0 } = request;
    const traceparent = `00-${trace.traceId}-${this.#spanId}-${propagatedTrace.isSampled ? '01' : '00'}`;
    const { 'content-type': _, ...headers } = headersOf(target, false, {
      traceparent,
      tracestate: propagatedTrace.state,
      hops,
      headers: {},
    });
    return environment.upstream.send(
      {
        method: endpoint.method,
        url: urlOf(target, path),
        headers: { ...headers, accept, ...(contentType === undefined || !body ? {} : { 'content-type': contentType }) },
        ...(body ? { body } : {}),
        allowPrivate: target.allowPrivate,
      },
      redactingListener(
        {
          headers: (status, responseHeaders) => {
            this.firstByteAt = environment.clock.now();
            upstreamResponse.onHeaders(status, responseHeaders);
          },
          chunk: bytes => {
            const full = request.bytes?.take(bytes.byteLength);
            if (full) this.#fail(noRoomFailures[full]);
            else upstreamResponse.onChunk(bytes, environment.clock.now() - this.#startedAt);
          },
          end: () => upstreamResponse.onEnd(),
          failed: failure => upstreamResponse.onBreak(failure),
        },
        this.#redact,
      ),
    );
  }

  #consumption(): Consumption {
    const { endpoint, fields } = this.#input;
    return consumptionOf(endpoint.operation, fields, objectsIn(this.upstreamResponse.contentType, this.upstreamResponse.recorded()));
  }

  /** `accepted`: the caller got this attempt's response. */
  record(accepted: boolean): AttemptRecord {
    const { environment, command } = this.#input;
    const { target, upstreamResponse, targetRequest } = this;
    const consumption = this.#isComplete ? this.#consumption() : undefined;
    const priced = (name: string) => costOf(consumption!, environment.priceOf(target.provider, target.providerName, name, this.#startedAt));
    const { model } = targetRequest;
    const cost =
      consumption && (consumption.servedModel || model)
        ? (consumption.servedModel && priced(consumption.servedModel)) || priced(model)
        : undefined;
    return {
      number: command.attempt + 1,
      kind: command.kind,
      step: command.step,
      target: command.target,
      provider: target.providerName,
      model,
      servedModel: consumption?.servedModel ?? '',
      credential: target.key?.fingerprint ?? '',
      spanId: this.#spanId,
      startedAt: this.#startedAt,
      endedAt: this.#endedAt ?? environment.clock.now(),
      ...(this.firstByteAt === undefined ? {} : { firstByteMs: this.firstByteAt - this.#startedAt }),
      status: upstreamResponse.status,
      outcome: this.#failure?.kind ?? (this.#isComplete ? 'ok' : 'aborted'),
      ...(this.#failure ? { failure: this.#failure } : {}),
      accepted,
      request: this.#body ?? Buffer.alloc(0),
      response: upstreamResponse.recorded(),
      chunks: upstreamResponse.arrivals,
      providerRequestId: upstreamResponse.headers['x-request-id'] ?? '',
      ...(consumption?.usage ? { usage: consumption.usage } : {}),
      ...(cost ? { cost } : {}),
      signals: {},
      warnings: targetRequest.warnings,
      flags: upstreamResponse.flags,
    };
  }
}
