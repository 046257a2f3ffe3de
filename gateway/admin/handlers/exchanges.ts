/** Exchanges, payloads, what is in flight, the tail, and labels. */
import { createHash } from 'node:crypto';
import { forbidden, invalid, type Refusal, recordingRefusal } from '../../exchange/response/refusal.ts';
import { timeOfExchangeId } from '../../settings/ids.ts';
import { mayActAs } from '../api/contract.ts';
import type { ExchangeDetail } from '../api/exchanges.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { type AdminCaller, tenantsSeenBy } from '../http/caller.ts';
import type { Call, Handlers } from './contract.ts';

export const noStore: Refusal = {
  refusal: {
    ...{ status: 503, type: 'server_error', code: 'store_unavailable', param: null },
    message: 'The store does not answer. Records are kept meanwhile; try again.',
  },
  headers: { 'retry-after': '2' },
};

/** The 404 for a thing of this kind. */
export const notFound = (what: string): Refusal => invalid('not_found', `There is no such ${what}.`, null, 404);

const seesTexts = ({ role }: AdminCaller): boolean => mayActAs(role, 'analyst');
const tailsMax = 100;

export const exchangeHandlers: Handlers<
  'listExchanges' | 'getExchange' | 'getPayload' | 'listInFlight' | 'tail' | 'addLabel' | 'listLabels'
> = {
  listExchanges: (call, { records }) => {
    // A search for a word reveals whether the payload has it.
    if (call.query.text !== undefined && !seesTexts(call.caller))
      return forbidden('role_too_small', 'A search in texts needs a key with role: analyst or more.', 'text');
    return records ? records.exchanges(call.query, call) : noStore;
  },
  getExchange: async (call, { records }) => {
    if (!records) return noStore;
    const found = await records.exchange(call.params.id, call);
    if (!found) return notFound('exchange');
    return seesTexts(call.caller) ? found : withoutTexts(found);
  },
  getPayload: async (call, { records }) => {
    if (!records) return noStore;
    const { id } = call.params;
    call.audit({ subject: id, detail: { attempt: call.query.attempt } });
    const tenant = await records.tenantOf(id, call);
    if (tenant === undefined) return notFound('exchange');
    call.audit({ subject: id, tenant, detail: { attempt: call.query.attempt } });
    return (await records.payload(id, call.query.attempt, call)) ?? notFound('payload');
  },
  listInFlight: async (call, { siblings, inFlight }) => {
    const tenants = tenantsSeenBy(call.caller);
    const all = siblings ? await siblings.listInFlight() : inFlight();
    const data = all.filter(({ tenant }) => tenants?.includes(tenant) ?? true).toSorted((a, b) => b.age_ms - a.age_ms);
    return { data, next: null };
  },
  tail: (call, { siblings, tails }) => {
    if (tails.count >= tailsMax) return invalid('too_many_tails', `${tailsMax} tails are open at this gateway.`, null, 429);
    const tenants = tenantsSeenBy(call.caller);
    return {
      open: send => (siblings ? siblings.watch({ filter: call.query, tenants }, send) : tails.open(call.query, tenants, send)),
    };
  },
  addLabel,
  listLabels: async (call, { records }) => {
    if (!records) return noStore;
    const { data, next } = await records.labels(call.query, call);
    return { data: seesTexts(call.caller) ? data : data.map(label => ({ ...label, explanation: null })), next };
  },
};

/** Messages and the router's log may hold words that a provider repeated. */
const withoutTexts = (exchange: ExchangeDetail): ExchangeDetail => ({
  ...exchange,
  ...{ error_message: null, events: null },
  attempt_list: exchange.attempt_list.map(attempt => ({ ...attempt, error_message: null })),
  scores: exchange.scores.map(score => ({ ...score, label: null, explanation: null })),
});

/** Kept as feedback is: on disk when it is answered, in the store a moment later. */
async function addLabel(call: Call<'addLabel'>, { records, sink }: AdminDependencies) {
  const { exchange, name, value, explanation } = call.body;
  const id = exchange.toLowerCase();
  if (!records) return noStore;
  const tenant = await records.tenantOf(id, call);
  if (tenant === undefined) return notFound('exchange');
  if (!sink.feedback || sink.refusal() !== undefined) return recordingRefusal;
  const evaluator = call.caller.name || 'admin';
  const score = { id: scoreId([tenant, id, name, 'human', evaluator]), name, source: 'human' as const, value, label: '', explanation };
  await sink.feedback({ request: id, tenant, scores: [{ ...score, evaluator, at: timeOfExchangeId(id) ?? 0 }] });
  call.audit({ subject: id, tenant, detail: { name, value } });
  return { exchange: id, name, value, evaluator };
}

/** The same for the same thing said again, as `hindcast eval label` makes it. */
function scoreId(parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\u0000')).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
