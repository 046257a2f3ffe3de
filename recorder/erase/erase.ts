/** Erases a subject: writes a tombstone for all recorders, removes records from spool, store and exports, verifies that none is left, and audits it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { writeAudit } from '../audit/write.ts';
import { exportedFiles } from '../export/exported-files.ts';
import { spoolRoot } from '../files/paths.ts';
import { waitUntilShipped } from '../process/wait-until-shipped.ts';
import { requestFlush } from '../spool/flush-request.ts';
import { segmentIds } from '../spool/spool-folders.ts';
import { singleServer } from '../store/cluster.ts';
import type { Store } from '../store/store.ts';
import { type Subject, subjectText, type Tombstone, tombstoneOf } from '../tombstones/tombstone.ts';
import { staleMsMax } from '../tombstones/tombstone-reader.ts';
import { type ErasedFile, eraseFromLines, eraseFromParquet, eraseRejected, eraseWholeFile, idsIn, type RequestIds } from './files.ts';
import { eraseFromDataset, eraseFromRun, replayFiles } from './replay-files.ts';
import { countRows, eraseRows, type RowCounts, requestIdsOf } from './tables.ts';

export interface Erasure {
  readonly id: string;
  readonly subject: string;
  /** Rows that were there, by table. */
  readonly rows: RowCounts;
  /** Records that the store had refused. */
  readonly rejected: number;
  /** Exported files, datasets and the requests of replay runs. */
  readonly exports: readonly ErasedFile[];
  /** Whether earlier segments were shipped. Waiting ones leave the subject's records out when they are. */
  readonly spool: 'shipped' | 'waiting';
  /** Whether nothing was found afterwards. */
  readonly verified: boolean;
}

const spoolMsMax = 60_000;
/** Another gateway's recorder may have been in the middle of an insert. */
const roundsMax = 3;

export async function erase(settings: Settings, store: Store, subject: Subject, now: Instant, place = singleServer): Promise<Erasure> {
  const id = randomUUID();
  const text = subjectText(subject);
  const tombstone = tombstoneOf(subject, now);
  await recordErasure(store, id, tombstone, 'requested');
  await writeAudit(store, settings.store.path, { action: 'erase-requested', tenant: subject.tenant ?? '', subject: text, detail: { id } });
  const spool = await waitForEarlierRecords(settings, now);
  const rejected = await eraseRejected(spoolRoot(settings.store.path), tombstone);
  // Before the rows, which tell whose ids a file holds; and again for files that were exported meanwhile.
  const exports = new Map<string, ErasedFile>();
  await eraseFiles(settings.store.path, store, { subject, tombstone, now }, exports);
  const rows: Record<string, number> = {};
  let verified = false;
  for (let round = 0; round < roundsMax && !verified; round++) {
    const counts = await countRows(store, subject, now);
    for (const [table, count] of Object.entries(counts)) rows[table] = (rows[table] ?? 0) + count;
    await eraseRows(store, subject, now, counts, place);
    verified = Object.values(await countRows(store, subject, now)).every(count => count === 0);
  }
  await eraseFiles(settings.store.path, store, { subject, tombstone, now }, exports);
  const erasure: Erasure = {
    id,
    subject: text,
    rows,
    rejected,
    exports: [...exports.values()],
    spool: spool ? 'shipped' : 'waiting',
    verified,
  };
  if (verified) await recordErasure(store, id, tombstone, 'verified');
  await writeAudit(store, settings.store.path, { action: 'erase', tenant: subject.tenant ?? '', subject: text, detail: erasure });
  return erasure;
}

interface ErasureScope {
  readonly subject: Subject;
  readonly tombstone: Tombstone;
  readonly now: Instant;
}

async function eraseFiles(
  storePath: string,
  store: Store,
  { subject, tombstone, now }: ErasureScope,
  done: Map<string, ErasedFile>,
): Promise<void> {
  const { datasets, runs } = await replayFiles(storePath);
  const files = [
    ...exportedFiles(storePath),
    ...datasets.map(path => ({ path, format: 'dataset' as const })),
    ...runs.map(path => ({ path, format: 'run' as const })),
  ].filter(({ path }) => !done.has(path));
  for (const { path, format } of files) {
    const ids = format === 'parquet' ? new Set<string>() : await requestIdsOf(store, subject, await idsIn(path), now);
    done.set(path, await eraseByFormat[format](path, tombstone, ids));
  }
}

const eraseByFormat = {
  jsonl: eraseFromLines,
  parquet: eraseFromParquet,
  whole: (path: string, _: Tombstone, ids: RequestIds) => eraseWholeFile(path, ids),
  dataset: eraseFromDataset,
  run: eraseFromRun,
} as const;

const recordErasure = (store: Store, id: string, tombstone: Tombstone, state: 'requested' | 'verified'): Promise<void> =>
  store.insert('erasures', [
    {
      erasure_id: id,
      tenant_id: tombstone.tenant_id,
      user_sha256: tombstone.user_sha256,
      request_id: tombstone.request_id,
      requested_at: new Date(tombstone.at).toISOString(),
      state,
      version: new Date().toISOString(),
    },
  ]);

/** Waits until segments from before the tombstone are shipped; the recorder leaves out the subject's records. */
async function waitForEarlierRecords(settings: Settings, since: Instant): Promise<boolean> {
  const root = spoolRoot(settings.store.path);
  const before = await segmentIds(root);
  // From then on every recorder knows the tombstone.
  await sleep(Math.max(0, since + staleMsMax + 200 - Date.now()));
  await requestFlush(root);
  return waitUntilShipped(settings, async () => [...(await segmentIds(root))].every(id => !before.has(id)), spoolMsMax);
}
