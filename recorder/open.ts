/** The store for commands: that of the gateway which runs here, or else one that is started for the command and ended with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, exit } from '../gateway/cli/cli.ts';
import type { Settings } from '../gateway/settings/settings.ts';
import { isLocked } from './lock.ts';
import { makeFolder, ownerLock, readEnginePlace, readWriterKey } from './places.ts';
import { reopening } from './reopen.ts';
import { connect, type Store } from './store.ts';
import { startRecorder } from './supervise.ts';

/** How long a gateway that is just starting or ending may take. */
const waitMsMax = 20_000;
const lookEveryMs = 100;

/** Rejects with what the user can mend. */
export async function openStore(settings: Settings): Promise<Store> {
  if (settings.store.url !== 'embedded') return server(settings);
  return reopening(await findStore(settings), () => findStore(settings));
}

async function server({ store: { url, username, password, database, cluster } }: Settings): Promise<Store> {
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

async function findStore(settings: Settings): Promise<Store> {
  const { path } = settings.store;
  try {
    makeFolder(path);
  } catch (error) {
    throw new CommandError(exit.usage, `Nothing can be kept in ${path} (store.path): ${error instanceof Error ? error.message : error}`);
  }
  for (const until = Date.now() + waitMsMax; ; ) {
    const running = await runningEngine(path);
    if (running) return running;
    if (!isLocked(ownerLock(path))) {
      const own = await ownEngine(settings).catch((error: unknown) => {
        // Somebody else was faster: theirs will do.
        if (!isLocked(ownerLock(path))) throw error;
      });
      if (own) return own;
    }
    if (Date.now() > until)
      throw new CommandError(
        exit.usage,
        `${path} is in use by a process whose store does not answer. Stop it, or wait until it has ended.`,
      );
    await sleep(lookEveryMs);
  }
}

/** The store of the process that owns the folder, whatever port it listens on. */
async function runningEngine(path: string): Promise<Store | undefined> {
  const place = readEnginePlace(path);
  const key = readWriterKey(path);
  if (!place || !key) return undefined;
  const store = connect({ url: place.url, username: 'writer', password: key });
  // The key is the folder's own, so whoever takes it is the folder's engine.
  const answers = await store.select('SELECT 1').then(
    () => true,
    () => false,
  );
  if (answers) return store;
  await store.close();
  return undefined;
}

async function ownEngine(settings: Settings): Promise<Store> {
  // Not waiting for the lock: whoever takes it first has the store that all will use.
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
