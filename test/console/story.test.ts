/** The whole story by clicks, and who may do what in the console. Long: it starts two gateways. */
import { createHash } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workspace } from '../hindcast.ts';
import { chromium, launch, openPage } from './browser.ts';

const isLong = process.env.HINDCAST_LONG !== undefined;

const routes = `providers: { sim: { api: simulated } }
routes:
  smart:
    # This comment stays.
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } }
      - { target: sim/large }
`;
const config = `server: { port: 0 }\nstore: { port: 0, path: ./hindcast-data }\n${routes}`;

const ask = async (url: string, content: string, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content }] }),
  });
  await response.text();
  return response.headers.get('x-request-id')!;
};

describe.skipIf(chromium === undefined || !isLong)('by clicks', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  test('traffic is replayed, compared, labelled, and its threshold dragged and written; new traffic follows it', async () => {
    await using place = new Workspace(config);
    const gateway = await place.serve();
    await Promise.all(Array.from({ length: 40 }, (_, i) => ask(gateway.url, `What is the refund code of order ${i}?`)));
    await gateway.flush();
    const { page, errors } = await openPage(browser, { width: 1440, scheme: 'light' });
    await page.goto(`${gateway.url}/console/traffic?route=smart`);
    await page.locator('.traffic-row .open-link').first().waitFor();
    await page.getByRole('link', { name: 'Replay these' }).click();
    await page.getByLabel('Against, targets or routes').fill('sim/small, sim/large');
    await page.getByRole('button', { name: 'Plan it' }).click();
    await page.getByText('40 requests would be asked again').waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Start the run' }).click();
    await page.getByText('finished').waitFor({ timeout: 90_000 });
    await page.locator('.grid-table a').first().click();
    await page.locator('.pair-view .turn.user').waitFor({ timeout: 60_000 });
    await page.keyboard.press('1');
    await page.locator('.label-bar .button.on', { hasText: 'Right' }).waitFor();
    await page.getByRole('link', { name: 'Thresholds' }).click();
    const thumb = page.getByRole('slider', { name: 'Threshold of sim/small' });
    await thumb.waitFor({ timeout: 60_000 });
    for (let i = 0; i < 5; i++) await thumb.press('ArrowRight');
    const chosen = Number(await page.locator('.tier .value').textContent());
    expect(chosen).toBeGreaterThan(0.74);
    await page.getByRole('button', { name: 'Write it' }).click();
    await page.getByText(/^Written; the gateway takes it/).waitFor();
    expect(place.read('hindcast.yaml')).toContain(`confidence: ${chosen}`);
    expect(place.read('hindcast.yaml')).toContain('# This comment stays.');
    await expect
      .poll(
        async () =>
          ((await (await fetch(`${gateway.url}/admin/api/v1/thresholds/smart`)).json()) as { steps: { at_least: number }[] }).steps[0]!
            .at_least,
        { timeout: 10_000 },
      )
      .toBe(chosen);
    const id = await ask(gateway.url, 'A new one?');
    await page.goto(`${gateway.url}/console/exchanges/${id}`);
    await page.getByText(`accepted from ${chosen}`).waitFor({ timeout: 30_000 });
    expect(errors.filter(text => !text.includes('404'))).toEqual([]);
    await page.context().close();
  });

  test('a key opens a session; a viewer sees numbers, no texts and no pages of admins; leaving ends it', async () => {
    const keys = { 'hc-admin': 'admin', 'hc-viewer': 'viewer', 'hc-caller': 'caller' } as const;
    const lines = Object.entries(keys).map(
      ([key, role]) =>
        `  - { name: ${role}, hash: "sha256:${createHash('sha256').update(key).digest('hex')}", tenant: "${role === 'caller' ? 'default' : '*'}", role: ${role} }`,
    );
    await using place = new Workspace(`${config}keys:\n${lines.join('\n')}\n`);
    const gateway = await place.serve();
    const id = await ask(gateway.url, 'the secret words', { authorization: 'Bearer hc-admin' });
    await gateway.flush();
    const { page } = await openPage(browser, { width: 1440, scheme: 'light' });
    await page.goto(`${gateway.url}/console/exchanges/${id}`);
    const key = page.getByLabel('Key of the role viewer, analyst or admin');
    await key.fill('hc-caller');
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByRole('alert').waitFor();
    await key.fill('hc-viewer');
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByText('Waterfall').waitFor();
    expect(await page.getByText('the secret words').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Config' }).count()).toBe(0);
    expect(await page.getByRole('tab', { name: 'Conversation' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Leave' }).click();
    await key.fill('hc-admin');
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByText('the secret words').waitFor();
    await page.getByRole('link', { name: 'Keys & budgets' }).click();
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name', { exact: true }).fill('made-here');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const made = (await page.locator('.secret').textContent())!;
    const asked = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${made}` } });
    expect(asked.status).toBe(200);
    await page.context().close();
  });

  test('a broken configuration is told where it is broken, and not written', async () => {
    await using place = new Workspace(config);
    const gateway = await place.serve();
    const { page } = await openPage(browser, { width: 1440, scheme: 'light' });
    await page.goto(`${gateway.url}/console/config`);
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('nonsense: 1');
    await page.getByRole('button', { name: 'Check' }).click();
    await page
      .getByText(/nonsense/)
      .last()
      .waitFor();
    await page.locator('.problem-list').waitFor();
    expect(await page.getByRole('button', { name: 'Write it' }).isDisabled()).toBe(true);
    expect(place.read('hindcast.yaml')).toBe(config);
    await page.context().close();
  });
});
