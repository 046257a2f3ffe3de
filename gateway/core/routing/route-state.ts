/** Queries and updates of the attempts in the router's state. */
import type { RouteAttempt, RouteState, RouteStep } from './contract.ts';

/** The policy's step of an attempt. The attempt must exist. */
export const stepOf = (state: RouteState, attempt: number): RouteStep => state.policy.steps[state.attempts[attempt]!.step]!;

/** Whether the attempt exists and has not ended. */
export const isRunning = (state: RouteState, attempt: number): boolean => state.attempts[attempt]?.status === 'running';

/** Whether the attempt serves another one, as a judge or a second sample does. */
export const isSideCall = (state: RouteState, attempt: number): boolean => state.attempts[attempt]!.of !== undefined;

/** Whether the route waits for something: an attempt, side calls, a retry or a queue. */
export const isBusy = ({ retryWaiting, queued, attempts }: RouteState): boolean =>
  retryWaiting !== undefined || queued !== undefined || attempts.some(a => a.status === 'running' || a.status === 'buffered');

/** The state with one attempt changed. */
export const updateAttempt = (state: RouteState, attempt: number, change: Partial<RouteAttempt>): RouteState => ({
  ...state,
  attempts: state.attempts.map((a, i) => (i === attempt ? { ...a, ...change } : a)),
});
