/** The store for commands: the running gateway's, or one that is started for the command and ends with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { isLocked } from '../files/lock.ts';
import { makeFolder, ownerLockFile, readEngineAddress, readWriterKey } from '../files/paths.ts';
import { reconnectingStore } from '../store/reconnecting-store.ts';
import { connect, type Store } from '../store/store.ts';
import { flushSpool } from './flush-spool.ts';
import { startRecorder } from './supervisor.ts';

/** How long to wait for a gateway that is starting or ending. */
const waitMsMax = 20_000;
const pollMs = 100;

/** It holds what was recorded in this folder until now, unless shipping that takes longer than 5 s. Rejects with an error that tells the user what to do. */
export async function openStore(settings: Settings): Promise<Store> {
  const store =
    settings.store.url === 'embedded'
      ? reconnectingStore(await findEmbeddedStore(settings), () => findEmbeddedStore(settings))
      : await connectToServer(settings);
  await flushSpool(settings.store.path);
  return store;
}

async function connectToServer({ store: { url, username, password, database, cluster } }: Settings): Promise<Store> {
  const store = connect({ url, username, password: password?.reveal() ?? '', database, cluster });
  try {
    await store.select('SELECT 1');
    return store;
  } catch (error) {
    await store.close();
    throw new CommandError(
      exit.usage,
      `The store at ${url} (store.url) does not answer: ${error instanceof Error ? error.message : error}`,
    );
  }
}

async function findEmbeddedStore(settings: Settings): Promise<Store> {
  const { path } = settings.store;
  try {
    makeFolder(path);
  } catch (error) {
    throw new CommandError(exit.usage, `Nothing can be kept in ${path} (store.path): ${error instanceof Error ? error.message : error}`);
  }
  for (const deadline = Date.now() + waitMsMax; ; ) {
    const running = await connectToRunningEngine(path);
    if (running) return running;
    if (!isLocked(ownerLockFile(path))) {
      const started = await startOwnEngine(settings).catch((error: unknown) => {
        // Another process started one first: use that.
        if (!isLocked(ownerLockFile(path))) throw error;
      });
      if (started) return started;
    }
    if (Date.now() > deadline)
      throw new CommandError(
        exit.usage,
        `${path} is in use by a process whose store does not answer. Stop it, or wait until it has ended.`,
      );
    await sleep(pollMs);
  }
}

/** The store of the process that owns the folder, on any port. */
async function connectToRunningEngine(path: string): Promise<Store | undefined> {
  const address = readEngineAddress(path);
  const key = readWriterKey(path);
  if (!address || !key) return undefined;
  const store = connect({ url: address.url, username: 'writer', password: key });
  // Only this folder's engine accepts this key.
  const isResponsive = await store.select('SELECT 1').then(
    () => true,
    () => false,
  );
  if (isResponsive) return store;
  await store.close();
  return undefined;
}

async function startOwnEngine(settings: Settings): Promise<Store> {
  // No waiting for the lock: all commands use the store of the first one that takes it.
  const recorder = await startRecorder({ ...settings, store: { ...settings.store, port: 0 } }, () => {}, 0).catch((error: Error) => {
    throw new CommandError(exit.usage, `The store in ${settings.store.path} does not start: ${error.message}`);
  });
  const store = connect({ url: recorder.storeUrl, username: 'writer', password: readWriterKey(settings.store.path)! });
  return {
    ...store,
    close: async () => {
      await store.close();
      await recorder.close();
    },
  };
}
