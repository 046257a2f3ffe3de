/** How targets behave by the record: with a request itself, or drawn from what they did with requests of its size and hour. */
import { createHash } from 'node:crypto';
import { type FailureKind, failureKindOfLabel } from '../../gateway/core/shared/failure.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';
import type { RecordedAttempt } from '../recorded/attempts.ts';
import type { RecordedRequest } from '../recorded/requests.ts';

/** The behaviour of one attempt for the simulator. */
export interface AttemptBehaviour {
  readonly openAfterMs: Milliseconds;
  readonly endAfterMs: Milliseconds;
  readonly result:
    | { readonly signals: Signals }
    | { readonly failure: { readonly kind: FailureKind; readonly message: string; readonly retryAfterMs?: number } };
}

/** Of a request that was logged elsewhere there is one attempt: its answer. */
export function attemptsIn({ attempts, answer }: RecordedRequest): readonly RecordedAttempt[] {
  if (attempts && attempts.length > 0) return attempts;
  if (answer.outcome === '' || answer.target === '') return [];
  const isOk = answer.outcome === 'ok';
  return [
    {
      number: 1,
      target: answer.target,
      outcome: isOk
        ? 'ok'
        : answer.outcome === 'client_error'
          ? 'invalid_request'
          : answer.outcome === 'upstream_error'
            ? 'server_error'
            : answer.outcome,
      status: isOk ? 200 : 0,
      accepted: isOk,
      durationMs: answer.latencyMs,
      firstTokenMs: answer.firstTokenMs ?? 0,
      inputTokens: answer.inputTokens,
      outputTokens: answer.outputTokens,
      cachedTokens: answer.cachedTokens ?? 0,
      reasoningTokens: answer.reasoningTokens ?? 0,
      ...(answer.costNanoUsd === undefined ? {} : { costNanoUsd: answer.costNanoUsd }),
      signals: {},
    },
  ];
}

/** How a recorded attempt behaves in a simulation: when it opens, when it ends, and with what result. */
export function attemptBehaviourOf(
  { outcome, durationMs, firstTokenMs, signals, retryAfterMs }: RecordedAttempt,
  stream: boolean,
): AttemptBehaviour {
  if (outcome === 'ok') {
    const openAfterMs = stream && firstTokenMs > 0 ? Math.min(firstTokenMs, durationMs) : durationMs;
    return { openAfterMs, endAfterMs: durationMs, result: { signals } };
  }
  const kind = failureKindOfLabel(outcome) ?? 'server-error';
  const failure = { kind, message: 'as recorded', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  // An answer that broke after its first content had opened; any other had not.
  const openAfterMs = kind === 'truncated' && firstTokenMs > 0 ? Math.min(firstTokenMs, durationMs) : durationMs;
  return { openAfterMs, endAfterMs: durationMs, result: { failure } };
}

/** A cell with fewer is none: the next wider one is looked at, and after the widest nothing is guessed. */
const cellMin = 8;
const hourMs = 3_600_000;

interface PooledAttempt {
  readonly attempt: RecordedAttempt;
  readonly of: string;
}

/**
 * Attempts by target, size and hour. Those that were made because an earlier answer was declined are kept apart: they are of the requests that
 * the recorded rule doubted, and say nothing about the others.
 */
export class BehaviourPool {
  readonly #cells = new Map<string, PooledAttempt[]>();
  readonly #unselected = new Map<string, PooledAttempt[]>();

  /** Attempts that were aborted, by the gateway or by the caller, have no known end. */
  constructor(requests: readonly RecordedRequest[]) {
    for (const request of requests) {
      let isSelected = false;
      for (const attempt of attemptsIn(request)) {
        if (attempt.outcome === 'aborted' || attempt.outcome === 'cancelled') continue;
        for (const key of keysOf(attempt.target, request)) {
          for (const cells of isSelected ? [this.#cells] : [this.#cells, this.#unselected]) {
            const cell = cells.get(key);
            if (cell) cell.push({ attempt, of: request.id });
            else cells.set(key, [{ attempt, of: request.id }]);
          }
        }
        isSelected ||= isDeclined(attempt);
      }
    }
  }

  /**
   * One of those that fit, the same one in every run of this seed, and never the request's own. `afterDecline`: the record, too, declined what
   * came before, so that attempts after a declined answer fit as well.
   */
  draw(target: string, request: RecordedRequest, nth: number, seed: string, afterDecline: boolean): RecordedAttempt | undefined {
    const cells = afterDecline ? this.#cells : this.#unselected;
    for (const key of keysOf(target, request)) {
      const cell = cells.get(key);
      if (!cell || cell.length < cellMin) continue;
      const at = createHash('sha1').update(`${seed} ${request.id} ${target} ${nth}`).digest().readUInt32BE() % cell.length;
      for (let i = 0; i < cell.length; i++) {
        const found = cell[(at + i) % cell.length]!;
        if (found.of !== request.id) return found.attempt;
      }
    }
    return undefined;
  }

  /** Whether the target's attempts are all after a declined answer. */
  isSelected(target: string): boolean {
    return this.#cells.has(target) && !this.#unselected.has(target);
  }
}

/** An answer that the recorded rule did not take. */
export const isDeclined = ({ outcome, accepted }: RecordedAttempt): boolean => outcome === 'ok' && !accepted;

/** From the narrowest cell to the widest: the model, the length of its input in octaves, the hour. */
function keysOf(target: string, request: RecordedRequest): readonly string[] {
  const octave = Math.floor(Math.log2(Math.max(1, inputTokensOf(request))));
  const hour = Math.floor(request.receivedAt / hourMs);
  return [`${target} ${octave} ${hour}`, `${target} ${octave}`, target];
}

const bytesPerToken = 4;
const inputTokensOf = (request: RecordedRequest): number => request.answer.inputTokens || Math.ceil(request.body.length / bytesPerToken);
