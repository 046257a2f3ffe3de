/** A store that finds the next engine when the process of the present one has ended. */
import { isConnectionError } from './connection-error.ts';
import type { Store } from './store.ts';

export function reconnectingStore(first: Store, find: () => Promise<Store>): Store {
  let current = Promise.resolve(first);
  const replace = (lost: Promise<Store>): Promise<Store> => {
    // Several queries may fail at once; one of them reconnects.
    if (current === lost) {
      current = lost.then(async store => {
        await store.close().catch(() => {});
        return find();
      });
    }
    return current;
  };
  const withReconnect = async <Answer>(operation: (store: Store) => Promise<Answer>): Promise<Answer> => {
    const attempted = current;
    try {
      return await operation(await attempted);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      return operation(await replace(attempted));
    }
  };
  return {
    select: (query, params) => withReconnect(store => store.select(query, params)),
    stream: async function* <Row>(query: string, params?: Record<string, unknown>): AsyncGenerator<Row> {
      const attempted = current;
      let hasYielded = false;
      try {
        for await (const row of (await attempted).stream<Row>(query, params)) {
          hasYielded = true;
          yield row;
        }
      } catch (error) {
        // Rows that were yielded cannot be taken back, and another engine may order them differently.
        if (hasYielded || !isConnectionError(error)) throw error;
        yield* (await replace(attempted)).stream<Row>(query, params);
      }
    },
    insert: (table, rows, token) => withReconnect(store => store.insert(table, rows, token)),
    insertBinary: (table, columns, body, token) => withReconnect(store => store.insertBinary(table, columns, body, token)),
    command: (query, params) => withReconnect(store => store.command(query, params)),
    download: (query, params, settings) => withReconnect(store => store.download(query, params, settings)),
    ping: async () => (await current).ping(),
    close: async () => (await current).close(),
  };
}
