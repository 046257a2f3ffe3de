/** The store's table of runs, as replay writes and reads it. */
import { CommandError, exit } from '../../gateway/cli/command.ts';
import { type NanoUsd, usd } from '../../gateway/core/money/price.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Store } from '../../recorder/store/store.ts';

export interface RunRecord {
  readonly id: string;
  readonly kind?: 'replay' | 'simulation';
  readonly arms: readonly string[];
  readonly state: 'running' | 'finished' | 'interrupted' | 'failed';
  readonly createdAt: Instant;
  readonly finishedAt?: Instant;
  readonly configHash: string;
  /** Everything that is needed to do it again. */
  readonly manifest: object;
  readonly selected: number;
  readonly done: number;
  readonly failed: number;
  readonly spent: NanoUsd;
}

/** A later row of the same run replaces the one before. */
export async function writeRun(store: Store, run: RunRecord): Promise<void> {
  await store.insert('runs', [
    {
      run_id: run.id,
      tenant_id: '',
      kind: run.kind ?? 'replay',
      name: '',
      arms: run.arms,
      state: run.state,
      created_at: dateTime(run.createdAt),
      finished_at: run.finishedAt === undefined ? null : dateTime(run.finishedAt),
      config_hash: run.configHash,
      manifest: JSON.stringify(run.manifest),
      selected: run.selected,
      done: run.done,
      failed: run.failed,
      cost_usd: usd(run.spent).toFixed(9),
    },
  ]);
}

/** What a live share of traffic was asked beside the answer that callers got: runs without end, by these names. */
const continuousRuns = ['shadow', 'audit'];

/** The id that `run` names: itself, or that of the latest replay for `latest`. */
export async function runNamed(store: Store, run: string): Promise<string> {
  if (continuousRuns.includes(run)) return run;
  const latest = run === 'latest';
  const [row] = await store.select<{ run_id: string }>(
    `SELECT run_id FROM runs FINAL WHERE kind = 'replay' AND ({latest: Bool} OR run_id = {run: String}) ORDER BY created_at DESC LIMIT 1`,
    { latest, run },
  );
  if (row) return row.run_id;
  const hint = 'hindcast replay run --since 1h --against provider/model makes one';
  throw new CommandError(
    exit.nothing,
    latest ? `There is no run yet: ${hint}.` : `There is no run ${run}. \`latest\` names the newest; ${hint}.`,
  );
}

/** Sorts by time, and can be read: 20260131-120000-4f2a. */
export const newRunId = (at: Instant, random: string): string =>
  `${dateTime(at).slice(0, 19).replace(/[-:]/g, '').replace(' ', '-')}-${random}`;

const dateTime = (at: Instant): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '');
