import type { AttemptRecord } from '../core/exchange.ts';
import { type Failure, mistakeIn } from '../core/failure.ts';
import { rateLimitsOf } from '../core/rate-limits.ts';
import type { Instant, Milliseconds } from '../core/time.ts';
import { headersOf, urlOf } from '../exchange/call.ts';
import type { AttemptCommand, AttemptReport } from '../exchange/driver.ts';
import type { ExecutionEnvironment, RoutedRequest, Target } from '../exchange/execute.ts';
import { Observed } from '../exchange/observed.ts';
import { demandOf } from '../exchange/routed-request.ts';
import { type Redactor, redactingListener, redactor } from '../transport/redact.ts';
import type { UpstreamHandle } from '../transport/upstream.ts';
import { type AskedFor, type Consumed, consumedBy, objectsIn } from './consumed.ts';
import type { Endpoint } from './endpoints.ts';
import { Intake } from './intake.ts';
import { costOf } from './price.ts';
import type { Sending } from './sending.ts';

export interface TryForm {
  readonly command: AttemptCommand;
  readonly target: Target;
  readonly sending: Sending;
  readonly endpoint: Endpoint;
  readonly question: RoutedRequest;
  readonly world: ExecutionEnvironment;
  readonly accept: string;
  readonly asked: AskedFor;
}

export class Try {
  readonly target: Target;
  readonly sending: Sending;
  readonly intake: Intake;
  firstByteAt: Instant | undefined;
  readonly #form: TryForm;
  readonly #report: AttemptReport;
  readonly #told: Observed;
  readonly #redact: Redactor;
  readonly #startedAt: Instant;
  readonly #spanId: string;
  readonly #body: Buffer | undefined;
  readonly #handle: UpstreamHandle;
  #endedAt: Instant | undefined;
  #failure: Failure | undefined;
  #isWhole = false;

  /** `arrived`: more of its stream may go on. */
  constructor(form: TryForm, report: AttemptReport, arrived: () => void) {
    const { command, target, sending, endpoint, question, world } = form;
    this.#form = form;
    this.#report = report;
    this.target = target;
    this.sending = sending;
    this.#redact = redactor(target.key);
    this.#body = sending.body();
    this.#startedAt = world.clock.now();
    this.#spanId = world.newSpanId();
    const credential = target.key?.fingerprint ?? '';
    this.#told = new Observed(world, { target: command.target, credential, kind: command.kind, tokens: demandOf(question).tokens });
    this.intake = new Intake(endpoint, target.provider, {
      opened: () => report.opened(),
      arrived,
      whole: () => this.#whole(),
      failed: failure => this.#fail(failure),
    });
    this.#handle = this.#send();
  }

  /** For the fleet. */
  get elapsedMs(): Milliseconds {
    return (this.#endedAt ?? this.#form.world.clock.now()) - this.#startedAt;
  }

  get firstTokenMs(): Milliseconds {
    return this.intake.isStream && this.firstByteAt !== undefined ? this.firstByteAt - this.#startedAt : this.elapsedMs;
  }

  get hasOpened(): boolean {
    return this.intake.hasOpened;
  }

  get limitsSeen() {
    return rateLimitsOf(this.intake.headers);
  }

  /** With a failure when it is given up for one. */
  abort(failure: Failure | undefined): void {
    if (failure) this.#fail(failure);
    if (this.#endedAt === undefined) {
      this.#endedAt = this.#form.world.clock.now();
      this.#told.aborted(this);
    }
    this.#handle.abort();
  }

  pause(): void {
    this.#handle.pause();
  }

  resume(): void {
    this.#handle.resume();
  }

  #whole(): void {
    if (this.#endedAt !== undefined) return;
    const wrong = this.intake.isStream ? undefined : this.#wrong();
    if (wrong) return this.#fail(wrong);
    this.#isWhole = true;
    this.#endedAt = this.#form.world.clock.now();
    const { usage } = this.#consumed();
    this.#told.answered(this, usage);
    this.#report.answered({});
  }

  #wrong(): Failure | undefined {
    try {
      return this.sending.wrong?.(this.intake.body());
    } catch (problem) {
      return mistakeIn('reading an answer', problem);
    }
  }

  #fail(failure: Failure): void {
    if (this.#endedAt !== undefined) return;
    this.#failure = this.#redact.failure(failure);
    this.#endedAt = this.#form.world.clock.now();
    this.#handle?.abort();
    this.#told.failed(this.#failure, this);
    this.#report.failed(this.#failure);
  }

  #send(): UpstreamHandle {
    const { world, question, endpoint, accept } = this.#form;
    const { target, intake } = this;
    const { path, contentType } = this.sending;
    const body = this.#body;
    const { trace, propagatedTrace = { isSampled: true, state: '' }, hops = 0 } = question;
    const traceparent = `00-${trace.traceId}-${this.#spanId}-${propagatedTrace.isSampled ? '01' : '00'}`;
    const { 'content-type': _, ...headers } = headersOf(target, false, {
      traceparent,
      tracestate: propagatedTrace.state,
      hops,
      headers: {},
    });
    return world.upstream.send(
      {
        method: endpoint.method,
        url: urlOf(target, path),
        headers: { ...headers, accept, ...(contentType === undefined || !body ? {} : { 'content-type': contentType }) },
        ...(body ? { body } : {}),
        allowPrivate: target.allowPrivate,
      },
      redactingListener(
        {
          headers: (status, told) => {
            this.firstByteAt = world.clock.now();
            intake.onHeaders(status, told);
          },
          chunk: bytes => intake.onChunk(bytes, world.clock.now() - this.#startedAt),
          end: () => intake.onEnd(),
          failed: failure => intake.onCut(failure),
        },
        this.#redact,
      ),
    );
  }

  #consumed(): Consumed {
    const { endpoint, asked } = this.#form;
    return consumedBy(endpoint.operation, asked, objectsIn(this.intake.contentType, this.intake.kept()));
  }

  /** `accepted`: its answer is what the caller got. */
  record(accepted: boolean): AttemptRecord {
    const { world, command } = this.#form;
    const { target, intake, sending } = this;
    const consumed = this.#isWhole ? this.#consumed() : undefined;
    const priced = (name: string) => {
      const price = world.priceOf(target.provider, target.providerName, name, this.#startedAt);
      return costOf(consumed!, { book: target.provider.priceBook, model: name, at: this.#startedAt, price });
    };
    const { model } = sending;
    const cost =
      consumed && (consumed.servedModel || model) ? (consumed.servedModel && priced(consumed.servedModel)) || priced(model) : undefined;
    return {
      number: command.attempt + 1,
      kind: command.kind,
      step: command.step,
      target: command.target,
      provider: target.providerName,
      model,
      servedModel: consumed?.servedModel ?? '',
      credential: target.key?.fingerprint ?? '',
      spanId: this.#spanId,
      startedAt: this.#startedAt,
      endedAt: this.#endedAt ?? world.clock.now(),
      ...(this.firstByteAt === undefined ? {} : { firstByteMs: this.firstByteAt - this.#startedAt }),
      status: intake.status,
      outcome: this.#failure?.kind ?? (this.#isWhole ? 'ok' : 'aborted'),
      ...(this.#failure ? { failure: this.#failure } : {}),
      accepted,
      request: this.#body ?? Buffer.alloc(0),
      response: intake.kept(),
      chunks: intake.arrivals,
      providerRequestId: intake.headers['x-request-id'] ?? '',
      ...(consumed?.usage ? { usage: consumed.usage } : {}),
      ...(cost ? { cost } : {}),
      signals: {},
      warnings: sending.warnings,
      flags: intake.flags,
    };
  }
}
