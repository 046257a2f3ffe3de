/** Whether this machine can run the gateway: Node, the port, the folder of records and its disk. */
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Settings } from '../../gateway/settings/settings.ts';
import { type Finding, ok, problem, warning } from './check.ts';

const nodeMajorMin = 24;

/** Whether this Node is new enough. */
export async function checkNode(version = process.versions.node): Promise<Finding> {
  const major = Number.parseInt(version, 10);
  if (major >= nodeMajorMin) return ok('node', `${version}`);
  return problem('node', `${version} is too old: run it with Node ${nodeMajorMin} or newer (npm install brings one along)`);
}

/** Whether the gateway's port is free, or taken by a gateway. */
export async function checkPort({ server: { host, port } }: Settings): Promise<Finding> {
  const address = `${host}:${port}`;
  if (port === 0) return ok('port', 'any that is free');
  const code = await new Promise<string | undefined>(resolve => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
  if (code === undefined) return ok('port', `${address} is free`);
  if (code !== 'EADDRINUSE') return problem('port', `${address}: ${code}; choose another server.host or server.port`);
  const isOurs = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(2_000) }).then(
    response => response.ok,
    () => false,
  );
  return isOurs
    ? ok('port', `a gateway answers at ${address}`)
    : problem('port', `${address} is taken by another program; set server.port`);
}

/** Looks at the nearest folder that exists: the others are made at the start. */
export async function checkFolder({ store, recorder }: Settings): Promise<Finding> {
  let folder = store.path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    mkdirSync(store.path, { recursive: true });
  } catch (error) {
    return problem('folder', `${store.path} cannot be written (${(error as NodeJS.ErrnoException).code}); choose another store.path`);
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const message = `${store.path}, ${gibibytes(free)} free`;
  if (free >= 2 * recorder.spoolBytesMax) return ok('folder', message);
  return warning('folder', `${message}: little beside a spool of up to ${gibibytes(recorder.spoolBytesMax)} (recorder.spool_max)`);
}
