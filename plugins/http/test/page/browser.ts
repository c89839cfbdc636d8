/** Headless Chromium on the page of a real node. */

import { accessSync, readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { buildPage } from '../../../../scripts/build-page.mjs';

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  },
);

/** Why these tests cannot run here; `false` when they can. */
export const noBrowser: string | false =
  executable === undefined && 'no Chromium found: apt-get install chromium';

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: errors of scripts, and what the Content Security Policy stopped. */
  readonly complaints: string[];
}

export class TestBrowser {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    await buildPage();
    return new TestBrowser(
      await chromium.launch({
        ...(executable === undefined ? {} : { executablePath: executable }),
        args: [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      }),
    );
  }

  async visit(url: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Visit> {
    // The certificate of a node is its own.
    const context = await this.#browser.newContext({
      ignoreHTTPSErrors: true,
      colorScheme,
      viewport: { width: 1280, height: 860 },
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text()))
        complaints.push(message.text());
    });
    await page.goto(url);
    return { page, context, complaints };
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Signs in, and waits until the first view is there. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('connected', { exact: true }).waitFor();
}

const functions = readFileSync(new URL('./in-page.js', import.meta.url), 'utf8')
  .trim()
  .replace(/;$/, '');

/** What a function of `in-page.js` gives. */
export function inPage(page: Page, name: string, argument: unknown = null): Promise<unknown> {
  return page.evaluate(`(${functions}).${name}(${JSON.stringify(argument)})`);
}
