/** Audit entries: who changed or read what. The gateway emits them; its composition root stores them. */
import type { Instant } from '../core/shared/time.ts';
import type { Settings } from '../settings/settings.ts';

export interface AuditEntry {
  /** `local:<user>` for a command, `key:<name>` for a caller, `gateway` for what it did by itself. */
  readonly actor: string;
  readonly action: string;
  /** '' when it is about none or all. */
  readonly tenant: string;
  readonly subject: string;
  readonly detail: object;
}

export type Audit = (entry: AuditEntry) => void;

/** What a page that looks every few seconds does is one entry a minute. */
const repeatMs = 60_000;
const knownMax = 1_000;

/** Audits calls by admin keys. A call that repeats within a minute is counted in the next entry instead of written. */
export class AdminAccessAudit {
  readonly #audit: Audit;
  readonly #recent = new Map<string, { at: Instant; repeats: number }>();

  constructor(audit: Audit = () => {}) {
    this.#audit = audit;
  }

  record(key: string, path: string, isAllowed: boolean, at: Instant, method = 'GET'): void {
    const name = JSON.stringify([key, method, path, isAllowed]);
    const before = this.#recent.get(name);
    if (before && at - before.at < repeatMs) {
      before.repeats += 1;
      return;
    }
    if (this.#recent.size >= knownMax) this.#recent.delete(this.#recent.keys().next().value!);
    this.#recent.set(name, { at, repeats: 0 });
    const repeats = before?.repeats ?? 0;
    this.#audit({
      actor: key === '' ? 'anybody' : `key:${key}`,
      action: isAllowed ? 'admin-call' : 'admin-call-refused',
      ...{ tenant: '', subject: `${method} ${path}`, detail: repeats === 0 ? {} : { repeated_before: repeats } },
    });
  }
}

/** A variant that a rollout took back by itself. */
export function auditRollbacks(
  variants: readonly { readonly route: string; readonly variant: string; readonly why: string }[],
  audit?: Audit,
): void {
  for (const { route, variant, why } of variants)
    audit?.({ actor: 'gateway', action: 'rolled-back', tenant: '', subject: `${route} ${variant}`, detail: { why } });
}

/** What a configuration that was taken changed for those who come in, by names; the rest is in the hash. */
export function configChange(before: Settings | undefined, after: Settings): object {
  const names = (settings: Settings | undefined): readonly string[] => [...(settings?.keys.values() ?? [])].map(({ name }) => name);
  const [old, now] = [names(before), names(after)];
  const added = now.filter(name => !old.includes(name));
  const removed = old.filter(name => !now.includes(name));
  const listed = (list: readonly string[]): readonly string[] | undefined => (list.length === 0 ? undefined : list.slice(0, namesMax));
  return {
    before: before?.hash ?? '',
    after: after.hash,
    file: after.file ?? '',
    ...(before === undefined ? { keys: now.length } : { keys_added: listed(added), keys_removed: listed(removed) }),
  };
}

const namesMax = 100;
