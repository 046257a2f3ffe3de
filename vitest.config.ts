import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/seed.ts'],
    // Many more cases take longer.
    testTimeout: process.env.HINDCAST_LONG === undefined ? 20_000 : 900_000,
    hookTimeout: 60_000,
    // The engine and the gateways of the tests are real processes; two cores hold two files at a time.
    maxWorkers: 2,
    pool: 'forks',
    // Tests start the program some hundred times: what it is compiled to is kept for the next start.
    env: { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), 'hindcast-compile-cache') },
  },
});
