/** `hindcast demo`: a guided tour in a minute with the simulated provider: send, query, replay, sweep. Each step is the command a user would type. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import got from 'got';
import { CommandError, exit, note } from '../gateway/cli/command.ts';

interface Options {
  readonly once?: boolean;
}

const requestCount = 80;
const concurrency = 40;
const config = `# Made by hindcast demo. "smart" tries the cheap model first, and the better one when the cheap one is not sure enough.
server: { port: 0 }
store: { port: 0, path: ./hindcast-data }
providers: { sim: { api: simulated } }
routes:
  smart:
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } }
      - { target: sim/large }
`;

export async function runDemo(options: Options): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-demo-'));
  writeFileSync(join(folder, 'hindcast.yaml'), config);
  const gateway = hindcast(folder, ['serve'], 'pipe');
  const ended = once(gateway, 'close');
  process.once('SIGINT', () => {}); // the gateway receives the signal as well, and ends by itself
  try {
    const { url, storeUrl } = await readAddresses(gateway);
    await runSteps(folder, url, storeUrl);
    if (!options.once) {
      await showConsole(url, storeUrl);
      note(`\nThe gateway goes on at ${url}/v1, its store at ${storeUrl}, everything in ${folder}. Ctrl-C ends it and removes the folder.`);
      await ended;
    }
  } finally {
    gateway.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return exit.pass;
}

async function runSteps(folder: string, url: string, storeUrl: string): Promise<void> {
  step(`${requestCount} questions to the route "smart": curl ${url}/v1/chat/completions …`);
  await sendRequests(url);
  const sql =
    "SELECT model, count() AS answers, round(avg(latency_ms)) AS ms, sum(cost_usd) AS usd FROM requests WHERE run_id = '' GROUP BY model";
  await waitUntilRecorded(storeUrl);
  step(`what is recorded: curl ${storeUrl} -d "${sql}"`);
  process.stdout.write(await query(storeUrl, `${sql} FORMAT PrettyCompactMonoBlock`));
  const commands = [
    ['replay', 'run', '--since', '1h', '--against', 'sim/small', '--against', 'sim/large', '-j', '40'],
    ['replay', 'diff', 'latest'],
    ['eval', 'sweep', '--chain', 'smart', '--run', 'latest'],
  ];
  for (const args of commands) {
    step(`hindcast ${args.join(' ')}`);
    const [code] = (await once(hindcast(folder, args, 'inherit'), 'close')) as [number | null];
    if (code !== exit.pass) throw new CommandError(exit.failed, `hindcast ${args.join(' ')} ended with ${code}.`);
  }
}

/** Pages that show what the steps have printed. */
async function showConsole(url: string, storeUrl: string): Promise<void> {
  const sql = "SELECT request_id FROM requests WHERE run_id = '' AND escalations > 0 ORDER BY ts DESC LIMIT 1 FORMAT TabSeparated";
  const escalated = (await query(storeUrl, sql)).trim();
  step('the same in a browser');
  if (escalated !== '') note(`  an exchange that was asked twice  ${url}/console/exchanges/${escalated}`);
  note(`  the threshold to drag             ${url}/console/thresholds?route=smart`);
}

const step = (text: string): void => note(`\n▶ ${text}`);

/** The program as it runs now, as a process of its own. */
function hindcast(cwd: string, args: readonly string[], output: 'pipe' | 'inherit'): ChildProcess {
  const log = output === 'pipe' ? { HINDCAST_LOG: 'warn' } : {};
  return spawn(process.execPath, [process.argv[1]!, ...args], {
    cwd,
    stdio: ['ignore', output, 'inherit'],
    env: { ...process.env, ...log },
  });
}

/** The banner's last word comes when the store is ready. */
async function readAddresses(gateway: ChildProcess): Promise<{ url: string; storeUrl: string }> {
  let url: string | undefined;
  for await (const line of createInterface(gateway.stdout!)) {
    url ??= /listens on (http:\S+)/.exec(line)?.[1];
    const storeUrl = /query them at (http:\S+)/.exec(line)?.[1];
    if (url && storeUrl) {
      gateway.stdout!.resume();
      return { url, storeUrl };
    }
  }
  throw new CommandError(exit.failed, 'The gateway did not start.');
}

async function sendRequests(url: string): Promise<void> {
  const orders = Array.from({ length: requestCount }, (_, i) => 1_000 + i);
  const sendNext = async (): Promise<void> => {
    for (let order = orders.shift(); order !== undefined; order = orders.shift()) {
      const messages = [{ role: 'user', content: `What is the refund code of order ${order}?` }];
      await got.post(`${url}/v1/chat/completions`, { json: { model: 'smart', messages } });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sendNext));
}

const query = (storeUrl: string, sql: string): Promise<string> => got.post(storeUrl, { body: sql }).text();

/** Records are in the store about a second after the answer. */
async function waitUntilRecorded(storeUrl: string): Promise<void> {
  for (const until = Date.now() + 30_000; Date.now() < until; await new Promise(wait => setTimeout(wait, 100))) {
    if (Number(await query(storeUrl, 'SELECT count() FROM requests FORMAT TabSeparated')) >= requestCount) return;
  }
  throw new CommandError(exit.failed, 'The records did not arrive in the store within 30 s.');
}
