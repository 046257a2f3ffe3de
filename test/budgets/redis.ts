/** A real redis-server on a free port, where one is installed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasRedis: boolean = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

export interface RunningRedis extends AsyncDisposable {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Answers nothing for so long. */
  pause(ms: number): Promise<void>;
  /** Ends every client's connection. */
  cutConnections(): Promise<void>;
}

/** `keeps`: what was written survives a kill. */
export async function startRedis({ keeps = false }: { readonly keeps?: boolean } = {}): Promise<RunningRedis> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-redis-'));
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const child = spawn('redis-server', [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      keeps ? 'yes' : 'no',
      '--appendfsync',
      'always',
      '--dir',
      folder,
    ]);
    server = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', text => String(text).includes('Ready to accept') && resolve());
      child.once('exit', code => reject(new Error(`redis-server ended with ${code}`)));
    });
  };
  const kill = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  };
  await start();
  const command = async (...args: readonly string[]): Promise<void> => {
    const child = spawn('redis-cli', ['-p', String(port), ...args], { stdio: 'ignore' });
    await once(child, 'exit');
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    pause: ms => command('client', 'pause', String(ms)),
    cutConnections: () => command('client', 'kill', 'type', 'normal', 'skipme', 'yes'),
    kill,
    start,
    [Symbol.asyncDispose]: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}
