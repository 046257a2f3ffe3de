/** What a gateway's admin side needs of its folder. */
import type { AdminOptions } from '../../gateway/admin/gateway-admin.ts';
import { Secret } from '../../gateway/settings/secret.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { ensureAdminKey } from '../files/paths.ts';
import { openRecords } from './records.ts';

/** Throws when the folder cannot be written. */
export const openAdmin = (settings: Settings): Pick<AdminOptions, 'records' | 'adminKey'> => ({
  records: openRecords(settings),
  adminKey: new Secret(ensureAdminKey(settings.store.path)),
});
