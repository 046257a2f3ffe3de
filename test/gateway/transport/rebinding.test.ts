/** Names that lead inside: what a name resolves to is decided by others, and may change between two questions. */
import type { LookupAddress } from 'node:dns';
import { describe, expect, test, vi } from 'vitest';
import type { Failure } from '../../../gateway/core/shared/failure.ts';
import { publicLookup } from '../../../gateway/transport/address-guard.ts';
import { httpUpstream } from '../../../gateway/transport/upstream.ts';
import { ok } from '../../faults/scripts.ts';
import { FaultyUpstream } from '../../faults/upstream.ts';

const names: Readonly<Record<string, readonly LookupAddress[]>> = {
  'inside.example': [{ address: '127.0.0.1', family: 4 }],
  'mixed.example': [
    { address: '203.0.114.7', family: 4 },
    { address: '::ffff:10.0.0.1', family: 6 },
  ],
  'outside.example': [
    { address: '203.0.114.7', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ],
};

vi.mock('node:dns', () => ({
  lookup: (host: string, _: object, callback: (error: Error | null, addresses: readonly LookupAddress[]) => void) =>
    callback(null, names[host] ?? []),
}));

const looked = (host: string, all: boolean): Promise<unknown> =>
  new Promise(resolve => publicLookup(host, { all }, (error, address) => resolve(error?.code ?? address)));

describe('a name', () => {
  test('that leads inside is refused, by one of its addresses as by all', async () => {
    expect(await looked('inside.example', false)).toBe('EPRIVATE');
    expect(await looked('mixed.example', true)).toBe('EPRIVATE');
  });

  test('that leads outside is taken', async () => {
    expect(await looked('outside.example', true)).toEqual(names['outside.example']);
    expect(await looked('outside.example', false)).toBe('203.0.114.7');
  });

  test('that resolves to a private address is never called, though a server listens there', async () => {
    await using listening = await FaultyUpstream.start(ok('secret'));
    const upstream = httpUpstream();
    const { port } = new URL(listening.url);
    const failure = await new Promise<Failure>(resolve => {
      upstream.send(
        { url: `http://inside.example:${port}/`, headers: {}, body: '{}', allowPrivate: false },
        { headers: () => {}, chunk: () => {}, end: () => {}, failed: resolve },
      );
    });
    await upstream.close();
    expect(failure).toMatchObject({ kind: 'unreachable', code: 'EPRIVATE' });
    expect(listening.connections).toBe(0);
  });
});
