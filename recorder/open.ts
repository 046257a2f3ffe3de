/** The store for commands: that of the gateway which runs here, or else one that is started for the command and ended with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../gateway/settings.ts';
import { isLocked } from './lock.ts';
import { makeFolder, ownerLock, readEnginePlace, readWriterKey } from './places.ts';
import { connect, type Store } from './store.ts';
import { startRecorder } from './supervise.ts';

/** How long a gateway that is just starting or ending may take. */
const waitMsMax = 20_000;
const lookEveryMs = 100;

/** Rejects with what the user can mend. */
export async function openStore(settings: Settings): Promise<Store> {
  const { url, path, username, password, database } = settings.store;
  if (url !== 'embedded') return connect({ url, username, password: password?.reveal() ?? '', database });
  makeFolder(path);
  const until = Date.now() + waitMsMax;
  do {
    const running = await runningEngine(path);
    if (running) return running;
    if (!isLocked(ownerLock(path))) return ownEngine(settings);
    await sleep(lookEveryMs);
  } while (Date.now() < until);
  throw new Error(`${path} is in use by a process whose store does not answer. Stop it, or wait until it has ended.`);
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
  const recorder = await startRecorder({ ...settings, store: { ...settings.store, port: 0 } }, () => {});
  const store = connect({ url: recorder.storeUrl, username: 'writer', password: readWriterKey(settings.store.path)! });
  return {
    ...bound(store),
    close: async () => {
      await store.close();
      await recorder.close();
    },
  };
}

const bound = (store: Store): Omit<Store, 'close'> => ({
  select: (query, params) => store.select(query, params),
  stream: (query, params) => store.stream(query, params),
  insert: (table, rows, token) => store.insert(table, rows, token),
  insertBinary: (table, columns, body, token) => store.insertBinary(table, columns, body, token),
  command: (query, params) => store.command(query, params),
  ping: () => store.ping(),
});
