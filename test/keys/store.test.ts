/** Stores of keys, in memory, in a file and in a real Redis: changes by any of several processes, as a model has them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type KeyStore, redisKeys, sqliteKeys } from '../../gateway/keys/key-store.ts';
import { newKey, newSecret } from '../../gateway/keys/new-key.ts';
import { keyProblem, mergedKeys, rotated, type StoredKey } from '../../gateway/keys/stored-key.ts';
import type { CallerKey } from '../../gateway/settings/settings.ts';
import { hasRedis, type RunningRedis, startRedis } from '../budgets/redis.ts';
import { runs } from '../runs.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-keys-'));
let redis: RunningRedis | undefined;
const opened: KeyStore[] = [];
beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  for (const store of opened) await store.close();
  await redis?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const skipped = hasRedis ? '' : ' (skipped: no redis-server here)';
/** Two views of one store, as two gateways have them. */
const kinds: readonly (readonly [string, (file: string) => Promise<KeyStore>])[] = [
  ['in a file', async file => sqliteKeys(file)],
  [`in a Redis${skipped}`, () => redisKeys(redis!.url, () => {})],
];

interface Model {
  keys: StoredKey[];
}
type Real = readonly KeyStore[];
const view = async (model: Model, stores: Real): Promise<void> => {
  for (const store of stores) expect((await store.all()).map(({ id }) => id).sort()).toEqual(model.keys.map(({ id }) => id).sort());
  for (const store of stores) for (const key of await store.all()) expect(key).toEqual(model.keys.find(({ id }) => id === key.id));
};

class Add implements fc.AsyncCommand<Model, Real> {
  readonly input: { gateway: number; name: number };
  constructor(input: Add['input']) {
    this.input = input;
  }
  check = () => true;
  async run(model: Model, stores: Real): Promise<void> {
    const name = `key ${this.input.name}`;
    const { key } = newKey({ name }, 1_000 + model.keys.length);
    const isNew = !model.keys.some(known => known.name === name);
    expect(await stores[this.input.gateway]!.add(key)).toBe(isNew);
    if (isNew) model.keys.push(key);
    await view(model, stores);
  }
  toString = () => `add ${JSON.stringify(this.input)}`;
}

class Change implements fc.AsyncCommand<Model, Real> {
  readonly input: { gateway: number; index: number; what: 'block' | 'expire' | 'rotate' | 'remove' };
  constructor(input: Change['input']) {
    this.input = input;
  }
  check = ({ keys }: Model) => keys.length > 0;
  async run(model: Model, stores: Real): Promise<void> {
    const { gateway, index, what } = this.input;
    const at = index % model.keys.length;
    const key = model.keys[at]!;
    const store = stores[gateway]!;
    if (what === 'remove') {
      expect([await store.remove(key.id), await stores[1 - gateway]!.remove(key.id)]).toEqual([true, false]);
      model.keys.splice(at, 1);
    } else {
      const { hash } = newSecret();
      const next = (known: StoredKey): StoredKey =>
        what === 'block' ? { ...known, isBlocked: true } : what === 'expire' ? { ...known, expiresAt: 5 } : rotated(known, hash, 60, 7);
      model.keys[at] = next(key);
      expect(await store.change(key.id, next)).toEqual(model.keys[at]);
    }
    await view(model, stores);
  }
  toString = () => JSON.stringify(this.input);
}

describe.each(kinds)('keys %s', (name, open) => {
  const only = test.skipIf(name.includes('skipped'));
  const two = async (): Promise<readonly [KeyStore, KeyStore]> => {
    const file = join(folder, `${count++}.sqlite`);
    const stores = [await open(file), await open(file)] as const;
    opened.push(...stores);
    for (const store of stores) for (const { id } of await store.all()) await store.remove(id);
    return stores;
  };

  only('are the same for all gateways after any changes by any of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(
          [
            fc.record({ gateway: fc.nat(1), name: fc.nat(3) }).map(input => new Add(input)),
            fc
              .record({
                gateway: fc.nat(1),
                index: fc.nat(9),
                what: fc.constantFrom('block' as const, 'expire' as const, 'rotate' as const, 'remove' as const),
              })
              .map(input => new Change(input)),
          ],
          { maxCommands: 10 },
        ),
        async commands => {
          const stores = await two();
          await fc.asyncModelRun(() => ({ model: { keys: [] }, real: stores }), commands);
          for (const store of stores) await store.close();
        },
      ),
      runs(8, 200),
    );
  });

  only('tell every gateway of a change, and lose none of two at once', async () => {
    const [one, other] = await two();
    const told = vi.fn();
    other.onChange(told);
    const { key } = newKey({ name: 'shared' }, 1);
    await one.add(key);
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 5_000, interval: 20 });
    const add = (store: KeyStore, tag: string) =>
      store.change(key.id, known => ({ ...known, metadata: { ...known.metadata, [tag]: 'x' } }));
    await Promise.all(Array.from({ length: 10 }, (_, i) => add(i % 2 ? one : other, `t${i}`)));
    expect(Object.keys((await one.all())[0]!.metadata!)).toHaveLength(10);
  });
});

describe('stored keys beside those of the file', () => {
  const file = new Map<string, CallerKey>([['f'.repeat(64), { name: 'file', tenant: 'default', project: '', user: '', role: 'admin' }]]);
  const stored = (name: string, more: Partial<StoredKey> = {}): StoredKey => ({ ...newKey({ name }, 0).key, ...more });

  test('are the same map when there are none, and give way to a name of the file', () => {
    expect(mergedKeys(file, [])).toBe(file);
    expect([...mergedKeys(file, [stored('file'), stored('a')]).values()].map(({ name }) => name)).toEqual(['a', 'file']);
  });

  test('are accepted under the old secret until the grace ends, and never after their own expiry', () => {
    const key = stored('a', { expiresAt: 500 });
    const next = rotated(key, 'b'.repeat(64), 1_000, 100);
    const merged = mergedKeys(file, [next]);
    expect(keyProblem(merged.get(key.hash)!, 499)).toBeUndefined();
    expect(keyProblem(merged.get(key.hash)!, 500), 'its own expiry').toBe('expired');
    expect(
      keyProblem(
        mergedKeys(file, [rotated(stored('b'), 'c'.repeat(64), 50, 100)])
          .values()
          .next().value!,
        150,
      ),
    ).toBe('expired');
    expect(rotated(key, 'b'.repeat(64), 0, 100).previous).toBeUndefined();
    expect(keyProblem({ isBlocked: true, expiresAt: 1 }, 5)).toBe('blocked');
  });
});
