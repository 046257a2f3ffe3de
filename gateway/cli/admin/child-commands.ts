/** Commands of this program as child processes, for the admin API: bounded, at a low priority, and ended when their asker leaves. */
import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { type CommandFailure, type CommandResult, type Commands, CommandsBusy, type StartedRun } from '../../admin/commands.ts';
import { exit } from '../exit.ts';

const atOnceMax = 2;
const runMsMax = 60_000;
const outputBytesMax = 64 * 1024 * 1024;
const messageLengthMax = 2_000;
/** Below the gateway and the recorder, which must not wait for it. */
const lowPriority = 10;
const heap = ['--max-old-space-size=768'];

/** `file` is the configuration; undefined when there is none. */
export const openCommands = (file: string | undefined): Commands => new ChildCommands(file);

class ChildCommands implements Commands {
  readonly #options: readonly string[];
  readonly #runs = new Map<string, ChildProcess>();
  #running = 0;

  constructor(file: string | undefined) {
    this.#options = ['--json', ...(file === undefined ? [] : [`--config=${file}`])];
  }

  async run(args: readonly string[], signal: AbortSignal): Promise<CommandResult> {
    if (this.#running >= atOnceMax) throw new CommandsBusy('Two such questions are being answered; try again in a moment.');
    this.#running += 1;
    const child = this.#start(args);
    const end = (): void => void child.kill('SIGKILL');
    const timer = setTimeout(end, runMsMax);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      return await resultOf(child);
    } finally {
      this.#running -= 1;
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  async startRun(args: readonly string[]): Promise<StartedRun | CommandFailure> {
    const child = this.#start(args);
    const begun = new Promise<StartedRun>(resolve => {
      child.once('message', message => resolve({ ok: true, run: String((message as { readonly run?: unknown }).run) }));
    });
    const ended = resultOf(child).then(
      (result): CommandFailure => (result.ok ? { ok: false, isNothing: true, message: 'It is done already.' } : result),
    );
    const started = await Promise.race([begun, ended]);
    if (started.ok) {
      this.#runs.set(started.run, child);
      child.once('close', () => this.#runs.delete(started.run));
      child.disconnect();
    }
    return started;
  }

  pauseRun(run: string): boolean {
    return this.#runs.get(run)?.kill('SIGINT') ?? false;
  }

  close(): void {
    for (const child of this.#runs.values()) child.kill('SIGINT');
  }

  #start(args: readonly string[]): ChildProcess {
    const child = fork(process.argv[1]!, [...args, ...this.#options], {
      execArgv: [...process.execArgv, ...heap],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    child.on('error', () => {});
    if (child.pid !== undefined) lower(child.pid);
    return child;
  }
}

function lower(pid: number): void {
  try {
    setPriority(pid, lowPriority);
  } catch {
    // It has ended already, or the system does not let us.
  }
}

async function resultOf(child: ChildProcess): Promise<CommandResult> {
  const output: Buffer[] = [];
  let bytes = 0;
  let errors = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > outputBytesMax) child.kill('SIGKILL');
    else output.push(chunk);
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-messageLengthMax);
  });
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  const json = bytes > outputBytesMax ? undefined : parsed(Buffer.concat(output).toString());
  // A verdict other than a pass is an answer as well.
  if (json !== undefined && code !== null && code !== exit.usage && code !== exit.internal) return { ok: true, json };
  const message = code === null ? 'It took too long, or said too much; ask for less.' : errors.trim() || `It ended with ${code}.`;
  return { ok: false, isNothing: code === exit.nothing, message };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
