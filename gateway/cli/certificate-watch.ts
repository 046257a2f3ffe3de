/** Runs `hindcast eval watch` beside a gateway whose configuration has certificates to monitor. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { exit } from './exit.ts';

export interface CertificateWatch {
  configure(settings: Settings): void;
  /** Resolves when the child has ended. */
  close(): Promise<void>;
}

/** The store may be starting. */
const readyEveryMs = 500;
/** After a breach, or a certificate that cannot be watched: until there is another one. */
const restMs = 300_000;
const restartMs = 10_000;
const endMsMax = 3_000;
/** It reads requests without their payloads, and audits with them. */
const heap = ['--max-old-space-size=512', '--max-semi-space-size=4'];

/** `problem`: why the store cannot be read yet. */
export const watchCertificates = (problem: () => string | undefined, log: Log): CertificateWatch => new ChildWatch(problem, log);

class ChildWatch implements CertificateWatch {
  readonly #problem: () => string | undefined;
  readonly #log: Log;
  #settings: Settings | undefined;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(problem: () => string | undefined, log: Log) {
    this.#problem = problem;
    this.#log = log;
  }

  configure(settings: Settings): void {
    this.#settings = settings;
    // The one that runs has read the configuration before.
    if (this.#child) this.#child.kill('SIGTERM');
    else this.#startIn(0);
  }

  #startIn(ms: number): void {
    clearTimeout(this.#timer);
    const isMonitored = [...(this.#settings?.certificates?.values() ?? [])].some(certificate => certificate.isMonitored);
    if (this.#isClosed || !isMonitored) return;
    this.#timer = setTimeout(() => {
      if (this.#problem() === undefined) this.#start();
      else this.#startIn(readyEveryMs);
    }, ms);
    this.#timer.unref();
  }

  #start(): void {
    const { file } = this.#settings!;
    const started = this.#settings;
    const args = ['eval', 'watch', '--json', ...(file === undefined ? [] : ['--config', file])];
    // The channel tells it when this process has died.
    const child = fork(process.argv[1]!, args, { execArgv: [...process.execArgv, ...heap], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = child;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#log.warn(`hindcast eval watch: ${text.trim().slice(0, 1_000)}`));
    child.on('error', () => {});
    child.once('close', code => {
      this.#child = undefined;
      if (this.#isClosed) return;
      const isChanged = this.#settings !== started;
      this.#startIn(isChanged ? 0 : code === exit.failed || code === exit.usage ? restMs : restartMs);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), endMsMax);
    await ended;
    clearTimeout(timer);
  }
}
