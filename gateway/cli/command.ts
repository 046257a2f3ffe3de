/** Shared by every command: errors, tables, settings, results on stdout and notes on stderr. */
import Table from 'cli-table3';
import { loadConfig, printProblems } from '../config/index.ts';
import type { Settings } from '../settings/settings.ts';
import { exit } from './exit.ts';
import { printable, printableJson } from './printable.ts';

export { exit };

/** An error that the user can fix. The message is printed without a stack, and the process ends with `exitCode`. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A table without borders. Columns of numbers and amounts are right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = head.map((_, column) => rows.length > 0 && rows.every(row => /^[-+<>≤≥±~$]?\s?[\d.]|^–?$/.test(row[column] ?? '')));
  const rendered = new Table({
    head: [...head],
    colAligns: numeric.map(isNumeric => (isNumeric ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: Object.fromEntries(borders.map(name => [name, ''])),
  });
  for (const row of rows) rendered.push(row.map(printable));
  return rendered
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n');
}

const borders = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

/** The settings of `--config FILE`, or of the default config. Throws a CommandError that lists every problem. */
export function loadSettings(options: { readonly config?: string | undefined }): Settings {
  const loaded = loadConfig({ file: options.config, directory: process.cwd(), environment: process.env });
  if (!loaded.ok) throw new CommandError(exit.usage, printProblems(loaded.problems));
  return loaded.settings;
}

/** Wraps a command's action: its result is the exit code, a CommandError prints its message, any other error its stack. */
export function action<Arguments extends unknown[]>(run: (...args: Arguments) => Promise<unknown>) {
  return async (...args: Arguments): Promise<void> => {
    try {
      const code = await run(...args);
      if (typeof code === 'number' && code !== 0) process.exitCode = code;
    } catch (error) {
      const expected = error instanceof CommandError;
      process.exitCode = expected ? error.exitCode : exit.internal;
      note(expected ? error.message : `Internal error, please report it:\n${error instanceof Error ? error.stack : error}`);
    }
  };
}

/** Prints a line on stderr. Nothing in it acts on the terminal. */
export const note = (line: string): void => {
  process.stderr.write(`${printable(line)}\n`);
};

/** Prints the result on stdout: as JSON with `--json`, else as text. Nothing in it acts on the terminal. */
export function printResult(options: { readonly json?: boolean | undefined }, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? printableJson(JSON.stringify(value, null, 2)) : printable(text())}\n`);
}
