/** The audit as an operator meets it: a gateway that is changed, looked into, exported from, and a store that somebody edits. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { connect } from '../../../recorder/store/store.ts';
import { Workspace } from '../../hindcast.ts';
import { runIn } from '../../in-process.ts';
import { engineMissing } from '../running-engine.ts';

const config = (days: number, extra = ''): string => `server: { port: 0 }
store: { port: 0 }
recorder: { retention: { records: ${days}, payloads: 30 } }
providers: { sim: { api: simulated } }
keys:
  - { name: boss, hash: "sha256:${createHash('sha256').update('the-admins-key').digest('hex')}", role: admin }
${extra}`;

test.skipIf(engineMissing)(
  `what was done stands in the audit, and a change of it is found${engineMissing}`,
  { timeout: 120_000 },
  async () => {
    await using place = new Workspace(config(90), { HINDCAST_LOG: 'info' });
    const gateway = await place.serve();
    const admin = await fetch(`${gateway.url}/admin/fleet`, { headers: { authorization: 'Bearer the-admins-key' } });
    expect(admin.status).toBe(200);
    place.write('hindcast.yaml', config(90, `  - { name: web, hash: "sha256:${'0'.repeat(64)}" }\n`));
    await expect.poll(() => gateway.output(), { timeout: 20_000 }).toContain('the changed configuration is in force');
    expect((await runIn(place, 'keys', 'create', 'acme')).code).toBe(0);
    expect((await runIn(place, 'store', 'export', '-o', 'all.jsonl')).code).toBe(0);

    const { url } = JSON.parse(place.read('hindcast-data/engine.json')) as { url: string };
    const writer = connect({ url, username: 'writer', password: place.read('hindcast-data/writer.key').trim() });
    const rows = () =>
      writer.select<{ action: string; actor: string; detail: string }>('SELECT action, actor, detail FROM audit ORDER BY seq');
    await expect.poll(async () => (await rows()).length, { timeout: 20_000 }).toBe(6);
    const byAction = Object.fromEntries((await rows()).map(row => [row.action, row]));
    expect(Object.keys(byAction).sort()).toEqual(['admin-call', 'config-taken', 'export', 'key-created', 'retention-changed', 'started']);
    expect(byAction['admin-call']!.actor).toBe('key:boss');
    expect(JSON.parse(byAction['config-taken']!.detail)).toMatchObject({
      before: expect.stringMatching(/^\w{8,}$/),
      after: expect.stringMatching(/^\w{8,}$/),
      keys_added: ['web'],
    });
    expect(JSON.parse(byAction['retention-changed']!.detail)).toMatchObject({ before: null, after: { records: 90 } });

    const status = await runIn(place, 'store', 'status', '--json');
    expect(status.code, status.stderr).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({ audit: { entries: 6, waiting: 0, faults: [], head: { seq: 6 } } });

    await writer.command("ALTER TABLE audit UPDATE subject = 'GET /admin/nothing' WHERE action = 'admin-call' SETTINGS mutations_sync = 2");
    const edited = await runIn(place, 'store', 'status');
    expect(edited.code).toBe(1);
    expect(edited.stdout).toMatch(/THE AUDIT WAS CHANGED: entry \d of \S+ was changed after it was written/);
    await writer.command("ALTER TABLE audit DELETE WHERE seq = 6 OR action = 'admin-call' SETTINGS mutations_sync = 2");
    const cut = await runIn(place, 'store', 'status');
    expect([cut.code, cut.stdout]).toEqual([1, expect.stringContaining('is missing')]);
    await writer.close();
    expect(await gateway.end('SIGTERM')).toBe(0);
  },
);
