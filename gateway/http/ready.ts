/** `GET /ready`: whether requests should come here. */
import type { ServerResponse } from 'node:http';
import { sendJson } from '../exchange/response/refusal.ts';
import type { RouteEntry } from './route-table.ts';

/** A store that is down (`behind`) is no reason to send callers elsewhere: what is answered meanwhile waits in the spool. */
function sendReadiness(response: ServerResponse, reasons: readonly string[], warnings: readonly string[]): void {
  const isReady = reasons.length === 0;
  sendJson(response, isReady ? 200 : 503, {
    status: isReady ? 'ready' : 'not ready',
    reasons,
    ...(warnings.length > 0 ? { warnings } : {}),
  });
}

export const readyRoute = (
  reasons: () => readonly string[],
  warnings: () => readonly (readonly string[] | string | undefined)[],
): RouteEntry => ({
  method: 'GET',
  path: '/ready',
  handler: (_, response) =>
    sendReadiness(
      response,
      reasons(),
      warnings()
        .flat()
        .filter(warning => warning !== undefined),
    ),
});
