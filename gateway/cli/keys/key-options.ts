/** Options of `hindcast keys`, and who is told of changes. */

/** Options of every command about keys. */
export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}
/** Options of `keys create`. */
export interface CreateOptions extends CommonOptions {
  readonly tenant?: string;
  readonly project?: string;
  readonly user?: string;
  readonly role?: string;
  readonly routes?: string;
  readonly models?: string;
  readonly expires?: string;
  readonly yaml?: boolean;
}

/** Writes the audit entry of a created or revoked key; prints a note when it cannot. */
export type KeyAudit = (change: {
  readonly action: 'key-created' | 'key-revoked' | 'key-changed' | 'key-rotated';
  readonly key: string;
  readonly detail: object;
  readonly config?: string;
}) => Promise<void>;

/** The option that names the configuration, where it was given. */
export const configOf = ({ config }: CommonOptions): { readonly config?: string } => (config === undefined ? {} : { config });
