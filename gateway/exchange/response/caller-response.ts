/** What the caller of one execution reads: deltas as they come, the last bytes, errors in the caller's own format, and the head before them. */
import { isUtf8 } from 'node:buffer';
import type { CallerError, StreamRenderer } from '../../core/chat/caller-format.ts';
import type { RouteOutcome } from '../../core/routing/router.ts';
import { type Failure, internalFailure } from '../../core/shared/failure.ts';
import type { Instant } from '../../core/shared/time.ts';
import type { RunningAttempt } from '../attempt/running-attempt.ts';
import type { ResponseHead, ResponseSink, RoutedRequest } from '../contract.ts';
import { restartChunk, type StreamRecovery } from '../recovery/stream-recovery.ts';
import { warningsOf } from '../routed-request.ts';
import { callerErrorOf } from './caller-error.ts';
import { Delivery } from './delivery.ts';
import { type Delta, isFinalEvent, passesWhole, renderDelta, rendererOf, renderResponse, secondsOf, verbatimBytes } from './render.ts';
import { headOf } from './response-head.ts';

/** The last bytes for the caller, as text or verbatim, and the outcome they represent. */
export interface FinalResponse {
  readonly outcome: RouteOutcome;
  readonly text: string;
  readonly bytes?: Buffer;
}

export class CallerResponse {
  readonly delivery: Delivery;
  /** Of content that was handed to the caller. */
  firstTokenAt: Instant | undefined;
  readonly #request: RoutedRequest;
  readonly #recovery: StreamRecovery;
  #renderer: StreamRenderer | undefined;
  /** The provider's own, where it passes. */
  #finalEventText: string | undefined;

  constructor(request: RoutedRequest, sink: ResponseSink, recovery: StreamRecovery) {
    this.#request = request;
    this.#recovery = recovery;
    this.delivery = new Delivery(sink, request.isResumable ? request.id : undefined);
  }

  /** Returns false to request a pause. */
  deliver(running: RunningAttempt, received: Delta, at: Instant): boolean {
    const { isVerbatim, isContinuation } = running.prepared;
    const delta = isContinuation ? { ...received, events: this.#recovery.unsentEvents(received.events) } : received;
    if (isContinuation && delta.events.length === 0) return true;
    const renderer = this.#streamRenderer();
    const { includeUsage } = this.#request;
    const bytes = verbatimBytes(delta, running.prepared, renderer, includeUsage);
    const text = bytes ?? renderDelta(delta, running.prepared, renderer, includeUsage);
    this.#recovery.recordDelivered(delta.events, isVerbatim ? renderer : undefined);
    if (text === '') return true;
    if (typeof text === 'string' && isFinalEvent(delta, running.prepared)) {
      this.#finalEventText = text;
      return true;
    }
    this.firstTokenAt ??= at;
    return this.delivery.write(text);
  }

  /** The stream restarts visibly for the caller. */
  restart(): void {
    this.#renderer = undefined;
    this.delivery.write(restartChunk(this.delivery.bytes));
  }

  /** An answer that cannot be rendered turns into a failure of ours. */
  ending(outcome: RouteOutcome, attempts: readonly RunningAttempt[]): FinalResponse {
    if (outcome.type === 'failed') return { outcome, text: this.errorText(callerErrorOf(outcome.failure)) };
    const { attempt, prepared } = attempts[outcome.attempt]!;
    const { chat, receivedAt } = this.#request;
    try {
      if (chat.stream) return { outcome, text: this.#finalEventText ?? this.#streamRenderer().end() };
      const { body } = attempt;
      if (body && passesWhole(prepared, attempt.bodyText()) && isUtf8(body)) return { outcome, text: '', bytes: body };
      return { outcome, text: renderResponse(attempt.response!, attempt.bodyText(), prepared, this.#request, secondsOf(receivedAt)) };
    } catch (problem) {
      return this.ending({ type: 'failed', failure: internalFailure('rendering an answer', problem) }, attempts);
    }
  }

  errorText(error: CallerError): string {
    return this.delivery.headSent ? this.#streamRenderer().fail(error) : this.#request.dialect.renderFailure(error);
  }

  head(status: number, attempts: number, running: RunningAttempt | undefined, costNanoUsd?: number, failure?: Failure): ResponseHead {
    const { attempt, prepared } = running ?? {};
    return headOf(this.#request, {
      ...{ status, attempts, costNanoUsd, failure },
      target: attempt?.context.command.target,
      warnings: attempt && prepared && warningsOf(prepared, attempt.response),
    });
  }

  /** Made when it is first needed: an answer in one piece needs none. */
  #streamRenderer(): StreamRenderer {
    this.#renderer ??= rendererOf(this.#request);
    return this.#renderer;
  }
}
