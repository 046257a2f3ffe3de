/** A real browser over the built console. `chromium` is undefined where the machine has none: tests then skip, and say so. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';

export const chromium = [process.env.HINDCAST_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  path => path !== undefined && existsSync(path),
);

if (chromium === undefined) console.warn('No chromium on this machine: the tests of the console in a browser are skipped.');

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const launch = (): Promise<Browser> => playwright.launch({ executablePath: chromium!, args: ['--no-sandbox'] });

export interface Look {
  readonly width: 390 | 1440;
  readonly scheme: 'light' | 'dark';
}

export interface Watched {
  readonly page: Page;
  /** What the page wrote to its console as an error, and what it threw. */
  readonly errors: string[];
}

export async function openPage(browser: Browser, { width, scheme }: Look): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width, height: width === 390 ? 844 : 900 },
    colorScheme: scheme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', error => errors.push(String(error)));
  return { page, errors };
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What axe-core objects to: a rule and the first element that breaks it. */
export async function violations(page: Page): Promise<readonly string[]> {
  // Not a script of the page: its content security policy would not let it run.
  await page.evaluate(axeSource);
  const { violations: found } = await page.evaluate(() => (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run());
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ''}`);
}

/** Pixels by which the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
