// Chromium, signed in as a person would be: by the address that the server prints.
import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { chromium as executablePath } from './machine.js';

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export class Browser {
  static async start(world) {
    const browser = new Browser();
    browser.world = world;
    browser.chromium = await chromium.launch({ executablePath, args });
    return browser;
  }

  /** A new page in a profile of its own. Errors in its console fail the test at `page.calm()`. */
  async page({ signedIn = true, ...options } = {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: this.world.url });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const noise = [];
    page.on('pageerror', (error) => noise.push(`page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') noise.push(`console: ${message.text()}`);
    });
    page.noise = noise;
    if (signedIn) await this.signIn(page);
    return page;
  }

  async signIn(page) {
    await page.goto(`${this.world.url}/?token=${this.world.api.token}`);
    await page.waitForURL('**/image-specs');
  }

  async stop() {
    await this.chromium.close();
  }
}

/** axe finds nothing on the page as it stands. */
export async function assertAccessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join('\n')}`);
  assert.deepEqual(found, [], `axe on ${what}`);
}
