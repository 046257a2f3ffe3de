/** Runs a recorder from start to end: lock, engine, tables, shipping, and closing in reverse order. */
import type { EventEmitter } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditShipper, recordRetentionChange, recordTrouble } from '../audit/shipper.ts';
import { repairDeduplicationLogs } from '../engine/deduplication-repair.ts';
import { type RunningEngine, startEngine } from '../engine/server.ts';
import { waitForLock } from '../files/lock.ts';
import { closeToOthers } from '../files/modes.ts';
import {
  engineFile,
  engineFolder,
  ensureWriterKey,
  makeFolder,
  ownerLockFile,
  readEngineAddress,
  rollupLedgerFile,
  spoolRoot,
  writeEngineAddress,
} from '../files/paths.ts';
import { Rollups } from '../rollups/rollups.ts';
import { Shipper, type ShipStats } from '../ship/shipper.ts';
import { ddlTargetOf } from '../store/cluster.ts';
import { migrate } from '../store/migrate.ts';
import { applyRetention } from '../store/retention.ts';
import { connect, type RowStore, type Store } from '../store/store.ts';
import { isConfigurationError } from '../store/store-down.ts';
import { tombstoneReader } from '../tombstones/tombstone-reader.ts';
import { ClockWatch, statsOf, WarningLog } from './health.ts';
import type { FromRecorder, RecorderOptions, RecorderStats } from './protocol.ts';

const statsEveryMs = 1_000;
/** How long shipping may take at the end; the rest stays on disk. */
const drainMsMax = 10_000;
/** After this the gateway starts without the server; records wait in the spool. */
const serverWaitMs = 3_000;
const serverRetryMs = 1_000;

interface OpenedStore {
  readonly storeUrl: string;
  readonly store: Store;
  /** Of the embedded engine. */
  readonly engine?: RunningEngine;
  close(): Promise<void>;
}

/** The parent's interface to a running recorder. */
export interface RecorderRequests {
  /** To end. */
  readonly signal: AbortSignal;
  readonly flushRequests: EventEmitter<{ flush: [id: number] }>;
}

/** Resolves when everything is closed, after `signal`. Throws the reason when it cannot start. */
export async function runRecorder(
  options: RecorderOptions,
  send: (message: FromRecorder) => void,
  { signal, flushRequests }: RecorderRequests,
): Promise<void> {
  const log = (line: string): void => send({ type: 'log', line });
  const root = spoolRoot(options.path);
  makeFolder(root);
  const lock = await waitForLock(ownerLockFile(options.path), options.lockWaitMs, signal);
  if (!lock) throw new Error(lockedMessage(options.path));
  try {
    if (signal.aborted) return;
    for (const problem of closeToOthers(options.path)) log(problem);
    const resource = await startStore(options, log);
    try {
      const tables: TablesState = { problem: undefined };
      await waitForTables(options, resource.store, log, signal, tables);
      const rollups = resource.engine && (await Rollups.open(resource.engine.session, rollupLedgerFile(options.path)));
      const shipper = new Shipper({
        root,
        store: rowStoreOf(resource),
        ...(rollups ? { rollups } : {}),
        retention: options.retention,
        tombstones: tombstoneReader(resource.store),
        // Other replicas of a cluster may not have the rows yet.
        verify: options.store.type === 'embedded' || options.store.cluster === undefined,
        log,
      });
      const audit = new AuditShipper(options.path, resource.store);
      const watch = watchHealth(options, resource, log);
      const stats = setInterval(() => {
        const { stats: ship } = shipper;
        send({ type: 'stats', stats: watch({ ...ship, problem: ship.problem ?? tables.problem }) });
        audit.shipSoon();
      }, statsEveryMs);
      flushRequests.on('flush', id => void shipper.flush().then(() => send({ type: 'flushed', id })));
      send({ type: 'ready', storeUrl: resource.storeUrl });
      if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      clearInterval(stats);
      await shipper.close(drainMsMax);
      await audit.close();
      rollups?.close();
    } finally {
      await resource.close();
    }
  } finally {
    lock.release();
  }
}

/** Where rows go: in the engine's own session, which spares them HTTP; to a server over the client. */
const rowStoreOf = ({ store, engine }: OpenedStore): RowStore => engine?.session ?? store;

async function startStore({ path, store: place }: RecorderOptions, log: (line: string) => void): Promise<OpenedStore> {
  if (place.type === 'server') {
    const store = connect(place);
    return { storeUrl: place.url, store, close: () => store.close() };
  }
  const writerKey = ensureWriterKey(path);
  const { host, port, password } = place;
  const removedTokens = repairDeduplicationLogs(engineFolder(path));
  if (removedTokens > 0) log(`the engine was killed in the middle of ${removedTokens} inserts; they are done again`);
  const engine = await startEngine({ path: engineFolder(path), host, port, writerKey, ...(password ? { password } : {}) });
  writeEngineAddress(path, { url: engine.url, pid: process.pid });
  const store = connect({ url: engine.url, username: 'writer', password: writerKey });
  return {
    storeUrl: engine.url,
    store,
    engine,
    close: async () => {
      // First, so that no command finds an engine that is closing.
      await rm(engineFile(path), { force: true });
      await store.close();
      if (await engine.close()) return;
      log("a reader's statement does not end; the recorder ends without it");
      await sleep(50);
      // Everything is on disk. An orderly exit would wait for the statement.
      process.kill(process.pid, 'SIGKILL');
    },
  };
}

/** Computes the figures each second, and reports damage and clock jumps: in the log and, once, in the audit. */
function watchHealth(options: RecorderOptions, { engine }: OpenedStore, log: (line: string) => void): (ship: ShipStats) => RecorderStats {
  const damage = engine?.damage ?? [];
  for (const what of damage) recordTrouble(options.path, 'store-damaged', what, log);
  const clock = new ClockWatch(Date.now(), performance.now());
  const clockJumps: string[] = [];
  const warnings = new WarningLog(log);
  return ship => {
    const jumpMs = clock.look(Date.now(), performance.now());
    if (jumpMs !== 0) {
      const what = `the clock moved by ${Math.round(jumpMs / 1000)} s at ${new Date().toISOString()}; records keep the times it showed`;
      clockJumps.splice(0, clockJumps.length, what);
      recordTrouble(options.path, 'clock-jumped', what, log);
    }
    const stats = statsOf(ship, engine?.readers() ?? { overrun: 0, stuck: 0 }, damage, clockJumps);
    warnings.report(stats.warnings);
    return stats;
  };
}

/** Why the tables of a server are not there yet; undefined once they are. */
interface TablesState {
  problem: string | undefined;
}

/** Creates the tables. While a server is down, it returns and retries in the background: the spool keeps the records. */
async function waitForTables(
  options: RecorderOptions,
  store: Store,
  log: (line: string) => void,
  signal: AbortSignal,
  tables: TablesState,
): Promise<void> {
  const { store: place } = options;
  const deadline = Date.now() + serverWaitMs;
  for (;;) {
    const attempt = prepareTables(options, store, log);
    const error = await (place.type === 'embedded' ? attempt : within(attempt, deadline)).then(
      () => undefined,
      (problem: unknown) => problem as Error,
    );
    if (error === undefined) return;
    if (place.type === 'embedded' || isConfigurationError(error)) throw error;
    if (Date.now() < deadline && !signal.aborted) {
      await sleep(serverRetryMs, undefined, { signal }).catch(() => {});
      continue;
    }
    tables.problem = `the store at ${place.url} is out of reach; records wait in the spool: ${error.message.slice(0, 300)}`;
    log(tables.problem);
    void retryPrepareTables(options, store, log, signal, attempt).then(() => {
      tables.problem = undefined;
    });
    return;
  }
}

/** Rejects at the deadline, a time of the wall clock; the work goes on. */
async function within(work: Promise<void>, deadline: number): Promise<void> {
  const late = new AbortController();
  const timeout = sleep(Math.max(0, deadline - Date.now()), undefined, { signal: late.signal }).then(() => {
    throw new Error('it does not answer');
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    late.abort();
    timeout.catch(() => {});
  }
}

async function prepareTables(
  { path, store: place, search, tableDays, retention }: RecorderOptions,
  store: Store,
  log: (line: string) => void,
): Promise<void> {
  const cluster = place.type === 'server' ? place.cluster : undefined;
  await migrate(store, { cluster, search, views: place.type === 'server' });
  await applyRetention(store, tableDays, ddlTargetOf(cluster));
  recordRetentionChange(path, { ...retention, ...tableDays }, log);
}

/** `attempt` may still wait for an answer; the next one begins when it has ended. */
async function retryPrepareTables(
  options: RecorderOptions,
  store: Store,
  log: (line: string) => void,
  signal: AbortSignal,
  attempt: Promise<void>,
): Promise<void> {
  const problems = new WarningLog(log);
  let next = attempt;
  for (;;) {
    try {
      await next;
      return log('the store answers');
    } catch (error) {
      problems.report([`the store's tables cannot be brought up to date: ${(error as Error).message.slice(0, 300)}`]);
    }
    await sleep(serverRetryMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    next = prepareTables(options, store, log);
  }
}

function lockedMessage(path: string): string {
  const address = readEngineAddress(path);
  const owner = address ? `process ${address.pid} (its store answers at ${address.url})` : 'another process';
  return (
    `The folder ${path} is in use by ${owner}. One gateway at a time can have it: ` +
    'stop the other one, or set store.path to another folder.'
  );
}
