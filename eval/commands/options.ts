/** The flags that eval's commands share, read. */
import { readFileSync } from 'node:fs';
import { CommandError, exit } from '../../gateway/cli.ts';
import { signalNames } from '../../gateway/core/signal.ts';
import type { SweptSignal } from '../chain.ts';
import { parseOutcomes, printLineProblems } from '../outcomes/file.ts';
import type { Item, Outcomes } from '../outcomes.ts';

export interface SharedOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** `95%`, `95` and `0.95` are the same. */
export function parseConfidence(text: string): number {
  const number = Number(text.replace(/\s*%$/, ''));
  const confidence = number > 1 || text.includes('%') ? number / 100 : number;
  if (confidence >= 0.51 && confidence <= 0.9999) return confidence;
  throw new CommandError(exit.usage, `--confidence ${text}: write a level from 51% to 99.99%, such as 95%.`);
}

export function parseSignal(text: string): SweptSignal {
  if (text === 'confidence' || (signalNames as readonly string[]).includes(text)) return text as SweptSignal;
  throw new CommandError(exit.usage, `--signal ${text}: write confidence or one of ${signalNames.join(', ')}.`);
}

export function parseSeed(text: string): number {
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new CommandError(exit.usage, `--seed ${text}: write a whole number, 0 or more.`);
}

export const repeatable = (value: string, all: readonly string[] = []): readonly string[] => [...all, value];

export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(exit.usage, `${file}: ${code === 'ENOENT' ? `there is no such file; name ${what}` : message}.`);
  }
}

export function readItems(file: string): readonly Item[] {
  const parsed = parseOutcomes(readText(file, 'a JSONL file of outcomes'));
  if (parsed.ok) return parsed.items;
  throw new CommandError(exit.usage, printLineProblems(file, parsed.problems));
}

export const outcomesOfFile = (file: string): Outcomes => ({ items: readItems(file), label: 'as given in the file', notes: [] });
