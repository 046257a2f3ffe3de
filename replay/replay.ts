/** Asks recorded requests again: each arm each request, when it is due, as many at once as allowed, within the money allowed. */
import { type Asking, ask, type Reader } from '../gateway/ask.ts';
import type { Dialect } from '../gateway/core/dialect.ts';
import type { Exchange, ExchangeOutcome } from '../gateway/core/exchange.ts';
import type { NanoUsd } from '../gateway/core/price.ts';
import type { Clock, Milliseconds } from '../gateway/core/time.ts';
import type { Question } from '../gateway/question.ts';
import { askAgain } from './again.ts';
import type { Arm } from './arm.ts';
import { type Pace, schedule } from './pace.ts';
import { estimate } from './plan.ts';
import type { Purse } from './purse.ts';
import type { RecordedRequest } from './source.ts';

export interface Replay {
  readonly run: string;
  /** In order of arrival. */
  readonly requests: readonly RecordedRequest[];
  readonly arms: readonly Arm[];
  readonly repeats: number;
  readonly pace: Pace;
  /** Calls under way at once. */
  readonly concurrency: number;
  readonly purse: Purse;
  readonly clock: Clock;
  dialectOf(name: string): Dialect | undefined;
  /** Stops the run: what is under way is given up and recorded as cancelled. */
  readonly stop: AbortSignal;
  onExchange(exchange: Exchange): void;
}

export interface Replayed {
  readonly asked: number;
  readonly answered: number;
  /** Not asked: the request, the arm and why. */
  readonly skipped: readonly { readonly request: string; readonly arm: string; readonly reason: string }[];
  /** Asked and not answered, by outcome. */
  readonly failed: Readonly<Partial<Record<ExchangeOutcome, number>>>;
  /** Left when the money ran out or the run was stopped. */
  readonly left: number;
  readonly stoppedBy?: 'cap' | 'interrupt';
  /** What the call for which the money did not suffice could have cost. */
  readonly nextWorst?: NanoUsd;
  readonly spent: NanoUsd;
  /** How late calls began after they were due, for want of a free place. */
  readonly lagMsMax: Milliseconds;
}

interface Job {
  readonly recorded: RecordedRequest;
  readonly arm: Arm;
  readonly repeat: number;
  readonly dueMs: Milliseconds;
}

export async function replay(plan: Replay): Promise<Replayed> {
  const jobs = jobsOf(plan);
  const startedAt = plan.clock.now();
  const skipped: Replayed['skipped'][number][] = [];
  const tally = { next: 0, asked: 0, answered: 0, lagMsMax: 0 };
  const failed: Partial<Record<ExchangeOutcome, number>> = {};
  let stoppedBy: Replayed['stoppedBy'];
  let nextWorst: NanoUsd | undefined;

  const work = async (): Promise<void> => {
    for (;;) {
      const job = stoppedBy === undefined ? jobs[tally.next] : undefined;
      if (!job) return;
      tally.next++;
      const lag = await waitFor(plan, startedAt + job.dueMs);
      if (plan.stop.aborted || stoppedBy !== undefined) return leave(plan.stop.aborted ? 'interrupt' : 'cap');
      const question = questionOf(plan, job);
      if (typeof question === 'string') {
        skipped.push({ request: job.recorded.id, arm: job.arm.name, reason: question });
        continue;
      }
      const { worst } = estimate(question, job.recorded, job.arm.world, plan.clock.now());
      if (!plan.purse.reserve(worst)) {
        nextWorst = worst;
        return leave('cap');
      }
      // What is asked without waiting is due at once, and late by design.
      if (Number.isFinite(plan.pace.speed)) tally.lagMsMax = Math.max(tally.lagMsMax, lag);
      tally.asked++;
      const exchange = await answered(ask(question, job.arm.world, nobodyReads()), plan.stop);
      plan.purse.settle(worst, exchange.costNanoUsd ?? 0);
      if (exchange.outcome === 'ok') tally.answered++;
      else failed[exchange.outcome] = (failed[exchange.outcome] ?? 0) + 1;
      plan.onExchange(exchange);
    }
  };
  /** The job in hand goes back among those that are left. */
  const leave = (why: 'cap' | 'interrupt'): void => {
    tally.next--;
    stoppedBy = stoppedBy === 'interrupt' ? stoppedBy : why;
  };

  await Promise.all(Array.from({ length: Math.min(plan.concurrency, jobs.length) }, work));
  const { next, ...counts } = tally;
  return {
    ...counts,
    failed,
    skipped,
    left: jobs.length - next,
    ...(stoppedBy ? { stoppedBy } : {}),
    ...(stoppedBy === 'cap' && nextWorst !== undefined ? { nextWorst } : {}),
    spent: plan.purse.spent,
  };
}

/** All arms of one request are due together, so that they meet the same hour. */
function jobsOf({ requests, arms, repeats, pace }: Replay): readonly Job[] {
  const due = schedule(
    requests.map(request => request.receivedAt),
    pace,
  );
  return requests.flatMap((recorded, i) =>
    Array.from({ length: repeats }, (_, repeat) => arms.map(arm => ({ recorded, arm, repeat, dueMs: due[i]! }))).flat(),
  );
}

function questionOf(plan: Replay, { recorded, arm, repeat }: Job): Question | string {
  const dialect = plan.dialectOf(recorded.dialect);
  if (!dialect) return `recorded in a wire format that this version does not read: ${recorded.dialect}`;
  return askAgain(recorded, arm, plan.run, repeat, dialect, plan.clock.now());
}

/** Resolves when `at` has come, or at once when the run is stopped; how late it is, in ms. */
function waitFor({ clock, stop }: Replay, at: number): Promise<Milliseconds> {
  if (clock.now() >= at || stop.aborted) return Promise.resolve(Math.max(0, clock.now() - at));
  return new Promise(resolve => {
    const done = (): void => {
      cancel();
      stop.removeEventListener('abort', done);
      resolve(Math.max(0, clock.now() - at));
    };
    const cancel = clock.at(at, done);
    stop.addEventListener('abort', done, { once: true });
  });
}

async function answered(asking: Asking, stop: AbortSignal): Promise<Exchange> {
  const leave = (): void => asking.leave();
  stop.addEventListener('abort', leave, { once: true });
  try {
    return await asking.done;
  } finally {
    stop.removeEventListener('abort', leave);
  }
}

/** The record is all that is wanted of the answer. */
function nobodyReads(): Reader {
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    begin: () => {
      begun = true;
    },
    write: () => true,
    end: () => {},
    fail: () => {},
  };
}
