/** Removes content that a vendor's format does not support, with a warning at its path. */
import type { Message, Part } from '../../core/chat/chat.ts';
import { dropped, type Warning } from '../../core/chat/provider.ts';

export interface SupportedContent {
  readonly vendor: string;
  readonly document: boolean;
  readonly audio: boolean;
  readonly detail: boolean;
}

export interface FilteredMessages {
  readonly messages: readonly Message[];
  /** Rewrites warnings about the changed messages to the original paths. */
  withOriginalPaths(warnings: readonly Warning[]): readonly Warning[];
}

/** Participant names are removed, too. */
export function dropUnsupportedContent(messages: readonly Message[], supported: SupportedContent, warnings: Warning[]): FilteredMessages {
  const originalPaths = new Map<string, string>();
  const partsOf = (parts: readonly Part[], before: string, now: string): readonly Part[] => {
    const kept: Part[] = [];
    for (const [at, part] of parts.entries()) {
      const from = `${before}.content[${at}]`;
      const to = `${now}.content[${kept.length}]`;
      const keptPart = keepIfSupported(part, from, supported, warnings);
      if (!keptPart) continue;
      originalPaths.set(to, from);
      kept.push(keptPart.type === 'tool-result' ? { ...keptPart, content: partsOf(keptPart.content, from, to) } : keptPart);
    }
    return kept;
  };
  const keptMessages = messages.map(({ name, ...message }, index) => {
    const path = `messages[${index}]`;
    if (name !== undefined) warnings.push(dropped(`${path}.name`, `${supported.vendor} takes no participant names.`));
    return { ...message, content: partsOf(message.content, path, path) };
  });
  const originalPathOf = (field: string): string => {
    for (let path = field; path !== ''; path = path.replace(/[^.]*\.?$/, '').replace(/\.$/, '')) {
      const from = originalPaths.get(path);
      if (from !== undefined) return from + field.slice(path.length);
    }
    return field;
  };
  return {
    messages: keptMessages,
    withOriginalPaths: warnings => warnings.map(warning => ({ ...warning, field: originalPathOf(warning.field) })),
  };
}

function keepIfSupported(part: Part, path: string, supported: SupportedContent, warnings: Warning[]): Part | undefined {
  if ((part.type === 'document' || part.type === 'audio') && !supported[part.type]) {
    warnings.push(dropped(path, `${supported.vendor} takes no ${part.type}.`));
    return undefined;
  }
  if (part.type !== 'image' || part.detail === undefined || supported.detail) return part;
  const { detail: _, ...image } = part;
  warnings.push(dropped(`${path}.detail`, `${supported.vendor} takes no image detail.`));
  return image;
}
