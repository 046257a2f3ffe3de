/** Differences of two texts line by line, with some lines around each. Pure. */
import { structuredPatch } from 'diff';

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'gap';
  readonly text: string;
}

/** [] when they are the same. */
export function lineDifferences(before: string, after: string): readonly DiffLine[] {
  const { hunks } = structuredPatch('', '', before, after, '', '', { context: 3 });
  return hunks.flatMap(({ lines, oldStart }, i): readonly DiffLine[] => [
    ...(i > 0 || oldStart > 1 ? [{ kind: 'gap', text: `from line ${oldStart}` } as const] : []),
    ...lines
      .filter(line => !line.startsWith('\\'))
      .map((line): DiffLine => ({ kind: line[0] === '+' ? 'added' : line[0] === '-' ? 'removed' : 'same', text: line.slice(1) })),
  ]);
}
