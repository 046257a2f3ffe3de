/** The jobs of a run: each request, arm and repeat, with its due time. */
import type { CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Arm } from '../arms/arm.ts';
import { prepareReplayRequest, type ReplayRequest } from '../arms/replay-request.ts';
import type { Transforms } from '../arms/transform.ts';
import type { RecordedRequest } from '../recorded/requests.ts';
import type { Job } from './journal.ts';
import { type Pacing, schedule } from './pacing.ts';

export interface ScheduledJob {
  readonly recorded: RecordedRequest;
  readonly arm: Arm;
  readonly repeat: number;
  readonly dueMs: Milliseconds;
}

export interface JobSchedule {
  readonly requests: readonly RecordedRequest[];
  readonly arms: readonly Arm[];
  readonly repeats: number;
  readonly pace: Pacing;
}

/** All arms of a request are due together, so that they run under the same conditions. */
export function jobsOf({ requests, arms, repeats, pace }: JobSchedule): readonly ScheduledJob[] {
  const due = schedule(
    requests.map(request => request.receivedAt),
    pace,
  );
  return requests.flatMap((recorded, i) =>
    Array.from({ length: repeats }, (_, repeat) =>
      arms.filter(arm => arm.includes?.(recorded) ?? true).map(arm => ({ recorded, arm, repeat, dueMs: due[i]! })),
    ).flat(),
  );
}

/** The journal's key of a scheduled job. */
export const jobKey = ({ recorded, arm, repeat }: ScheduledJob): Job => ({ request: recorded.id, arm: arm.name, repeat });

export interface ReplayContext {
  readonly run: string;
  dialectOf(name: string): CallerFormat | undefined;
  readonly transforms?: Transforms;
}

/** The request to execute, or the reason why it cannot be sent. `recorded` is the job's request, or a later one of its turn. */
export function replayRequestOf(
  context: ReplayContext,
  { arm, repeat }: ScheduledJob,
  recorded: RecordedRequest,
  now: Instant,
): ReplayRequest | string {
  const dialect = context.dialectOf(recorded.dialect);
  if (!dialect) return `this version does not support the recorded wire format ${recorded.dialect}`;
  return prepareReplayRequest(recorded, arm, context.run, repeat, dialect, now, context.transforms);
}
