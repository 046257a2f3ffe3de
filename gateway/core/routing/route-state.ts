/** Queries and updates of the attempts in the router's state. */
import type { RouteAttempt, RouteState, RouteStep } from './contract.ts';

export const stepOf = (state: RouteState, attempt: number): RouteStep => state.policy.steps[state.attempts[attempt]!.step]!;

export const isRunning = (state: RouteState, attempt: number): boolean => state.attempts[attempt]?.status === 'running';

export const isSideCall = (state: RouteState, attempt: number): boolean => state.attempts[attempt]!.of !== undefined;

/** Whether the route waits for something: an attempt, side calls, a retry or a queue. */
export const isBusy = ({ retryWaiting, queued, attempts }: RouteState): boolean =>
  retryWaiting !== undefined || queued !== undefined || attempts.some(a => a.status === 'running' || a.status === 'buffered');

export const updateAttempt = (state: RouteState, attempt: number, change: Partial<RouteAttempt>): RouteState => ({
  ...state,
  attempts: state.attempts.map((a, i) => (i === attempt ? { ...a, ...change } : a)),
});
