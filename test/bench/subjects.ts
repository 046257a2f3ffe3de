/** The subjects of the bench. Each starts afresh in a folder of its own, and knows path and headers of a cell's requests. */
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { requestFlush } from '../../recorder/spool/flush-request.ts';
import { acceptingRoute, allCells, type Cell, growthCells } from './cells.ts';
import { probeOptions } from './counts.ts';
import { fileHere, type Started, startNode, stopProcess, waitForOutput } from './processes.ts';
import type { SinkCount } from './sink.ts';

export interface Running {
  readonly origin: string;
  readonly pid: number;
  pathOf(cell: Cell): string;
  headersOf(cell: Cell): Readonly<Record<string, string>>;
  /** What a cell's model is called there; as the cell calls it when absent. */
  modelOf?(cell: Cell): string;
  /** Whether it was started with the probe that counts allocations. */
  readonly isProbed?: boolean;
  /** How many of the requests that it was sent have arrived where it records; undefined when it records nothing. */
  recorded?(): Promise<number>;
  /** The end of what it wrote to its log. */
  log(): string;
  end(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  readonly what: string;
  runs(cell: Cell): boolean;
  /** The share of a cell's requests that it gets; all when absent. */
  readonly share?: number;
  /** Without node options of the caller's it is started with the probe, where it is a program of node's. */
  start(upstream: string, nodeOptions?: readonly string[]): Promise<Running>;
}

const main = resolve(import.meta.dirname, '../../main.ts');
const isPassthrough = (cell: Cell): boolean => cell.provider === 'openai';
/** Where all records are stored, what differs between cells is the rows; these differ most. */
const embeddedCells = new Set(['base', 'one', 'sse', '200-kb']);

/** A folder with a log; both go when the subject ends. */
class SubjectFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'hindcast-bench-'));
  readonly log = openSync(join(this.folder, 'log'), 'a');

  start(args: readonly string[], env?: NodeJS.ProcessEnv): Started {
    return startNode('subject', args, this.folder, this.log, env);
  }

  running(origin: string, { child }: Started, more: Partial<Running> = {}): Running {
    return {
      origin,
      pid: child.pid!,
      isProbed: child.spawnargs.includes(probeOptions.at(-1)!),
      pathOf: () => '/v1/chat/completions',
      headersOf: () => ({}),
      log: () => readFileSync(join(this.folder, 'log'), 'utf8').slice(-1_000),
      end: async () => {
        await stopProcess(child);
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
      },
      ...more,
    };
  }
}

const bare: Subject = {
  name: 'bare',
  what: 'node:http + http.request + pipe',
  runs: isPassthrough,
  start: async (upstream, nodeOptions = probeOptions) => {
    const place = new SubjectFolder();
    const started = place.start([...nodeOptions, fileHere('bare.ts'), upstream]);
    const origin = await waitForOutput(started, /(http:\S+)/);
    return place.running(origin, started, { pathOf: cell => `/${cell.name}/v1/chat/completions` });
  },
};

/** One provider for each cell, so that one upstream can answer all of them. */
function configOf(upstream: string, more: object): string {
  const providers = [...allCells, ...growthCells].map(({ name, provider }) => {
    const baseUrl = `${upstream}/${name}${provider === 'openai' ? '/v1' : ''}`;
    return [name, { api: provider, key: 'no-key-is-looked-at', base_url: baseUrl, allow_private: true }];
  });
  const { server = {}, providers: others = {}, routes = {}, ...rest } = more as { server?: object; providers?: object; routes?: object };
  const accepting = { steps: [{ target: 'accept/model', accept: { mean_logprob: 0.5 } }, { target: 'base/model' }] };
  return JSON.stringify({
    server: { port: 0, ...server },
    providers: { ...Object.fromEntries(providers), ...others },
    routes: { [acceptingRoute]: accepting, ...routes },
    ...rest,
  });
}

const off: Subject = {
  name: 'off',
  what: 'this gateway: no record, no trace, no log',
  runs: () => true,
  start: async (upstream, nodeOptions = probeOptions) => {
    const place = new SubjectFolder();
    const config = join(place.folder, 'hindcast.yaml');
    writeFileSync(config, configOf(upstream, { store: { path: './data' } }));
    const started = place.start([...nodeOptions, fileHere('off.ts'), config]);
    return place.running(await waitForOutput(started, /(http:\S+)/), started);
  },
};

const on: Subject = {
  name: 'on',
  what: 'this gateway as it comes: every request recorded, traced and logged; its recorder ships to a sink',
  runs: () => true,
  start: (upstream, nodeOptions = probeOptions) => serveToSink(upstream, {}, nodeOptions),
};

const workers: Subject = {
  name: 'workers',
  what: 'the same with two workers (on the one core that subjects have)',
  runs: cell => cell.name === 'base',
  start: (upstream, nodeOptions = probeOptions) => serveToSink(upstream, { server: { workers: 2 } }, nodeOptions),
};

/** As the console holds them: read as fast as they come, and thrown away. */
const tailCount = 3;

/** Opens the tails; gives what closes them. */
async function openTails(origin: string): Promise<AbortController> {
  const leaving = new AbortController();
  const open = Array.from({ length: tailCount }, async () => {
    const response = await fetch(`${origin}/admin/api/v1/tail`, { signal: leaving.signal });
    if (!response.ok) throw new Error(`a tail was refused with ${response.status}`);
    void response.body!.pipeTo(new WritableStream()).catch(() => {});
  });
  await Promise.all(open);
  return leaving;
}

const tails: Subject = {
  name: 'tails',
  what: `on with ${tailCount} tails of the admin API open`,
  runs: cell => cell.name === 'base',
  start: async (upstream, nodeOptions = probeOptions) => {
    const running = await serveToSink(upstream, {}, nodeOptions);
    const leaving = await openTails(running.origin);
    const end = async (): Promise<void> => {
      leaving.abort();
      await running.end();
    };
    return { ...running, end };
  },
};

const listEveryMs = 1_000;

/** As a busy console does: tails, and a list that is read each second. */
const lists: Subject = {
  name: 'lists',
  what: `embedded with ${tailCount} tails open and a list of 100 exchanges read each second`,
  runs: cell => cell.name === 'base' || cell.name === 'one',
  start: async (upstream, nodeOptions = probeOptions) => {
    const running = await embedded.start(upstream, nodeOptions);
    const leaving = await openTails(running.origin);
    let answered = 0;
    const read = async (): Promise<void> => {
      const response = await fetch(`${running.origin}/admin/api/v1/exchanges?since=15m&limit=100`, { signal: leaving.signal });
      if (((await response.json()) as { data?: readonly object[] }).data) answered += 1;
    };
    const timer = setInterval(() => void read().catch(() => {}), listEveryMs);
    const end = async (): Promise<void> => {
      clearInterval(timer);
      leaving.abort();
      await running.end();
      if (answered === 0) throw new Error('no list was answered');
    };
    return { ...running, end };
  },
};

const embedded: Subject = {
  name: 'embedded',
  what: 'the same, but the rows are stored in its own ClickHouse engine, whose CPU counts',
  runs: cell => embeddedCells.has(cell.name),
  start: (upstream, nodeOptions = probeOptions) => serve(upstream, nodeOptions, () => ({ url: 'embedded', path: './data', port: 0 })),
};

/** `more` joins the configuration, or takes the place of its parts. */
export const serveToSink = (upstream: string, more: object, nodeOptions: readonly string[] = probeOptions): Promise<Running> =>
  serve(upstream, nodeOptions, sinkUrl => ({ url: sinkUrl, path: './data', username: 'default' }), more);

async function serve(
  upstream: string,
  nodeOptions: readonly string[],
  storeOf: (sinkUrl: string) => object,
  more: object = {},
): Promise<Running> {
  const place = new SubjectFolder();
  const sink = startNode('others', [fileHere('sink.ts')], place.folder, 'inherit');
  const sinkUrl = await waitForOutput(sink, /(http:\S+)/);
  const store = storeOf(sinkUrl);
  writeFileSync(join(place.folder, 'hindcast.yaml'), configOf(upstream, { store, telemetry: { otlp: sinkUrl }, ...more }));
  const started = place.start([...nodeOptions, main, 'serve']);
  try {
    const origin = await waitForOutput(started, /listens on (http:\S+)/);
    // The banner follows when the store is ready.
    const storeUrl = await waitForOutput(started, /query them at (http:\S+)/);
    const isEmbedded = 'port' in store;
    const running = place.running(origin, started, {
      // What the recorder still waits for to fill a segment is no part of the cost.
      recorded: () => requestFlush(join(place.folder, 'data/spool')).then(() => (isEmbedded ? storedAt(storeUrl) : countedAt(sinkUrl))),
    });
    return { ...running, end: () => running.end().then(() => stopProcess(sink.child)) };
  } catch (error) {
    const log = place.running('', started).log();
    await Promise.all([stopProcess(started.child), stopProcess(sink.child)]);
    throw new Error(`${error instanceof Error ? error.message : error}\n${log}`);
  }
}

async function storedAt(storeUrl: string): Promise<number> {
  const answer = await fetch(storeUrl, { method: 'POST', body: 'SELECT count() FROM requests' });
  return Number(await answer.text());
}

/** A request counts when its row has come and the two spans of it. */
async function countedAt(sinkUrl: string): Promise<number> {
  const { requests, spans } = (await (await fetch(`${sinkUrl}/count`)).json()) as SinkCount;
  return Math.min(requests, Math.floor(spans / 2));
}

export const ours: readonly Subject[] = [bare, off, on, tails, workers, embedded, lists];
/** What a quick run can do without. */
export const slow: ReadonlySet<string> = new Set(['tails', 'workers', 'lists']);
export const subjectNamed = (name: string): Subject | undefined => ours.find(subject => subject.name === name);
