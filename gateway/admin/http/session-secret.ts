/** What sessions' cookies are sealed with: the same in every worker of a folder, and another after `admin.key` was minted anew. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../../settings/secret.ts';

/** Hex. Without a key of the folder, sessions end with the process. */
export const sessionSecret = (adminKey: Secret | undefined): string =>
  adminKey === undefined
    ? randomBytes(32).toString('hex')
    : createHmac('sha256', adminKey.reveal()).update('hindcast_session').digest('hex');
