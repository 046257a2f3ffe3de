/** A file of outcomes as one side of a comparison: one target of it, in the working tree or at a commit. */
import { execFileSync } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { CommandError, exit } from '../../../gateway/cli/command.ts';
import type { Side } from '../../gate/file.ts';
import { parseOutcomes, printLineProblems } from '../../outcomes/file.ts';
import type { Item, Outcome } from '../../outcomes/outcomes.ts';
import { readText } from '../shared/options.ts';

export interface SnapshotColumn {
  readonly name: string;
  readonly outcomes: readonly { readonly item: Item; readonly outcome: Outcome }[];
}

const bytesMax = 512 * 1024 * 1024;

export function snapshotColumn(side: Extract<Side, { readonly type: 'snapshot' }>, path: string, key: string): SnapshotColumn {
  const { ref, target: wanted } = side;
  const named = ref === undefined ? side.file : `${side.file} at ${ref}`;
  const parsed = parseOutcomes(ref === undefined ? readText(path, 'a file of outcomes') : textAt(path, ref));
  if (!parsed.ok) throw new CommandError(exit.usage, printLineProblems(named, parsed.problems));
  if (parsed.items.some(({ weight = 1 }) => weight !== 1))
    throw new CommandError(exit.usage, `${key}: the items of ${named} have weights, which only sweep and certify make use of.`);
  const targets = [...new Set(parsed.items.flatMap(item => [...item.outcomes.keys()]))].sort();
  const target = wanted ?? (targets.length === 1 ? targets[0]! : undefined);
  if (target === undefined || !targets.includes(target)) {
    const why =
      target === undefined
        ? `has outcomes of ${targets.join(', ')}; name one`
        : `has no outcome of ${target}, only of ${targets.join(', ')}`;
    throw new CommandError(exit.usage, `${key}: ${named} ${why}: {snapshot: ${side.file}, target: ${targets[0]}}.`);
  }
  const outcomes = parsed.items.flatMap(item => {
    const outcome = item.outcomes.get(target);
    return outcome ? [{ item, outcome }] : [];
  });
  return { name: `${target} of ${named} (${key})`, outcomes };
}

/** Without a shell: a ref is an argument, and one that looks like a flag is none of git's. */
function textAt(path: string, ref: string): string {
  if (!/^[\w./@{}^~-]+$/.test(ref) || ref.startsWith('-'))
    throw new CommandError(exit.usage, `ref ${ref}: write a branch, a tag or a commit.`);
  try {
    return execFileSync('git', ['show', `${ref}:./${basename(path)}`], {
      cwd: dirname(path),
      encoding: 'utf8',
      maxBuffer: bytesMax,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const gitError = String((error as { readonly stderr?: unknown }).stderr ?? (error as Error).message)
      .trim()
      .split('\n')[0];
    throw new CommandError(exit.usage, `${path} at ${ref}: git has no such file: ${gitError}.`);
  }
}
