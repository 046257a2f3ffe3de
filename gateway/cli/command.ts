/** What every command shares: exit codes, tables, results on stdout and everything else on stderr. */
import Table from 'cli-table3';
import { loadConfig, printProblems } from '../config/index.ts';
import type { Settings } from '../settings/settings.ts';
import { exit } from './exit.ts';

export { exit };

/** An end that the user can do something about: its message is printed as it is, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A plain table; a column whose cells all begin with a digit, a sign or a dollar stands to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = head.map((_, column) => rows.length > 0 && rows.every(row => /^[-+<>≤≥±~$]?\s?[\d.]|^–?$/.test(row[column] ?? '')));
  const rendered = new Table({
    head: [...head],
    colAligns: numeric.map(isNumeric => (isNumeric ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: Object.fromEntries(borders.map(name => [name, ''])),
  });
  for (const row of rows) rendered.push([...row]);
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

/** The settings of `--config FILE`, or of wherever the config is found. */
export function loadSettings(options: { readonly config?: string | undefined }): Settings {
  const loaded = loadConfig({ file: options.config, directory: process.cwd(), environment: process.env });
  if (!loaded.ok) throw new CommandError(exit.usage, printProblems(loaded.problems));
  return loaded.settings;
}

/** Wraps a command's work: what it returns is the exit code, and only our own mistakes show a stack. */
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

export const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

export function printResult(options: { readonly json?: boolean | undefined }, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value, null, 2) : text()}\n`);
}
