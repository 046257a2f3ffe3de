/** `GET /ready`: whether requests should come here. */
import type { ServerResponse } from 'node:http';
import { sendJson } from '../exchange/response/refusal.ts';

/** A store that is down (`behind`) is no reason to send callers elsewhere: what is answered meanwhile waits in the spool. */
export function sendReadiness(response: ServerResponse, reasons: readonly string[], warning: string | undefined): void {
  const isReady = reasons.length === 0;
  sendJson(response, isReady ? 200 : 503, {
    status: isReady ? 'ready' : 'not ready',
    reasons,
    ...(warning ? { warnings: [warning] } : {}),
  });
}
