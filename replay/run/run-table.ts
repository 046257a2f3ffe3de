/** Writes and reads the table `runs` of the store. */
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
  /** Everything needed to repeat it. */
  readonly manifest: object;
  readonly selected: number;
  readonly done: number;
  readonly failed: number;
  readonly spent: NanoUsd;
}

/** Writes the run's row; a later row of the same run replaces it. */
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

/** Runs of live shadow traffic and audits, which never end. */
const continuousRuns = ['shadow', 'audit'];

/** The id of the run, or of the newest replay for `latest`. Throws a CommandError when there is none. */
export async function runNamed(store: Store, run: string): Promise<string> {
  if (continuousRuns.includes(run)) return run;
  const latest = run === 'latest';
  const [row] = await store.select<{ run_id: string }>(
    `SELECT run_id FROM runs FINAL WHERE kind = 'replay' AND ({latest: Bool} OR run_id = {run: String}) ORDER BY created_at DESC LIMIT 1`,
    { latest, run },
  );
  if (row) return row.run_id;
  const hint = 'create one with hindcast replay run --since 1h --against provider/model';
  throw new CommandError(
    exit.nothing,
    latest ? `There is no run yet: ${hint}.` : `There is no run ${run}. \`latest\` is the newest run; ${hint}.`,
  );
}

/** A readable id that sorts by time: 20260131-120000-4f2a. */
export const newRunId = (at: Instant, random: string): string =>
  `${dateTime(at).slice(0, 19).replace(/[-:]/g, '').replace(' ', '-')}-${random}`;

const dateTime = (at: Instant): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '');
