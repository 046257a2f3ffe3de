/** Processes of the bench: pinned to their cores, with the CPU time that the kernel counts. */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

/** The subject has one core for itself; everybody else shares the other. */
export type Core = 'subject' | 'others';
const coreOf: Readonly<Record<Core, string>> = { subject: '0', others: '1' };

/** Without these two, CPU time still counts, but processes disturb each other more. */
export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

export const fileHere = (name: string): string => resolve(import.meta.dirname, name);

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

function tracked<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export interface Started {
  readonly child: ChildProcess;
  /** All that it printed. */
  output(): string;
}

/** Runs node with these arguments. Standard error goes to a file descriptor, as a service's log would. */
export const startNode = (core: Core, args: readonly string[], cwd: string, log: number | 'inherit', env?: NodeJS.ProcessEnv): Started =>
  start(core, [process.execPath, ...args], cwd, log, env);

export function start(core: Core, words: readonly string[], cwd: string, log: number | 'inherit', env?: NodeJS.ProcessEnv): Started {
  const [command, ...rest] = [...(canPin ? ['taskset', '-c', coreOf[core]] : []), ...words];
  const child = tracked(spawn(command!, rest, { cwd, stdio: ['ignore', 'pipe', log], env: { ...process.env, ...env } }));
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return { child, output: () => text };
}

/** The same with a channel for messages. */
export function forkNode(core: Core, file: string): ChildProcess {
  return tracked(
    canPin ? fork(file, [], { execPath: 'taskset', execArgv: ['-c', coreOf[core], process.execPath] }) : fork(file, [], { execArgv: [] }),
  );
}

const startMsMax = 60_000;

/** What the pattern's group matches in the output, once it is there. */
export async function waitForOutput({ child, output }: Started, pattern: RegExp): Promise<string> {
  const until = performance.now() + startMsMax;
  for (;;) {
    const match = pattern.exec(output())?.[1];
    if (match !== undefined) return match;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended before it was ready: ${output().slice(-500)}`);
    if (performance.now() > until) throw new Error(`it was not ready within ${startMsMax / 1000} s: ${output().slice(-500)}`);
    await new Promise(wait => setTimeout(wait, 20));
  }
}

const endMsMax = 40_000;

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), endMsMax);
  await ended;
  clearTimeout(timer);
}

/** A process and all that came of it, the first one first. */
function processTreeOf(pid: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => [Number(name), Number(statOf(Number(name))?.[1] ?? 0)] as const);
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

/** /proc/PID/stat after the name: state, parent, ... */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The kernel counts in hundredths of a second, whatever the machine. */
const tickUs = 10_000;

/** Microseconds of CPU, in user space and in the kernel, of all its processes and threads, up to now. */
export function cpuUs(pid: number): number {
  const ticks = processTreeOf(pid).map(member => {
    const stat = statOf(member);
    return stat ? Number(stat[11]) + Number(stat[12]) : 0;
  });
  return tickUs * ticks.reduce((sum, count) => sum + count, 0);
}

export interface Memory {
  readonly mainMb: number;
  /** Of its largest child; 0 without children. */
  readonly childMb: number;
}

/** The most memory that was ever resident. */
export const peakMemory = (pid: number): Memory => memory(pid, 'VmHWM');
/** What is resident now. */
export const residentMemory = (pid: number): Memory => memory(pid, 'VmRSS');

function memory(pid: number, field: 'VmHWM' | 'VmRSS'): Memory {
  const [main = 0, ...children] = processTreeOf(pid).map(member => {
    try {
      const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${member}/status`, 'utf8'))?.[1];
      return Math.round(Number(kilobytes ?? 0) / 1024);
    } catch {
      return 0;
    }
  });
  return { mainMb: main, childMb: Math.max(0, ...children) };
}
