/** Answers replayed requests from the record, where an equal request to the same target was recorded. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import type { Clock, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';
import type { ExecutionEnvironment, RoutedRequest } from '../../gateway/exchange/contract.ts';
import { prepare } from '../../gateway/exchange/routed-request.ts';
import type { Upstream, UpstreamHandle, UpstreamListener } from '../../gateway/transport/upstream.ts';
import type { Store } from '../../recorder/store/store.ts';
import { type AttemptBytes, loadAttemptBytes, loadAttempts, type RecordedAttempt } from '../recorded/attempts.ts';
import { canonicalRequest } from '../recorded/canonical.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import { VirtualClock } from './virtual-clock.ts';

/** The simulator as a composition root hands it in: whether the policy comes to its end on what is known. */
export type CompletesFromRecord = (
  policy: RoutePolicy,
  seed: string,
  known: (target: string, nth: number) => { openAfterMs: Milliseconds; endAfterMs: Milliseconds; signals: Signals } | undefined,
) => boolean;

export interface RecordedAnswers {
  /** The record answers every call of the policy: no provider is called. */
  readonly isComplete: boolean;
  /** The recorded cost of these responses, which is saved. */
  readonly saved: NanoUsd;
  /** Targets with a recorded response. */
  readonly targets: ReadonlySet<string>;
  readonly environment: ExecutionEnvironment;
  /** Virtual time when everything comes from the record, else the run's clock. */
  readonly clock: Clock;
  run<Result>(task: Promise<Result>): Promise<Result>;
}

type AttemptWithBytes = RecordedAttempt & { readonly bytes: AttemptBytes };

export interface RecordedAnswerLookup {
  answersOf(recorded: RecordedRequest, request: RoutedRequest, environment: ExecutionEnvironment): Promise<RecordedAnswers>;
}

/** A lookup of recorded responses in the store; responses of the run itself are left out. */
export function recordedAnswerLookup(store: Store, run: string, completesFromRecord: CompletesFromRecord): RecordedAnswerLookup {
  return {
    answersOf: async (recorded, request, environment) => {
      const known = new Map<string, readonly AttemptWithBytes[]>();
      const earlier = await loadExchanges(store, recorded.id, run);
      for (const step of request.policy.steps) {
        const { provider, model } = environment.targetOf(step.target, request.id, 0);
        const wanted = canonicalRequest(prepare(request, step, provider, model).body);
        const matches = ({ accepted, signals, bytes }: AttemptWithBytes): boolean =>
          canonicalRequest(bytes.request.toString()) === wanted &&
          (step.accept === undefined || accepted || Object.keys(signals).length > 0);
        const answers = earlier.filter(attempt => attempt.target === step.target && attempt.outcome === 'ok' && matches(attempt));
        if (answers.length > 0) known.set(step.target, answers);
      }
      let saved = 0;
      const whole = completesFromRecord(request.policy, request.id, (target, nth) => {
        const attempt = known.get(target)?.[nth];
        saved += attempt?.costNanoUsd ?? 0;
        return (
          attempt && { openAfterMs: attempt.firstTokenMs || attempt.durationMs, endAfterMs: attempt.durationMs, signals: attempt.signals }
        );
      });
      return recordedAnswersOf(known, whole, saved, environment);
    },
  };
}

/** Attempts of the request itself first, then of its earlier replays. */
async function loadExchanges(store: Store, id: string, run: string): Promise<readonly AttemptWithBytes[]> {
  const rows = await store.select<{ id: string }>(
    `SELECT toString(request_id) AS id FROM requests WHERE replay_of = {id: String} AND run_id != {run: String} ORDER BY ts DESC LIMIT 1 BY request_id LIMIT 20`,
    { id, run },
  );
  const ids = [id, ...rows.map(row => row.id)];
  const attempts = await loadAttempts(store, ids);
  const found: AttemptWithBytes[] = [];
  for (const exchange of ids) {
    const bytes = await loadAttemptBytes(store, exchange);
    for (const attempt of attempts.get(exchange) ?? []) {
      const attemptBytes = bytes.get(attempt.number);
      if (attemptBytes) found.push({ ...attempt, bytes: attemptBytes });
    }
  }
  return found;
}

const scheme = 'record:';

function recordedAnswersOf(
  known: ReadonlyMap<string, readonly AttemptWithBytes[]>,
  whole: boolean,
  saved: NanoUsd,
  environment: ExecutionEnvironment,
): RecordedAnswers {
  const virtual = whole ? new VirtualClock(environment.clock.now()) : undefined;
  const clock = virtual ?? environment.clock;
  const nextIndex = new Map<string, number>();
  const replayed = new Map<string, AttemptWithBytes>();
  const upstream: Upstream = {
    send: (call, listener) => {
      const answer = replayed.get(call.url.slice(0, call.url.indexOf('!') + 1));
      return answer ? replayBytes(answer, clock, listener) : environment.upstream.send(call, listener);
    },
    close: async () => {},
  };
  return {
    isComplete: whole,
    saved,
    targets: new Set(known.keys()),
    clock,
    run: task => (virtual ? virtual.run(task) : task),
    environment: {
      ...environment,
      clock,
      upstream,
      targetOf: (target, seed, tokens) => {
        const found = environment.targetOf(target, seed, tokens);
        const nth = nextIndex.get(target) ?? 0;
        const answer = known.get(target)?.[nth];
        if (!answer) return found;
        nextIndex.set(target, nth + 1);
        const baseUrl = `${scheme}${target}#${nth}!`;
        replayed.set(baseUrl, answer);
        // A simulated provider must not simulate again what the record answers.
        const { simulate: _, ...provider } = found.provider;
        return { ...found, provider, baseUrl };
      },
    },
  };
}

/** Delivers the recorded chunks at their recorded times. */
function replayBytes(
  { bytes: { response, chunks }, durationMs, status }: AttemptWithBytes,
  clock: Clock,
  listener: UpstreamListener,
): UpstreamHandle {
  const cancels = new Set<() => void>();
  const after = (ms: Milliseconds, fire: () => void): void => {
    cancels.add(clock.at(clock.now() + ms, fire));
  };
  const isJson = /^\s*[[{]/.test(response.subarray(0, 64).toString('latin1'));
  const arrivals = chunks.length > 0 ? chunks : [[durationMs, response.byteLength] as const];
  after(arrivals[0]![0], () => listener.headers(status || 200, { 'content-type': isJson ? 'application/json' : 'text/event-stream' }));
  let at = 0;
  for (const [ms, length] of arrivals) {
    const piece = response.subarray(at, at + length);
    at += length;
    after(ms, () => listener.chunk(piece));
  }
  after(Math.max(durationMs, arrivals.at(-1)![0]), () => {
    if (at < response.byteLength) listener.chunk(response.subarray(at));
    listener.end();
  });
  const abort = (): void => {
    for (const cancel of cancels) cancel();
  };
  return { abort, pause: () => {}, resume: () => {} };
}
