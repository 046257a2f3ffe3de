/** A conversation without what a vendor's format has no place for, each loss told at its place. */
import type { Message, Part } from '../../core/chat.ts';
import { dropped, type Warning } from '../../core/provider.ts';

export interface Takes {
  readonly vendor: string;
  readonly document: boolean;
  readonly audio: boolean;
  readonly detail: boolean;
}

export interface Taken {
  readonly messages: readonly Message[];
  /** Warnings about the messages as they are now, at the places that they had before. */
  placed(warnings: readonly Warning[]): readonly Warning[];
}

/** Names of speakers go, too. */
export function withoutUntaken(messages: readonly Message[], takes: Takes, warnings: Warning[]): Taken {
  const moved = new Map<string, string>();
  const partsOf = (parts: readonly Part[], before: string, now: string): readonly Part[] => {
    const kept: Part[] = [];
    for (const [at, part] of parts.entries()) {
      const from = `${before}.content[${at}]`;
      const to = `${now}.content[${kept.length}]`;
      const taken = takenOf(part, from, takes, warnings);
      if (!taken) continue;
      moved.set(to, from);
      kept.push(taken.type === 'tool-result' ? { ...taken, content: partsOf(taken.content, from, to) } : taken);
    }
    return kept;
  };
  const taken = messages.map(({ name, ...message }, index) => {
    const path = `messages[${index}]`;
    if (name !== undefined) warnings.push(dropped(`${path}.name`, `${takes.vendor} takes no names of speakers.`));
    return { ...message, content: partsOf(message.content, path, path) };
  });
  const placeOf = (field: string): string => {
    for (let path = field; path !== ''; path = path.replace(/[^.]*\.?$/, '').replace(/\.$/, '')) {
      const from = moved.get(path);
      if (from !== undefined) return from + field.slice(path.length);
    }
    return field;
  };
  return { messages: taken, placed: told => told.map(warning => ({ ...warning, field: placeOf(warning.field) })) };
}

function takenOf(part: Part, path: string, takes: Takes, warnings: Warning[]): Part | undefined {
  if ((part.type === 'document' || part.type === 'audio') && !takes[part.type]) {
    warnings.push(dropped(path, `${takes.vendor} takes no ${part.type}.`));
    return undefined;
  }
  if (part.type !== 'image' || part.detail === undefined || takes.detail) return part;
  const { detail: _, ...image } = part;
  warnings.push(dropped(`${path}.detail`, `${takes.vendor} takes no image detail.`));
  return image;
}
