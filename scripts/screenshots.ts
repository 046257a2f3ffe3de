/** `npm run screenshots`: the pictures of the README, made of simulated traffic by a browser. Needs chromium. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { chromium, launch, openPage } from '../test/console/browser.ts';
import { type Gateway, Workspace } from '../test/hindcast.ts';

const folder = resolve(import.meta.dirname, '../docs/images');
const requestCount = 140;

const config = `server: { port: 0 }
store: { port: 0, path: ./hindcast-data }
providers:
  sim: { api: simulated }
  down: { api: openai, key: sk-none, base_url: "http://127.0.0.1:9/v1", allow_private: true }
routes:
  smart:
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } }
      - { target: sim/large }
  resilient: [down/gpt-5, sim/large]
`;

const tagHeader = (name: string): string => `x-hindcast-tag-${name}`;
const questions = [
  'What is the refund code of order #?',
  'Summarise ticket # in one sentence.',
  'Which plan fits customer #?',
  'Is claim # covered by the policy?',
];

if (chromium === undefined) throw new Error('There is no chromium here; HINDCAST_CHROMIUM names one.');
mkdirSync(folder, { recursive: true });
await using place = new Workspace(config);
const gateway = await place.serve();
await sendTraffic(gateway);
const run = await place.run(
  'replay',
  'run',
  '--route=smart',
  '--limit=1000',
  '--against=sim/small',
  '--against=sim/large',
  '--max-cost=1',
  '--json',
);
const { run: id } = JSON.parse(run.stdout) as { readonly run: string };
const escalated = await escalatedExchange(gateway);
const browser = await launch();
const { page } = await openPage(browser, { width: 1440, scheme: 'light' });
await page.setViewportSize({ width: 1240, height: 760 });
await take(page, '/traffic', '.traffic-row .open-link', 'traffic');
await take(page, `/exchanges/${escalated}`, '.turn.assistant', 'exchange');
await take(page, `/replay/${id}?arm=sim%2Fsmall&likeness=undecided`, '.pair-view .turn.user', 'compare');
await take(page, '/thresholds?route=smart', '.slider-thumb', 'thresholds');
await browser.close();

async function take(to: Page, path: string, shown: string, name: string): Promise<void> {
  await to.goto(`${gateway.url}/console${path}`);
  await to.locator(shown).first().waitFor();
  await to.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => {});
  await to.screenshot({ path: join(folder, `${name}.png`) });
}

async function sendTraffic({ url, flush }: Gateway): Promise<void> {
  const left = Array.from({ length: requestCount }, (_, i) => i);
  const ask = async (): Promise<void> => {
    for (let i = left.shift(); i !== undefined; i = left.shift()) {
      const content = questions[i % questions.length]!.replace('#', String(1_000 + i));
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [tagHeader('tier')]: i % 3 === 0 ? 'free' : 'paid' },
        body: JSON.stringify({ model: i % 12 === 5 ? 'resilient' : 'smart', messages: [{ role: 'user', content }], stream: i % 2 === 0 }),
      });
      await response.text();
    }
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  await flush();
}

async function escalatedExchange({ url }: Gateway): Promise<string> {
  const listed = (await (await fetch(`${url}/admin/api/v1/exchanges?route=smart&limit=200`)).json()) as {
    readonly data: readonly { readonly id: string; readonly escalations: number; readonly stream: boolean }[];
  };
  return listed.data.find(({ escalations, stream }) => escalations > 0 && stream)!.id;
}
