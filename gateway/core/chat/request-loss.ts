/** The fidelity of each field of a request at one target: exact, approximated or dropped. */
import type { ChatRequest } from './chat.ts';
import { approximated, dropped, type Provider, type Warning } from './provider.ts';

export type Fidelity = 'exact' | Warning['type'];

/** The fidelity of one field, as `explain --json` prints it. */
export interface FieldFidelity {
  /** A top-level field as the caller named it, or the path of a warning within it. */
  readonly field: string;
  readonly fidelity: Fidelity;
  /** The reason; '' for an exact field. */
  readonly detail: string;
}

/** The warnings for which `on_unsupported: reject` refuses a target: dropped fields and approximations that change the meaning. */
export const rejectedWarnings = (warnings: readonly Warning[]): readonly Warning[] =>
  warnings.filter(w => w.type === 'dropped' || w.altered);

/** The warnings for which a target is skipped. */
export const blockingWarnings = (warnings: readonly Warning[], onUnsupported: 'warn' | 'drop' | 'reject'): readonly Warning[] =>
  onUnsupported === 'reject' ? rejectedWarnings(warnings) : warnings.filter(warning => warning.bound);

/** The fidelity of the whole request. A field without a warning is exact. `fields` are the caller's top-level fields. */
export function fidelityOf(fields: readonly string[], warnings: readonly Warning[]): readonly FieldFidelity[] {
  const touched = new Set(warnings.map(({ field }) => rootOf(field)));
  const exact = fields.filter(field => !touched.has(field)).map((field): FieldFidelity => ({ field, fidelity: 'exact', detail: '' }));
  return [...exact, ...warnings.map(({ type, field, detail }): FieldFidelity => ({ field, fidelity: type, detail }))];
}

const rootOf = (field: string): string => field.split(/[.[]/, 1)[0]!;

/** Warnings for cache breakpoints and document citations that the target's format does not support. */
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

/** Warnings with the field names of the caller's dialect instead of those of chat completions. */
export function withCallerFieldNames(
  warnings: readonly Warning[],
  names: Readonly<Record<string, string>> | undefined,
  /** The path of each message in the caller's body. */
  messagePaths?: readonly string[],
): readonly Warning[] {
  if (!names && !messagePaths) return warnings;
  return warnings.map(warning => {
    const { field } = warning;
    const message = messagePaths && /^messages\[(\d+)\]/.exec(field);
    const messagePath = message ? messagePaths[Number(message[1])] : undefined;
    if (message && messagePath !== undefined) return { ...warning, field: messagePath + field.slice(message[0].length) };
    const root = rootOf(field);
    return names && Object.hasOwn(names, root) ? { ...warning, field: names[root] + field.slice(root.length) } : warning;
  });
}
