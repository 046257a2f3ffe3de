/** What a gateway's admin API needs from its folder. */
import type { AdminOptions } from '../../gateway/admin/gateway-admin.ts';
import { Secret } from '../../gateway/settings/secret.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { ensureAdminKey } from '../files/paths.ts';
import { openRecords } from '../records/records.ts';
import { flushSpool } from './flush-spool.ts';

/** Creates `admin.key` when there is none. Throws when the folder cannot be written. */
export const openAdmin = (settings: Settings): Required<Pick<AdminOptions, 'records' | 'adminKey' | 'flush'>> => ({
  records: openRecords(settings),
  adminKey: new Secret(ensureAdminKey(settings.store.path)),
  flush: () => flushSpool(settings.store.path),
});
