/** The gateway's commands. `serve` starts settings, spool, server and recorder, and stops them in the reverse order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { openGatewayAudit } from '../recorder/audit/gateway-audit.ts';
import { writeAudit } from '../recorder/audit/write.ts';
import { readAdminKey, readGatewayAddress, removeGatewayAddress, spoolRoot, writeGatewayAddress } from '../recorder/files/paths.ts';
import { openAdmin } from '../recorder/process/open-admin.ts';
import { type Recorder, startRecorder } from '../recorder/process/supervisor.ts';
import { redactingSink } from '../recorder/redact/redacting-sink.ts';
import { openSpool } from '../recorder/spool/spool.ts';
import { openCommands } from './cli/admin/child-commands.ts';
import { registerTail } from './cli/admin/register.ts';
import { banner, listeningLine } from './cli/banner.ts';
import { action, CommandError, exit, loadSettings, note } from './cli/command.ts';
import { registerConfig, registerKeys } from './cli/config-commands.ts';
import { registerInit } from './cli/init/init-command.ts';
import type { KeyAudit } from './cli/keys/key-options.ts';
import { openState } from './cli/open-state.ts';
import { openLog, type ServeOptions, withOptions } from './cli/serve-options.ts';
import { stopSignal, stopSignals } from './cli/stop-signal.ts';
import { loadConfig } from './config/index.ts';
import type { ExchangeSink } from './core/exchange.ts';
import { type FeatureFlags, openFeatureFlags } from './flags/flags.ts';
import { readTlsIdentity } from './http/tls/tls-files.ts';
import { logLevels, silentLog } from './observability/logs.ts';
import { createGateway, type Gateway } from './server.ts';
import type { Log } from './settings/log.ts';
import type { Settings } from './settings/settings.ts';
import { watchSettings } from './settings-watch.ts';
import { startWorkers, type Workers } from './workers/primary.ts';
import { openPrimaryChannel, type PrimaryChannel } from './workers/worker.ts';

/** Adds `hindcast serve`, `hindcast config` and `hindcast keys`. */
export function register(program: Command): void {
  program
    .command('serve')
    .description('start the gateway, with its recorder and store')
    .option('--config <file>', 'the configuration (default: HINDCAST_CONFIG, else ./hindcast.yaml, else the environment)')
    .option('--host <host>', 'listen on this host instead of server.host')
    .option('--port <port>', 'listen on this port instead of server.port; 0 for any free port')
    .option('--json', 'log JSON lines also on a terminal')
    .addHelpText(
      'after',
      `
HINDCAST_LOG sets the log level: ${logLevels.join(', ')} (default: info).

Examples:
  hindcast serve
  hindcast serve --config team/hindcast.yaml --port 8080
  HINDCAST_LOG=warn hindcast serve`,
    )
    .action(action(serve));
  registerInit(program);
  registerConfig(program);
  registerKeys(program, auditKey);
  registerTail(program, { keyOf: readAdminKey, urlOf: path => readGatewayAddress(path)?.url });
}

/** Writes the audit entry into the folder of records, from where the recorder ships it. Without that folder there is no audit. */
const auditKey: KeyAudit = async ({ action: actionName, key, config, detail }) => {
  const loaded = loadConfig({ file: config, directory: process.cwd(), environment: process.env });
  if (!loaded.ok || !existsSync(spoolRoot(loaded.settings.store.path))) return;
  try {
    await writeAudit(undefined, loaded.settings.store.path, { action: actionName, tenant: '', subject: key, detail });
  } catch (error) {
    note(`The change could not be audited: ${error instanceof Error ? error.message : error}`);
  }
};

/**
 * By default the heap grows to three times its live size before a collection, which then takes 15 ms. At 30 % one began every thousand
 * requests, and its threads took a quarter of the CPU; at 60 % there is hardly one, for 16 MB more.
 */
const heapGrowth = '--heap-growing-percent=60';

async function serve(options: ServeOptions): Promise<number> {
  // What it makes is for its user alone, also what libraries make beside it, as SQLite does.
  process.umask(0o077);
  setFlagsFromString(heapGrowth);
  // The reader of the output may have closed it; the gateway keeps serving.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
  const channel = openPrimaryChannel(process.env);
  if (channel) return serveAsWorker(options, channel);
  const loaded = loadSettings(options);
  const settings = withOptions(loaded, options);
  checkTls(settings);
  return settings.server.workers > 1 ? serveByWorkers(loaded, settings, options) : serveAlone(loaded, settings, options);
}

/** Says what is wrong with the files before anything is opened. */
function checkTls({ server: { tls } }: Settings): void {
  try {
    if (tls) readTlsIdentity(tls);
  } catch (error) {
    throw new CommandError(exit.usage, messageOf(error));
  }
}

async function serveAlone(loaded: Settings, settings: Settings, options: ServeOptions): Promise<number> {
  const log = openLog(options);
  const sink = openSink(settings, 0);
  const state = await openState(settings, log);
  const audit = openGatewayAudit(settings.store.path, line => log.error(line));
  let recorder: Recorder | undefined;
  const gateway = createGateway({
    audit: audit.write,
    ...state,
    ...openAdmin(settings),
    commands: openCommands(settings.file),
    ...(await openConfiguredFlags(settings, log)),
    settings,
    sink,
    log,
    environment: process.env,
    // A recorder that is started again later is a warning: calls are answered, and their records wait in the spool.
    problem: () => (recorder ? undefined : 'the store is starting'),
    recorderStats: () => recorder?.stats(),
    processMetrics: true,
  });
  const stopping = stopSignal(() => gateway.closeNow(), log);
  const url = await listen(gateway, sink, settings);
  announce(settings, url);
  const watcher = watchSettings(loaded, gateway, options, log, {
    audit: audit.write,
    storeProblem: () => (recorder ? recorder.problem() : 'it is starting'),
  });
  let failure: string | undefined;
  try {
    recorder = await startRecorder(settings, line => log.warn(line));
    process.stdout.write(`${banner(loaded, url, recorder.storeUrl)}\n`);
    await stopping.signal;
  } catch (error) {
    failure = messageOf(error);
  }
  await watcher.close();
  removeGatewayAddress(settings.store.path);
  await gateway.close();
  await sink.close();
  audit.close();
  await recorder?.close();
  stopping.dispose();
  return finishServing(failure, log);
}

/** For readers, and for commands of this folder. */
function announce({ store }: Settings, url: string): void {
  writeGatewayAddress(store.path, { url, pid: process.pid });
  process.stdout.write(`${listeningLine(url)}\n`);
}

/** Runs the recorder and supervises the workers, which serve the requests. */
async function serveByWorkers(loaded: Settings, settings: Settings, options: ServeOptions): Promise<number> {
  const log = openLog(options);
  let recorder: Recorder | undefined;
  const state = { problem: () => (recorder ? undefined : 'the store is starting'), stats: () => recorder?.stats() };
  let workers: Workers | undefined;
  const stopping = stopSignal(() => workers?.forceClose(), log);
  let failure: string | undefined;
  try {
    workers = await startWorkers(settings.server.workers, state, line => log.warn(line));
    announce(settings, workers.url);
    recorder = await startRecorder(settings, line => log.warn(line));
    process.stdout.write(`${banner(loaded, workers.url, recorder.storeUrl)}\n`);
    await stopping.signal;
  } catch (error) {
    failure = messageOf(error);
    if (!workers) throw new CommandError(exit.usage, failure);
  }
  removeGatewayAddress(settings.store.path);
  await workers.close();
  await recorder?.close();
  stopping.dispose();
  return finishServing(failure, log);
}

/** Serves as one of several workers; the primary process handles signals. */
async function serveAsWorker(options: ServeOptions, channel: PrimaryChannel): Promise<number> {
  for (const signal of stopSignals) process.on(signal, () => {});
  try {
    const loaded = loadSettings(options);
    const settings = withOptions(loaded, options);
    const log = openLog(options);
    const sink = openSink(settings, channel.slot);
    const state = await openState(settings, log);
    const audit = openGatewayAudit(settings.store.path, message => log.error(message));
    const gateway = createGateway({
      audit: audit.write,
      ...state,
      ...openAdmin(settings),
      commands: openCommands(settings.file),
      siblings: channel.siblings,
      ...(await openConfiguredFlags(settings, log)),
      settings,
      sink,
      log,
      environment: process.env,
      problem: () => channel.problem(),
      recorderStats: () => channel.stats(),
      gatherMetrics: () => channel.collectMetrics(),
      processMetrics: true,
    });
    channel.onScrape(() => gateway.metrics());
    channel.lend(gateway.live);
    channel.onForceClose(() => gateway.closeNow());
    channel.listening(await listen(gateway, sink, settings));
    const first = channel.slot === 0 ? { audit: audit.write, storeProblem: () => channel.problem() } : undefined;
    const watcher = watchSettings(loaded, gateway, options, first ? log : silentLog, first);
    await channel.closing;
    await watcher.close();
    await gateway.close();
    audit.close();
    await sink.close();
  } catch (error) {
    await channel.failed(messageOf(error));
  }
  channel.end();
  return exit.pass;
}

function finishServing(failure: string | undefined, log: Log): number {
  if (failure !== undefined) throw new CommandError(exit.usage, `The recorder does not start: ${failure}`);
  log.info('stopped, everything is recorded');
  return exit.pass;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function openSink({ store, recorder }: Settings, worker: number): ExchangeSink {
  const root = spoolRoot(store.path);
  try {
    const spool = openSpool(join(root, `gateway-${worker}`), {
      durability: recorder.durability,
      whenFull: recorder.whenFull,
      bytesMax: recorder.spoolBytesMax,
      root,
    });
    return redactingSink(spool, recorder);
  } catch (error) {
    throw new CommandError(exit.usage, `Records cannot be written to ${store.path}: ${error instanceof Error ? error.message : error}`);
  }
}

async function openConfiguredFlags({ flags }: Settings, log: Log): Promise<{ readonly flags?: FeatureFlags }> {
  try {
    return flags ? { flags: await openFeatureFlags(flags, log) } : {};
  } catch (error) {
    throw new CommandError(exit.usage, messageOf(error));
  }
}

async function listen(gateway: Gateway, sink: ExchangeSink, { server: { host, port } }: Settings): Promise<string> {
  try {
    return await gateway.listen();
  } catch (error) {
    await gateway.close(0);
    await sink.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new CommandError(
        exit.usage,
        `Port ${port} of ${host} is in use, perhaps by another gateway. Choose another with --port or server.port.`,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new CommandError(
        exit.usage,
        `Cannot listen on ${host}:${port}: ${code}. Choose another address with --host and --port, or server.host and server.port.`,
      );
    }
    throw error;
  }
}
