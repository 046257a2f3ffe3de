/** Checks the services the gateway uses: store, shared state, receiver of traces. */
import got from 'got';
import type { Settings } from '../../gateway/settings/settings.ts';
import { auditStatus, auditText } from '../audit/verify.ts';
import { setAsideQuery } from '../engine/damage.ts';
import { openStore } from '../process/open-store.ts';
import { type Finding, ok, problem } from './check.ts';

const timeoutMs = 5_000;

/** Starts the embedded engine when none runs, to show that it works. */
export async function checkStore(settings: Settings): Promise<readonly Finding[]> {
  const { url } = settings.store;
  const store = await openStore(settings);
  try {
    const [row] = await store.select<{ version: string }>('SELECT version() AS version');
    const answers = ok('store', `${url === 'embedded' ? 'the embedded engine' : url}, ClickHouse ${row?.version}`);
    const audit = await auditStatus(store, settings.store.path, settings.recorder.retention.audit);
    const setAside = url === 'embedded' ? await store.select<{ table: string; name: string }>(setAsideQuery) : [];
    return [answers, partsFinding(setAside), (audit.faults.length === 0 ? ok : problem)('audit', auditText(audit))];
  } finally {
    await store.close();
  }
}

const partsFinding = (setAside: readonly { readonly table: string; readonly name: string }[]): Finding =>
  setAside.length === 0
    ? ok('parts', 'none is damaged')
    : problem(
        'parts',
        `${setAside.length} damaged and set aside, so rows are missing: ${setAside
          .slice(0, 5)
          .map(({ table, name }) => `${table} ${name}`)
          .join(', ')}; ` + 'restore the folder from a copy, or keep what is left',
      );

/** Whether the shared state answers: its file, or Redis by PING. */
export async function checkState({ state }: Settings): Promise<Finding> {
  if (state.url === 'sqlite') return ok('state', 'a file in the folder of records');
  const { createClient } = await import('redis');
  const client = createClient({ url: state.url.reveal(), socket: { connectTimeout: timeoutMs, reconnectStrategy: false } });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.ping();
    return ok('state', 'Redis answers');
  } catch (error) {
    return problem('state', `the Redis of state.url does not answer: ${error instanceof Error ? error.message : error}`);
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** Whether the receiver of traces takes an empty export. */
export async function checkTraces({ telemetry: { otlp } }: Settings): Promise<Finding> {
  if (otlp === undefined) return ok('traces', 'off');
  const url = `${otlp.replace(/\/+$/, '')}/v1/traces`;
  const options = { json: { resourceSpans: [] }, timeout: { request: timeoutMs }, retry: { limit: 0 }, throwHttpErrors: false } as const;
  try {
    const { statusCode } = await got.post(url, options);
    return statusCode < 400 ? ok('traces', `${url} takes them`) : problem('traces', `${url} answers ${statusCode}`);
  } catch (error) {
    return problem('traces', `${url} does not answer: ${error instanceof Error ? error.message : error}`);
  }
}
