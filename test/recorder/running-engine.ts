/** An engine of a test's own, in a folder of its own; or words about why there can be none here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type EngineOptions, type RunningEngine, startEngine } from '../../recorder/engine/server.ts';
import { loadAddon } from '../../recorder/engine/session/addon.ts';
import type { OwnSession } from '../../recorder/engine/session/own-session.ts';
import { connect, type Store } from '../../recorder/store/store.ts';

export const engineMissing: string = await loadAddon().then(
  () => '',
  (error: Error) => ` (skipped: ${error.message.split('\n')[0]})`,
);

export interface TestEngine {
  readonly path: string;
  readonly url: string;
  readonly writer: Store;
  readonly reader: Store;
  readonly session: OwnSession;
  close(): Promise<void>;
}

export const writerKey = 'a-key-of-the-tests';

const folders: string[] = [];

/** Goes away after the file's last test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-engine-'));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export async function startTestEngine(options: Partial<EngineOptions> = {}): Promise<TestEngine> {
  const path = options.path ?? temporaryFolder();
  const engine: RunningEngine = await startEngine({ host: '127.0.0.1', port: 0, writerKey, ...options, path });
  const writer = connect({ url: engine.url, username: 'writer', password: writerKey });
  const reader = connect({ url: engine.url, username: 'default', password: options.password ?? '' });
  return {
    path,
    url: engine.url,
    writer,
    reader,
    session: engine.session,
    close: async () => {
      await engine.close();
      await writer.close();
      await reader.close();
    },
  };
}

export interface QueryReply {
  readonly status: number;
  readonly code: number;
  readonly text: string;
  readonly headers: Headers;
}

/** A plain request, as curl would make it; `sql` as the body. */
export async function runQuery(
  url: string,
  sql: string,
  init: { readonly query?: string; readonly headers?: Record<string, string> } = {},
): Promise<QueryReply> {
  const response = await fetch(`${url}/?${init.query ?? ''}`, { method: 'POST', body: sql, headers: { ...init.headers } });
  const text = await response.text();
  return {
    status: response.status,
    code: Number(response.headers.get('x-clickhouse-exception-code') ?? 0),
    text,
    headers: response.headers,
  };
}

export const asWriter = { 'x-clickhouse-user': 'writer', 'x-clickhouse-key': writerKey } as const;
