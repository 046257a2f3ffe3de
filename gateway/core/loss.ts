/** What became of each field of a request at one target: sent exactly, sent as something near, or left out. */
import type { Warning } from './provider.ts';

export type Fidelity = 'exact' | Warning['type'];

export interface FieldFidelity {
  /** A top-level field as the caller named it, or the place within it that a warning is about. */
  readonly field: string;
  readonly fidelity: Fidelity;
  /** Why; '' where it is exact. */
  readonly detail: string;
}

/** What `on_unsupported: reject` refuses a target for: whatever would be left out, and what would come to mean something else. */
export const refusing = (warnings: readonly Warning[]): readonly Warning[] => warnings.filter(w => w.type === 'dropped' || w.altered);

/** The report over all of a request: a field that no warning is about went exactly. `fields` are the caller's top-level ones. */
export function fidelityOf(fields: readonly string[], warnings: readonly Warning[]): readonly FieldFidelity[] {
  const touched = new Set(warnings.map(({ field }) => rootOf(field)));
  const exact = fields.filter(field => !touched.has(field)).map((field): FieldFidelity => ({ field, fidelity: 'exact', detail: '' }));
  return [...exact, ...warnings.map(({ type, field, detail }): FieldFidelity => ({ field, fidelity: type, detail }))];
}

const rootOf = (field: string): string => field.split(/[.[]/, 1)[0]!;

/** Warnings name fields as chat completions do; a caller of another dialect is told its own names for them. */
export function renamed(warnings: readonly Warning[], names: Readonly<Record<string, string>> | undefined): readonly Warning[] {
  if (!names) return warnings;
  return warnings.map(warning => {
    const root = rootOf(warning.field);
    return Object.hasOwn(names, root) ? { ...warning, field: names[root] + warning.field.slice(root.length) } : warning;
  });
}
