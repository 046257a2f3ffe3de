/** `hindcast open [ID]`: the console in a browser, at one exchange where an id is given. */
import { spawn } from 'node:child_process';
import { CommandError, exit, printResult } from '../command.ts';
import { printableLine } from '../printable.ts';
import { type ApiOptions, type LocalAccess, openClient } from './client.ts';

export interface OpenOptions extends ApiOptions {
  readonly json?: boolean;
}

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What opens an address on each system. */
const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Prints the address, and opens it where there is a terminal. Exit code 5 for an id that nobody knows. */
export async function runOpen(id: string | undefined, options: OpenOptions, access: LocalAccess): Promise<number> {
  if (id !== undefined && !idPattern.test(id))
    throw new CommandError(exit.usage, `${printableLine(id)} is not an id: an id is the x-request-id of an answer.`);
  const client = openClient(options, access);
  await client.flush();
  if (id !== undefined && !(await client.get('getExchange', { id: id.toLowerCase() }, {})))
    throw new CommandError(exit.nothing, `There is no exchange ${id} at ${client.url}.`);
  const url = `${client.url}/console${id === undefined ? '' : `/exchanges/${id.toLowerCase()}`}`;
  printResult(options, { url }, () => url);
  if (process.stdout.isTTY) openInBrowser(url);
  return exit.pass;
}

/** Without a browser the printed address is all there is. */
function openInBrowser(url: string): void {
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
