import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { reconnectingStore } from '../../../recorder/store/reconnecting-store.ts';
import type { Store } from '../../../recorder/store/store.ts';
import { clickhouseError } from '../fake-store.ts';

const gone = (): Error => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });

/** Answers with its name until it fails. */
function storeNamed(name: string, fails?: () => Error, after = 0): Store & { closed: boolean } {
  const answer = async (): Promise<void> => {
    if (fails) throw fails();
  };
  return {
    closed: false,
    select: async <Row>() => {
      await answer();
      return [name] as Row[];
    },
    stream: async function* <Row>() {
      for (let i = 0; i < 3; i++) {
        if (fails && i >= after) throw fails();
        yield `${name} ${i}` as Row;
      }
    },
    insert: answer,
    insertBinary: answer,
    command: answer,
    download: async () => {
      await answer();
      return Readable.from([name]);
    },
    ping: async () => !fails,
    async close() {
      this.closed = true;
    },
  };
}

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

describe('a store whose engine goes away', () => {
  it('asks the one that takes its place, once for all who ask', async () => {
    const first = storeNamed('first', gone);
    let found = 0;
    const store = reconnectingStore(first, async () => {
      found++;
      return storeNamed('second');
    });
    expect(await Promise.all([store.select('a'), store.select('b'), store.command('c')])).toEqual([['second'], ['second'], undefined]);
    expect(found).toBe(1);
    expect(first.closed).toBe(true);
  });

  it('starts a stream anew when nothing of it was given yet, and never in the middle', async () => {
    const find = async () => storeNamed('second');
    expect(await all(reconnectingStore(storeNamed('first', gone), find).stream('a'))).toEqual(['second 0', 'second 1', 'second 2']);
    const given: unknown[] = [];
    const broken = async () => {
      for await (const row of reconnectingStore(storeNamed('first', gone, 2), find).stream('a')) given.push(row);
    };
    await expect(broken()).rejects.toThrow('ECONNREFUSED');
    expect(given).toEqual(['first 0', 'first 1']);
  });

  it('is not looked for when it has answered, were it with an error', async () => {
    const store = reconnectingStore(
      storeNamed('first', () => clickhouseError(60, 'Unknown table')),
      async () => {
        throw new Error('not to be asked');
      },
    );
    await expect(store.select('a')).rejects.toThrow('Unknown table');
  });

  it('closes the one that is in use', async () => {
    const second = storeNamed('second');
    const store = reconnectingStore(storeNamed('first', gone), async () => second);
    await store.select('a');
    await store.close();
    expect(second.closed).toBe(true);
  });
});
