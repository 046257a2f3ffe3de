/** The embedded store: the ClickHouse engine in this process, behind ClickHouse's HTTP interface. One process uses a folder. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { findDamage, rememberParts } from './damage.ts';
import type { AccessPolicy } from './http/authentication.ts';
import { Connections } from './http/connections.ts';
import type { EngineContext } from './http/execution.ts';
import { handleRequest } from './http/handler.ts';
import { Inserter } from './http/inserter.ts';
import { type ReaderCounts, Readers } from './readers/readers.ts';
import { type Addon, EngineError, loadAddon, type Session } from './session/addon.ts';
import { engineLimits, writeConfig } from './session/config.ts';
import { exceptions } from './session/exception.ts';
import { OwnSession } from './session/own-session.ts';
import { Sessions } from './session/sessions.ts';
import { combinatorsQuery, type FunctionRow, functionPermissions, functionsQuery } from './sql/function-permissions.ts';
import { StatementChecker } from './sql/statement-checker.ts';

export { EngineError } from './session/addon.ts';

export interface EngineOptions {
  /** The engine's folder; created when it is missing. */
  readonly path: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Password of the account `default`, which only reads. Required unless the host is loopback. */
  readonly password?: string;
  /** Password of the account `writer`. */
  readonly writerKey: string;
}

export interface RunningEngine {
  readonly url: string;
  /** Direct access for this process. */
  readonly session: OwnSession;
  /** What was lost since the engine ran last, a sentence each. */
  readonly damage: readonly string[];
  readers(): ReaderCounts;
  /** Waits for what is being written, ends what is being read, and gives the folder free. False when a reader's statement does not end: then only the process's end does. */
  close(): Promise<boolean>;
}

const connectionsMax = 512;
const serverOptions: ServerOptions = {
  /** Clients keep a connection for reuse up to 2.5 s, and must not find it closed. */
  keepAliveTimeout: 10_000,
  headersTimeout: 5_000,
  /** Bodies have their own time, by account. */
  requestTimeout: 0,
  connectionsCheckingInterval: 1_000,
  /** As a ClickHouse server takes it: lists of ids are parameters in the URL. */
  maxHeaderSize: 1024 * 1024,
};
/** Connections that arrive in one burst wait here; one that finds no room tries again only after a second. */
const backlogMax = 4096;
const drainMsMax = 2_000;
/** Records which parts exist, so that a missing one is noticed. */
const rememberEveryMs = 60_000;
/** Of this process: the engine itself would share a folder within one. */
const openPaths = new Set<string>();

export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  const access = accessPolicyOf(options);
  const path = resolve(options.path);
  if (openPaths.has(path)) throw new EngineError(`The store's folder ${path} is open in this process already.`);
  const addon = await loadAddon();
  const root = openRootSession(addon, path);
  openPaths.add(path);
  const sessions = new Sessions(addon, path, root);
  const closed = () => openPaths.delete(path);
  try {
    const closing = new AbortController();
    const context = contextOf(access, sessions, root, path, closing.signal);
    const server = createServer(serverOptions, (request, response) => {
      // What it does not answer itself is our own mistake, and ends this request only.
      handleRequest(context, request, response).catch(() => response.destroy());
    });
    server.maxConnections = connectionsMax;
    server.on('connection', socket => context.connections.accept(socket));
    const url = await listen(server, options);
    const damage = findDamage(sessions, path);
    const remember = setInterval(() => context.rememberParts(), rememberEveryMs).unref();
    closing.signal.addEventListener('abort', () => clearInterval(remember), { once: true });
    const session = new OwnSession(sessions, context.incoming, () => context.readers.schemaChanged());
    return { url, session, damage, readers: () => context.readers.counts, close: () => close(server, context, closing).finally(closed) };
  } catch (error) {
    await sessions.close().finally(closed);
    throw error;
  }
}

function accessPolicyOf({ host, password, writerKey }: EngineOptions): AccessPolicy {
  const loopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (!loopback && !password) {
    throw new EngineError(
      `The store would listen on ${host}, which other machines reach, without a password: set store.password, or listen on 127.0.0.1.`,
    );
  }
  if (writerKey === '') throw new EngineError('The store needs a key for its writer.');
  return { password: password || undefined, writerKey, loopback };
}

/** One process per folder: the engine locks it. */
function openRootSession(addon: Addon, path: string): Session {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const connectionArgs = writeConfig(path, engineLimits());
  try {
    return new addon.Session(path, { connectionArgs });
  } catch (error) {
    throw new EngineError(lockOwnerOf(path) ?? `The store's folder ${path} cannot be opened: ${reasonOf(error)}`, { cause: error });
  }
}

/** The engine writes its process id into its folder. It stays there after a kill. */
function lockOwnerOf(path: string): string | undefined {
  const status = join(path, 'status');
  const pid = Number(existsSync(status) ? /^PID: (\d+)/m.exec(readFileSync(status, 'utf8'))?.[1] : undefined);
  if (!Number.isInteger(pid) || !isAlive(pid)) return undefined;
  return (
    `The store's folder ${path} is in use by process ${pid}. One process at a time can have it: query the running one over HTTP, ` +
    'stop it first, or set store.path to another folder.'
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function contextOf(access: AccessPolicy, sessions: Sessions, root: Session, path: string, closing: AbortSignal): EngineContext {
  const incoming = join(path, 'hindcast-incoming');
  // Left by a killed process: nothing of it was acknowledged.
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming, { mode: 0o700 });
  const [versionRow] = sessions.rows<{ version: string; timezone: string }>('SELECT version() AS version, timezone() AS timezone');
  const combinators = sessions.rows<{ name: string }>(combinatorsQuery).map(({ name }) => name);
  const functions = functionPermissions(sessions.rows<FunctionRow>(functionsQuery), combinators);
  const inspector = new StatementChecker(root, functions);
  return {
    access,
    connections: new Connections(),
    engine: versionRow!,
    sessions,
    readers: new Readers(path, sessions),
    checker: inspector,
    inserter: new Inserter(sessions, incoming),
    incoming,
    closing,
    rememberParts: () => rememberParts(sessions, path),
  };
}

function listen(server: Server, { host, port }: EngineOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = `Port ${port} on ${host} is taken: set store.port to another one (0 takes a free one), or stop what listens there.`;
      reject(new EngineError(error.code === 'EADDRINUSE' ? inUse : `The store cannot listen on ${host}:${port}: ${error.message}`));
    });
    server.listen({ port, host, backlog: backlogMax }, () => {
      const { port: address } = server.address() as AddressInfo;
      resolve(`http://${isIP(host) === 6 ? `[${host}]` : host}:${address}`);
    });
  });
}

async function close(server: Server, { sessions, readers, rememberParts }: EngineContext, closing: AbortController): Promise<boolean> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()));
  closing.abort(exceptions.closing('The engine is closing.'));
  const ended = await readers.close();
  rememberParts();
  if (ended) {
    await sessions.close();
    await readers.terminate();
  }
  // The last answers are on their way; their connections are idle when they have been read.
  const closeIdleTimer = setInterval(() => server.closeIdleConnections(), 10);
  const end = setTimeout(() => server.closeAllConnections(), drainMsMax);
  await closed;
  clearInterval(closeIdleTimer);
  clearTimeout(end);
  return ended;
}
