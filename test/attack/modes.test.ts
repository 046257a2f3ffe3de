import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeToOthers } from '../../recorder/files/modes.ts';
import { temporaryFolder } from '../recorder/plain-exchange.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('the folder of records', () => {
  it('is closed to other users, whatever modes stood there before', () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0o777 }), fc.integer({ min: 0, max: 0o777 }), (fileBits, folderBits) => {
        using folder = temporaryFolder();
        const outside = temporaryFolder();
        const files = ['state.sqlite', 'state.sqlite-wal', 'reader.key', 'spool/a.seg'].map(name => join(folder.path, name));
        mkdirSync(join(folder.path, 'spool'));
        for (const file of files) {
          writeFileSync(file, '');
          chmodSync(file, fileBits | 0o400);
        }
        symlinkSync(outside.path, join(folder.path, 'link'));
        chmodSync(outside.path, 0o755);
        chmodSync(join(folder.path, 'spool'), folderBits | 0o700);
        chmodSync(folder.path, folderBits | 0o700);
        expect(closeToOthers(folder.path)).toEqual([]);
        expect([folder.path, join(folder.path, 'spool')].map(modeOf)).toEqual([0o700, 0o700]);
        for (const file of files) expect(modeOf(file) & 0o077).toBe(0);
        // What a link leads to is somebody else's.
        expect(modeOf(outside.path)).toBe(0o755);
        outside[Symbol.dispose]();
      }),
      { numRuns: 30 },
    ));
});
