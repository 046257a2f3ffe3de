/** Stores outcomes measured elsewhere as a run. */
import { createHash } from 'node:crypto';
import { usd } from '../../gateway/core/money/price.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { confidenceOf } from '../../gateway/core/signals/signal.ts';
import type { Store } from '../../recorder/store/store.ts';
import type { Item, Outcome } from './outcomes.ts';

export interface ImportResult {
  readonly run: string;
  readonly items: number;
  readonly targets: readonly string[];
  /** False when the same file was there already. */
  readonly added: boolean;
}

const rowsPerInsert = 5_000;

/** The run's id follows from the file's content, and its row is written last: the same file again, even after a crash, adds nothing. */
export async function importItems(
  store: Store,
  items: readonly Item[],
  from: { readonly text: string; readonly name: string; readonly at: Instant },
): Promise<ImportResult> {
  const hash = createHash('sha256').update(from.text).digest('hex');
  const run = `import-${hash.slice(0, 12)}`;
  const targets = [...new Set(items.flatMap(item => [...item.outcomes.keys()]))].sort();
  const there = await store.select<{ run_id: string }>('SELECT run_id FROM runs FINAL WHERE run_id = {run: String} LIMIT 1', { run });
  if (there.length > 0) return { run, items: items.length, targets, added: false };
  const ts = dateTime(from.at);
  const rows = items.flatMap(item => [...item.outcomes].map(([target, outcome]) => resultRow(run, ts, item, target, outcome)));
  for (let i = 0; i < rows.length; i += rowsPerInsert)
    await store.insert('replay_results', rows.slice(i, i + rowsPerInsert), `${run}-${i}`);
  const cost = items.reduce((sum, item) => [...item.outcomes.values()].reduce((s, outcome) => s + (outcome.costNanoUsd ?? 0), sum), 0);
  const failed = rows.filter(row => row.outcome !== 'ok').length;
  await store.insert(
    'runs',
    [
      {
        run_id: run,
        tenant_id: '',
        kind: 'import',
        name: from.name,
        arms: targets,
        state: 'finished',
        created_at: ts,
        finished_at: ts,
        config_hash: '',
        manifest: JSON.stringify({ file: from.name, sha256: hash, items: items.length }),
        selected: items.length,
        done: rows.length - failed,
        failed,
        cost_usd: usd(cost).toFixed(9),
      },
    ],
    run,
  );
  return { run, items: items.length, targets, added: true };
}

function resultRow(run: string, ts: string, item: Item, target: string, outcome: Outcome) {
  const slash = target.indexOf('/');
  return {
    tenant_id: '',
    run_id: run,
    arm: target,
    request_id: item.id,
    repeat_no: 0,
    replay_id: '',
    cluster: item.cluster === item.id ? '' : item.cluster,
    ts,
    original_ts: ts,
    provider: slash < 0 ? '' : target.slice(0, slash),
    model: target.slice(slash + 1),
    outcome: outcome.failure ? 'upstream_error' : 'ok',
    error_type: outcome.failure ? outcome.failure.kind : '',
    latency_ms: Math.round(outcome.latencyMs ?? 0),
    ttft_ms: Math.round(outcome.firstTokenMs ?? 0),
    cost_usd: usd(outcome.costNanoUsd ?? 0).toFixed(9),
    price_id: outcome.costNanoUsd === undefined ? '' : 'imported',
    confidence: confidenceOf(outcome.signals) ?? null,
    signals: outcome.signals,
    scores: { ...outcome.scores, ...(outcome.quality === undefined ? {} : { quality: outcome.quality }) },
    attempts: 1,
  };
}

const dateTime = (at: Instant): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '');
