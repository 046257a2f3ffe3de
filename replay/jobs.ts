/** What a run is made of: each request, arm and repeat, with the moment it is due. */
import type { Dialect } from '../gateway/core/dialect.ts';
import type { Instant, Milliseconds } from '../gateway/core/time.ts';
import { type Asked, askAgain } from './again.ts';
import type { Arm } from './arm.ts';
import type { Job } from './journal.ts';
import { type Pace, schedule } from './pace.ts';
import type { RecordedRequest } from './source.ts';
import type { Transforms } from './transform.ts';

export interface JobInHand {
  readonly recorded: RecordedRequest;
  readonly arm: Arm;
  readonly repeat: number;
  readonly dueMs: Milliseconds;
}

export interface JobPlan {
  readonly requests: readonly RecordedRequest[];
  readonly arms: readonly Arm[];
  readonly repeats: number;
  readonly pace: Pace;
}

/** All arms of one request are due together, so that they meet the same hour. */
export function jobsOf({ requests, arms, repeats, pace }: JobPlan): readonly JobInHand[] {
  const due = schedule(
    requests.map(request => request.receivedAt),
    pace,
  );
  return requests.flatMap((recorded, i) =>
    Array.from({ length: repeats }, (_, repeat) =>
      arms.filter(arm => arm.wants?.(recorded) ?? true).map(arm => ({ recorded, arm, repeat, dueMs: due[i]! })),
    ).flat(),
  );
}

export const keyOf = ({ recorded, arm, repeat }: JobInHand): Job => ({ request: recorded.id, arm: arm.name, repeat });

export interface Asking {
  readonly run: string;
  dialectOf(name: string): Dialect | undefined;
  readonly transforms?: Transforms;
}

/** Or why it cannot be asked. `recorded` is the job's own request, or one that follows it. */
export function questionOf(plan: Asking, { arm, repeat }: JobInHand, recorded: RecordedRequest, now: Instant): Asked | string {
  const dialect = plan.dialectOf(recorded.dialect);
  if (!dialect) return `recorded in a wire format that this version does not read: ${recorded.dialect}`;
  return askAgain(recorded, arm, plan.run, repeat, dialect, now, plan.transforms);
}
