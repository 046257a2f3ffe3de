/** `GET /metrics`, and who may read it: it names tenants and what they spend. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { forbidden, type Refusal } from '../exchange/response/refusal.ts';
import { keyProblem } from '../keys/stored-key.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Settings } from '../settings/settings.ts';
import { findKey, presentedCredential, unknownKey } from './authenticate.ts';

/** Undefined when allowed. `open` and a gateway without keys need no key. */
export function refuseMetrics(
  { rawHeaders }: IncomingMessage,
  { keys, telemetry }: Pick<Settings, 'keys' | 'telemetry'>,
): Refusal | undefined {
  const { metrics = keys.size > 0 ? 'key' : 'open', metricsKey } = telemetry;
  if (metrics === 'open') return undefined;
  const presented = presentedCredential(rawHeaders);
  if (typeof presented === 'object') return presented;
  if (presented === undefined) return unknownKey(true);
  if (metricsKey?.equals(presented)) return undefined;
  const found = findKey(presented, keys);
  if (!found || keyProblem(found.caller, Date.now())) return unknownKey(false);
  if (found.seesGateway && found.caller.role !== 'caller') return undefined;
  return forbidden('role_too_small', 'Metrics need a key with role: viewer or more, of the tenant default or *; or telemetry.metrics_key.');
}

/** Answers 200 with all metrics, as OpenMetrics or Prometheus text by the `accept` header. */
export async function sendMetrics(metrics: Metrics, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { text, contentType } = await metrics.scrape(headers.accept);
  response.writeHead(200, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
}
