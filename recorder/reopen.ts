/** A store whose engine may go away between two questions, with the process it belongs to: the one that takes its place is found. */
import { isOutOfReach } from './reach.ts';
import type { Store } from './store.ts';

export function reopening(first: Store, find: () => Promise<Store>): Store {
  let current = Promise.resolve(first);
  const replace = (gone: Promise<Store>): Promise<Store> => {
    // Several questions may find it gone at once; one of them looks for another.
    if (current === gone) {
      current = gone.then(async store => {
        await store.close().catch(() => {});
        return find();
      });
    }
    return current;
  };
  const ask = async <Answer>(question: (store: Store) => Promise<Answer>): Promise<Answer> => {
    const asked = current;
    try {
      return await question(await asked);
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
      return question(await replace(asked));
    }
  };
  return {
    select: (query, params) => ask(store => store.select(query, params)),
    stream: async function* <Row>(query: string, params?: Record<string, unknown>): AsyncGenerator<Row> {
      const asked = current;
      let begun = false;
      try {
        for await (const row of (await asked).stream<Row>(query, params)) {
          begun = true;
          yield row;
        }
      } catch (error) {
        // What was given cannot be taken back, and another engine may give it in another order.
        if (begun || !isOutOfReach(error)) throw error;
        yield* (await replace(asked)).stream<Row>(query, params);
      }
    },
    insert: (table, rows, token) => ask(store => store.insert(table, rows, token)),
    insertBinary: (table, columns, body, token) => ask(store => store.insertBinary(table, columns, body, token)),
    command: (query, params) => ask(store => store.command(query, params)),
    download: (query, params, settings) => ask(store => store.download(query, params, settings)),
    ping: async () => (await current).ping(),
    close: async () => (await current).close(),
  };
}
