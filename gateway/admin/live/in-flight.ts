/** Requests that are being answered, as the admin API shows them. Pure. */
import type { Instant } from '../../core/shared/time.ts';
import type { RoutedRequest } from '../../exchange/contract.ts';
import type { InFlight } from '../api/exchanges.ts';

export function inFlightRow({ id, receivedAt, caller, policy, chat, dialect }: RoutedRequest, now: Instant, worker: number): InFlight {
  const { tenant, project, key, user } = caller;
  return {
    id,
    received_at: new Date(receivedAt).toISOString(),
    age_ms: Math.max(0, Math.round(now - receivedAt)),
    ...{ tenant, project, key, user },
    ...{ route: policy.name, requested_model: chat.model, dialect: dialect.name, stream: chat.stream, worker },
  };
}
