/** What became of each field of a request at one target: sent exactly, sent as something near, or left out. */
import type { ChatRequest } from './chat.ts';
import { approximated, dropped, type Provider, type Warning } from './provider.ts';

export type Fidelity = 'exact' | Warning['type'];

export interface FieldFidelity {
  /** A top-level field as the caller named it, or the place within it that a warning is about. */
  readonly field: string;
  readonly fidelity: Fidelity;
  /** Why; '' where it is exact. */
  readonly detail: string;
}

/** What `on_unsupported: reject` refuses a target for: whatever would be left out, and what would come to mean something else. */
export const rejectedWarnings = (warnings: readonly Warning[]): readonly Warning[] =>
  warnings.filter(w => w.type === 'dropped' || w.altered);

/** The warnings for which a target is not asked at all. */
export const blockingWarnings = (warnings: readonly Warning[], onUnsupported: 'warn' | 'drop' | 'reject'): readonly Warning[] =>
  onUnsupported === 'reject' ? rejectedWarnings(warnings) : warnings.filter(warning => warning.bound);

/** The report over all of a request: a field that no warning is about went exactly. `fields` are the caller's top-level ones. */
export function fidelityOf(fields: readonly string[], warnings: readonly Warning[]): readonly FieldFidelity[] {
  const touched = new Set(warnings.map(({ field }) => rootOf(field)));
  const exact = fields.filter(field => !touched.has(field)).map((field): FieldFidelity => ({ field, fidelity: 'exact', detail: '' }));
  return [...exact, ...warnings.map(({ type, field, detail }): FieldFidelity => ({ field, fidelity: type, detail }))];
}

const rootOf = (field: string): string => field.split(/[.[]/, 1)[0]!;

/** What a caller asked of single parts that the target's format has no place for: hints what to cache, and citations of documents. */
export function unsupportedHints(
  { messages, tools }: ChatRequest,
  { cacheHints, citesDocuments }: Pick<Provider, 'cacheHints' | 'citesDocuments'>,
): readonly Warning[] {
  const parts = messages.flatMap(({ content }, index) => content.map((part, at) => ({ part, path: `messages[${index}].content[${at}]` })));
  const isHinted = tools.some(tool => tool.cache) || parts.some(({ part }) => 'cache' in part && part.cache);
  const cited = citesDocuments ? [] : parts.filter(({ part }) => part.type === 'document' && part.cited);
  return [
    ...(isHinted && !cacheHints ? [approximated('cache_control', 'This target caches by rules of its own.')] : []),
    ...cited.map(({ path }) => dropped(`${path}.citations`, 'This target cites no documents.')),
  ];
}

/** Warnings name fields as chat completions do; a caller of another dialect is told its own names for them. */
export function withCallerFieldNames(
  warnings: readonly Warning[],
  names: Readonly<Record<string, string>> | undefined,
  /** Where the caller wrote each message. */
  messagePaths?: readonly string[],
): readonly Warning[] {
  if (!names) return warnings;
  return warnings.map(warning => {
    const { field } = warning;
    const message = messagePaths && /^messages\[(\d+)\]/.exec(field);
    const messagePath = message ? messagePaths[Number(message[1])] : undefined;
    if (message && messagePath !== undefined) return { ...warning, field: messagePath + field.slice(message[0].length) };
    const root = rootOf(field);
    return Object.hasOwn(names, root) ? { ...warning, field: names[root] + field.slice(root.length) } : warning;
  });
}
