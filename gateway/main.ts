/** The gateway's commands. `serve` puts it together: settings, spool, server, recorder; and takes it apart in the right order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeAudit } from '../recorder/audit.ts';
import { openStore } from '../recorder/open.ts';
import { engineFolder, spoolRoot } from '../recorder/places.ts';
import { redacting } from '../recorder/redact.ts';
import { openSpool } from '../recorder/spool.ts';
import { type Recorder, startRecorder } from '../recorder/supervise.ts';
import { banner, listening } from './banner.ts';
import { action, CommandError, exit, note, settingsOf } from './cli.ts';
import { registerConfig, registerKeys } from './config/commands.ts';
import type { KeyAudit } from './config/key-commands.ts';
import { loadConfig, printProblems, watchConfig } from './config.ts';
import type { Sink } from './core/exchange.ts';
import { isLoopbackHost } from './http/guard.ts';
import { openLedger } from './limits/open.ts';
import { createLog, type Log, type LogLevel, logLevels, silentLog } from './observe/logs.ts';
import { createGateway, type Gateway } from './server.ts';
import type { Settings } from './settings.ts';
import { startWorkers, type Workers } from './workers/primary.ts';
import { type Line, openLine } from './workers/worker.ts';

interface ServeOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('serve')
    .description('start the gateway, with its recorder and store')
    .option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml, else the environment)')
    .option('--host <host>', 'listen there instead of server.host')
    .option('--port <port>', 'listen there instead of server.port; 0 takes any that is free')
    .option('--json', 'log JSON lines also on a terminal')
    .addHelpText(
      'after',
      `
HINDCAST_LOG sets how much is logged: ${logLevels.join(', ')} (default: info).

Examples:
  hindcast serve
  hindcast serve --config deploy/hindcast.yaml --port 8080
  HINDCAST_LOG=warn hindcast serve`,
    )
    .action(action(serve));
  registerConfig(program);
  registerKeys(program, auditKey);
}

/** Where there is a store it is written down; where there is none yet, or it does not start, the key is revoked all the same. */
const auditKey: KeyAudit = async ({ action: done, key, file, config }) => {
  const loaded = loadConfig({ file: config, directory: process.cwd(), environment: process.env });
  if (!loaded.ok || (loaded.settings.store.url === 'embedded' && !existsSync(engineFolder(loaded.settings.store.path)))) return;
  try {
    const store = await openStore(loaded.settings);
    await writeAudit(store, { action: done, tenant: '', subject: key, detail: { file } }).finally(() => store.close());
  } catch (error) {
    note(`The change is not in the audit table: ${error instanceof Error ? error.message : error}`);
  }
};

/** Further signals during a shutdown end it; this long is left to seal what was being answered. */
const hurryMs = 1_000;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function serve(options: ServeOptions): Promise<number> {
  // Whoever read our output may be gone; that is no reason to stop answering.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
  const line = openLine(process.env);
  if (line) return serveAsWorker(options, line);
  const loaded = settingsOf(options);
  const settings = withOptions(loaded, options);
  return settings.server.workers > 1 ? serveByWorkers(loaded, settings, options) : serveAlone(loaded, settings, options);
}

async function serveAlone(loaded: Settings, settings: Settings, options: ServeOptions): Promise<number> {
  const log = openLog(options);
  const sink = openSink(settings, 0);
  const callerLedger = await openLedger(settings, log);
  let recorder: Recorder | undefined;
  const gateway = createGateway({
    callerLedger,
    settings,
    sink,
    log,
    environment: process.env,
    problem: () => (recorder ? recorder.problem() : 'the store is starting'),
    recorderStats: () => recorder?.stats(),
    processMetrics: true,
  });
  const stopped = stopSignal(() => gateway.hurry(), log);
  const url = await listen(gateway, sink, settings);
  process.stdout.write(`${listening(url)}\n`);
  const watching = watch(loaded, gateway, options, log);
  let failure: string | undefined;
  try {
    recorder = await startRecorder(settings, line => log.warn(line));
    process.stdout.write(`${banner(loaded, url, recorder.storeUrl)}\n`);
    await stopped.signal;
  } catch (error) {
    failure = messageOf(error);
  }
  watching.close();
  await gateway.close();
  await sink.close();
  await recorder?.close();
  stopped.dispose();
  return concluded(failure, log);
}

/** Several processes answer, this one has the recorder and sees to it that they live. */
async function serveByWorkers(loaded: Settings, settings: Settings, options: ServeOptions): Promise<number> {
  const log = openLog(options);
  let recorder: Recorder | undefined;
  const state = { problem: () => (recorder ? recorder.problem() : 'the store is starting'), stats: () => recorder?.stats() };
  let workers: Workers | undefined;
  const stopped = stopSignal(() => workers?.hurry(), log);
  let failure: string | undefined;
  try {
    workers = await startWorkers(settings.server.workers, state, line => log.warn(line));
    process.stdout.write(`${listening(workers.url)}\n`);
    recorder = await startRecorder(settings, line => log.warn(line));
    process.stdout.write(`${banner(loaded, workers.url, recorder.storeUrl)}\n`);
    await stopped.signal;
  } catch (error) {
    failure = messageOf(error);
    if (!workers) throw new CommandError(exit.usage, failure);
  }
  await workers.close();
  await recorder?.close();
  stopped.dispose();
  return concluded(failure, log);
}

/** One of several; signals are the first process's business. */
async function serveAsWorker(options: ServeOptions, line: Line): Promise<number> {
  for (const signal of signals) process.on(signal, () => {});
  try {
    const loaded = settingsOf(options);
    const settings = withOptions(loaded, options);
    const log = openLog(options);
    const sink = openSink(settings, line.slot);
    const callerLedger = await openLedger(settings, log);
    const gateway = createGateway({
      callerLedger,
      settings,
      sink,
      log,
      environment: process.env,
      problem: () => line.problem(),
      recorderStats: () => line.stats(),
      gatherMetrics: () => line.gather(),
      processMetrics: true,
    });
    line.onScrape(() => gateway.metrics());
    line.onHurry(() => gateway.hurry());
    line.listening(await listen(gateway, sink, settings));
    const watching = watch(loaded, gateway, options, line.slot === 0 ? log : silentLog);
    await line.closed;
    watching.close();
    await gateway.close();
    await sink.close();
  } catch (error) {
    await line.failed(messageOf(error));
  }
  line.end();
  return exit.pass;
}

function watch(loaded: Settings, gateway: Gateway, options: ServeOptions, log: Log): { close(): void } {
  return watchConfig(loaded, {
    changed: (next, needRestart) => take(gateway, withOptions(next, options), needRestart, log),
    refused: problems => {
      gateway.configurationRefused();
      log.error(`the changed configuration is not taken, the last good one stays:\n${printProblems(problems)}`);
    },
  });
}

function concluded(failure: string | undefined, log: Log): number {
  if (failure !== undefined) throw new CommandError(exit.usage, `The recorder does not start: ${failure}`);
  log.info('ended, with everything recorded');
  return exit.pass;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the command line says goes over the file. */
function withOptions(settings: Settings, { host, port }: ServeOptions): Settings {
  if (host === undefined && port === undefined) return settings;
  const number = port === undefined ? settings.server.port : Number(port);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new CommandError(exit.usage, `--port must be a number from 0 to 65535, not ${JSON.stringify(port)}.`);
  }
  const place = host ?? settings.server.host;
  if (!isLoopbackHost(place) && settings.keys.size === 0) {
    throw new CommandError(
      exit.usage,
      `--host ${place} would let everybody in: configure keys first (hindcast keys create), or stay on 127.0.0.1.`,
    );
  }
  return { ...settings, server: { ...settings.server, host: place, port: number } };
}

function openLog({ json }: ServeOptions): Log {
  const wish = process.env.HINDCAST_LOG ?? 'info';
  const level = logLevels.find(name => name === wish);
  if (!level) throw new CommandError(exit.usage, `HINDCAST_LOG must be one of ${logLevels.join(', ')}, not ${JSON.stringify(wish)}.`);
  return createLog({
    level: level satisfies LogLevel,
    isTerminal: process.stderr.isTTY && !json,
    write: line => process.stderr.write(line),
  });
}

function openSink({ store, recorder }: Settings, worker: number): Sink {
  const root = spoolRoot(store.path);
  try {
    const spool = openSpool(join(root, `gateway-${worker}`), {
      durability: recorder.durability,
      whenFull: recorder.whenFull,
      bytesMax: recorder.spoolBytesMax,
      root,
    });
    return redacting(spool, recorder);
  } catch (error) {
    throw new CommandError(exit.usage, `Nothing can be recorded in ${store.path}: ${error instanceof Error ? error.message : error}`);
  }
}

async function listen(gateway: Gateway, sink: Sink, { server: { host, port } }: Settings): Promise<string> {
  try {
    return await gateway.listen();
  } catch (error) {
    await gateway.close(0);
    await sink.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new CommandError(
        exit.usage,
        `Port ${port} of ${host} is in use, by another gateway perhaps. Choose another: --port, or server.port.`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new CommandError(
        exit.usage,
        `Cannot listen on ${host}:${port}: ${code}. Choose another place: --host and --port, or server.host and server.port.`,
      );
    }
    throw error;
  }
}

function take(gateway: Gateway, next: Settings, needRestart: readonly string[], log: Log): void {
  gateway.configure(next);
  log.info('the changed configuration is in force', { hash: next.hash });
  if (needRestart.length > 0) log.warn(`a restart is needed for: ${needRestart.join(', ')}`);
}

/** The first signal asks for an orderly end, the second for one at once. Mistakes that nobody caught end the process. */
function stopSignal(hurry: () => void, log: Log): { readonly signal: Promise<void>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (!isStopping) log.info(`${signal}: answering what is under way, then ending`);
    else {
      hurry();
      setTimeout(() => process.exit(exit.interrupted), hurryMs).unref();
    }
    isStopping = true;
    resolve();
  };
  const crash = (problem: unknown): void => {
    log.error('a mistake that nobody caught ends the gateway', { stack: problem instanceof Error ? problem.stack : String(problem) });
    process.exit(exit.internal);
  };
  for (const signal of signals) process.on(signal, stop);
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  return {
    signal: promise,
    dispose: () => {
      for (const signal of signals) process.off(signal, stop);
      process.off('uncaughtException', crash).off('unhandledRejection', crash);
    },
  };
}
