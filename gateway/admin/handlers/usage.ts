/** Usage over time, runs and their pairs. */

import { invalid } from '../../exchange/response/refusal.ts';
import { mayActAs } from '../api/contract.ts';
import { usageDimensions } from '../api/usage.ts';
import type { Handlers } from './contract.ts';
import { noStore, notFound } from './exchanges.ts';

export const usageHandlers: Handlers<'getUsage' | 'listRuns' | 'getRun' | 'listPairs'> = {
  getUsage: (call, { records }) => {
    const { by, bucket } = call.query;
    const names = by?.split(',') ?? [];
    const unknown = names.find(name => !(usageDimensions as readonly string[]).includes(name));
    if (unknown !== undefined)
      return invalid('invalid_value', `by: there is no dimension ${unknown}; there are ${usageDimensions.join(', ')}.`, 'by');
    if (bucket === 'minute' && names.some(name => name === 'project' || name === 'key'))
      return invalid('invalid_value', 'by: minutes have no project and no key; use hours.', 'by');
    return records ? records.usage(call.query, call) : noStore;
  },
  listRuns: (call, { records }) => (records ? records.runs(call.query, call) : noStore),
  getRun: async (call, { records }) => {
    if (!records) return noStore;
    const run = await records.run(call.params.id, call);
    if (!run) return notFound('run');
    // What a run was made of may name words of payloads.
    return mayActAs(call.caller.role, 'analyst') ? run : { ...run, manifest: null };
  },
  listPairs: async (call, { records }) => {
    if (!records) return noStore;
    const found = await records.run(call.params.id, call);
    const continuous = call.params.id === 'shadow' || call.params.id === 'audit';
    return found || continuous ? records.pairs(call.params.id, call.query, call) : notFound('run');
  },
};
