/** The console in a real browser over a real gateway: every screen, by keyboard and to axe, with texts that mean harm. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Gateway, Workspace } from '../hindcast.ts';
import { chromium, type Look, launch, openPage, overflow, violations, type Watched } from './browser.ts';

const config = `server: { port: 0 }
store: { port: 0, path: ./hindcast-data }
providers:
  sim: { api: simulated }
  dead: { api: openai, key: sk-none, base_url: "http://127.0.0.1:9/v1", allow_private: true }
routes:
  smart:
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } }
      - { target: sim/large }
  broken: [dead/gpt-5]
`;

const hostile = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'"> \u001b[31mred\u001b[0m \u202Eright to left\u202C 🦊 `;

const looks: readonly Look[] =
  process.env.HINDCAST_LONG === undefined
    ? [{ width: 1440, scheme: 'light' }]
    : ([390, 1440] as const).flatMap(width => [
        { width, scheme: 'light' },
        { width, scheme: 'dark' },
      ]);

const otherScreens = (id: string): readonly (readonly [name: string, path: string, shown: string])[] => [
  ['attempts', `/exchanges/${id}?tab=attempts`, '.signals'],
  ['details', `/exchanges/${id}?tab=details`, '.facts'],
  ['policy', `/exchanges/${id}?tab=policy`, '.code-box'],
  ['overview', '/overview', '.time-chart canvas'],
  ['replay', '/replay?create=true&route=smart', '.grid-table td'],
  ['targets', '/targets', '.routes .step'],
  ['playground', `/playground?from=${id}`, 'textarea'],
  ['keys', '/access', '.tabs-list'],
  ['budgets', '/access?tab=budgets', '.panel'],
  ['tenants', '/access?tab=tenants', '.grid-table td'],
  ['audit', '/access?tab=audit', '.grid-table td'],
  ['config', '/config', '.editor'],
];

describe.skipIf(chromium === undefined)('the console in a browser', () => {
  const place = new Workspace(config);
  let gateway: Gateway;
  let browser: Browser;
  let escalated: string;
  let attacked: string;
  let run: string;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([place.serve(), launch()]);
    const ask = async (model: string, content: string): Promise<string> => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-hindcast-tag-tier': 'paid' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
      });
      await response.text();
      return response.headers.get('x-request-id')!;
    };
    const ids = await Promise.all(Array.from({ length: 24 }, (_, i) => ask('smart', `What is the refund code of order ${1_000 + i}?`)));
    await ask('broken', 'Is anybody there?');
    attacked = await ask('sim/small:tokens=5', hostile + 'x'.repeat(1_000_000));
    await gateway.flush();
    const exchange = async (id: string) =>
      (await (await fetch(`${gateway.url}/admin/api/v1/exchanges/${id}`)).json()) as { readonly escalations?: number };
    await vi.waitUntil(async () => (await exchange(attacked)).escalations !== undefined, { timeout: 20_000, interval: 100 });
    const [found, ran] = await Promise.all([
      Promise.all(ids.map(exchange)),
      place.run(
        'replay',
        'run',
        '--route=smart',
        '--limit=16',
        '--concurrency=40',
        '--against=sim/small',
        '--against=sim/large',
        '--max-cost=1',
        '--json',
      ),
    ]);
    run = (JSON.parse(ran.stdout) as { readonly run: string }).run;
    escalated = ids.find((_, i) => (found[i]!.escalations ?? 0) > 0)!;
  });
  afterAll(async () => {
    await browser?.close();
    await place[Symbol.asyncDispose]();
  });

  const screens = (): readonly (readonly [name: string, path: string, shown: string])[] => [
    ['traffic', '/traffic', '.traffic-row .open-link'],
    ['exchange', `/exchanges/${escalated}`, '.turn.assistant'],
    ['compare', `/replay/${run}`, '.pair-view .turn.user'],
    ['thresholds', '/thresholds?route=smart', '.slider-thumb'],
    ...(process.env.HINDCAST_LONG === undefined ? [] : otherScreens(escalated)),
  ];

  test.each(looks)('shows its screens at $width px, $scheme, without an error, an overflow or an objection of axe', async look => {
    const { page, errors } = await openPage(browser, look);
    for (const [name, path, shown] of screens()) {
      await page.goto(`${gateway.url}/console${path}`);
      await page.locator(shown).first().waitFor();
      expect({ name, overflow: await overflow(page), violations: await violations(page) }).toEqual({ name, overflow: 0, violations: [] });
    }
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('leads from / to the traffic, from a row to its exchange, and tells why the first answer was declined', async () => {
    const { page }: Watched = await openPage(browser, looks[0]!);
    await page.goto(gateway.url);
    await page.locator('.traffic-row .open-link').first().waitFor();
    expect(new URL(page.url()).pathname).toBe('/console/traffic');
    await page.keyboard.press('j');
    await page.locator(`.open-link[href$="${escalated}"]`).focus();
    await page.keyboard.press('Enter');
    await page.getByText(/declined: confidence 0\.\d\d < 0\.74/).waitFor();
    await page.getByText('stored = delivered').waitFor();
    await page.context().close();
  });

  test('keeps filters in the address, and shows a new exchange while somebody looks', async () => {
    const { page } = await openPage(browser, looks[0]!);
    await page.goto(`${gateway.url}/console/traffic?route=broken`);
    await page.getByText('connect error').first().waitFor();
    expect(await page.locator('.traffic-row .open-link').count()).toBe(1);
    await page.getByRole('button', { name: 'Remove filter Route broken' }).click();
    await page.locator('.traffic-row:has-text("smart")').first().waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sim/large', messages: [{ role: 'user', content: 'Say hello' }] }),
    });
    await response.text();
    await page.locator(`.open-link[href$="${response.headers.get('x-request-id')}"]`).waitFor();
    await page.context().close();
  });

  test('shows texts of strangers as texts: no markup, no control characters, and not all of a megabyte at once', async () => {
    const { page, errors } = await openPage(browser, looks[0]!);
    await page.goto(`${gateway.url}/console/exchanges/${attacked}`);
    const question = page.locator('.turn.user .text');
    await question.waitFor();
    const text = (await question.textContent())!;
    expect(text).toContain("<script>document.title='owned'</script>");
    expect(text).toContain('ESC[31mred');
    expect(text).toContain('RLOright to left');
    expect(text).toContain('🦊');
    expect(text).not.toMatch(/[\u001b\u202E]/);
    expect(text.length).toBeLessThan(20_000);
    expect(await page.title()).not.toBe('owned');
    expect(errors).toEqual([]);
    await page.context().close();
  });
});
