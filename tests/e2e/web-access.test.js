// For everyone: axe on every page, light and dark; the main job by keyboard alone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, assertAccessible } from '../harness/browser.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('accessibility', () => {
  let world;
  let browser;
  let good;
  let bad;
  before(async () => {
    world = await World.start();
    browser = await Browser.start(world);
    good = await world.build('good', { apt: ['jq'], pip: ['six'] });
    const { job } = await world.api.create(world.spec('bad', { pip: ['no-such-package-here-xyzzy'] }));
    bad = await world.api.untilStatus(job.id, 'FAILED');
  });
  after(async () => {
    await browser?.stop();
    await world.stop();
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing on any page, ${colorScheme}`, async () => {
      const page = await browser.page({ colorScheme });
      const look = async (path, ready) => {
        await page.goto(world.url + path);
        await ready.waitFor();
        await assertAccessible(page, `${path}, ${colorScheme}`);
      };
      await look('/image-specs', page.getByRole('rowheader', { name: 'good' }));
      await look('/image-specs?q=nothing', page.getByRole('heading', { level: 1, name: 'Image specs' }));
      await look('/image-specs/new', page.getByRole('textbox', { name: 'Name' }));
      await page.getByRole('textbox', { name: 'Pip packages' }).fill('six\nrequests>>2');
      await page.getByText(/Line 2/).first().waitFor();
      await page.getByRole('combobox', { name: 'Base image' }).fill('deb');
      await page.getByRole('option').first().waitFor();
      await assertAccessible(page, `the form with problems and its list open, ${colorScheme}`);
      await page.goto(`${world.url}/image-specs/good`);
      await page.getByRole('textbox', { name: 'Pip packages' }).waitFor();
      await assertAccessible(page, `the Info tab, ${colorScheme}`);
      await look('/image-specs/good/jobs', page.getByRole('link', { name: 'View job 1', exact: true }));
      await look(`/image-specs/good/jobs/${good.id}`, page.locator('.log-row').first());
      await look(`/image-specs/bad/jobs/${bad.id}`, page.getByRole('region', { name: 'Why the job failed' }));
      await look('/base-images', page.getByRole('button', { name: 'Edit debian' }));
      await page.getByRole('button', { name: 'Edit debian' }).click();
      await page.getByRole('dialog').waitFor();
      await assertAccessible(page, `a dialog, ${colorScheme}`);
      await look('/pull-secrets', page.getByRole('button', { name: 'Edit local-registry' }));
      await look('/nowhere', page.getByRole('heading', { level: 1, name: 'Page not found' }));
      await page.context().close();
      const stranger = await browser.page({ colorScheme, signedIn: false });
      await stranger.goto(`${world.url}/sign-in`);
      await stranger.getByLabel('Access token').waitFor();
      await assertAccessible(stranger, `sign-in, ${colorScheme}`);
      await stranger.context().close();
    });
  }

  test('the main job by keyboard alone', async () => {
    const page = await browser.page();
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement;
        const label = element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent ?? '';
        return { tag: element.tagName, name: label.trim(), visible: element.matches(':focus-visible') };
      });
    /** Tab until the element with this name has the focus. */
    const tabTo = async (name) => {
      const passed = [];
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        const now = await focused();
        passed.push(now.name.slice(0, 30));
        if (name.test(now.name)) {
          assert.ok(now.visible, `${name}: the focus is visible`);
          return;
        }
      }
      assert.fail(`Tab never came to ${name}; it passed ${passed.join(' | ')}`);
    };
    await page.getByRole('rowheader', { name: 'good' }).waitFor();
    await tabTo(/^\+?\s*Add$/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/image-specs/new');
    await page.getByRole('textbox', { name: 'Name' }).waitFor();
    if (!/^Name/.test((await focused()).name)) await tabTo(/^Name/);
    await page.keyboard.type('by-keyboard');
    await tabTo(/^Base image/);
    await page.keyboard.type('debian');
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await until('the base image', async () => (await page.getByRole('combobox', { name: 'Base image' }).inputValue()) === world.base);
    await tabTo(/^Pip packages/);
    await page.keyboard.type('six');
    await tabTo(/^Confirm$/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/image-specs/by-keyboard/jobs/*');
    await page.getByText('Succeeded', { exact: true }).first().waitFor({ timeout: 120_000 });
    await page.goto(`${world.url}/image-specs`);
    await page.getByRole('rowheader', { name: 'by-keyboard' }).waitFor();
    await tabTo(/^Delete by-keyboard$/);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Delete by-keyboard?' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.match((await focused()).name, /Delete by-keyboard/, 'the focus is back where it was');
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    if (!/^Delete$/.test((await focused()).name)) await tabTo(/^Delete$/);
    await page.keyboard.press('Enter');
    await page.getByRole('rowheader', { name: 'by-keyboard' }).waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('narrow screens need no sideways scrolling', async () => {
    const page = await browser.page({ viewport: { width: 360, height: 740 } });
    for (const path of ['/image-specs', '/image-specs/new', '/image-specs/good', '/image-specs/good/jobs', `/image-specs/good/jobs/${good.id}`, '/base-images', '/pull-secrets']) {
      await page.goto(world.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      const { width, screen } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, screen: window.innerWidth }));
      assert.ok(width <= screen, `${path} is ${width} wide on a screen of ${screen}`);
    }
    await page.context().close();
  });
});
