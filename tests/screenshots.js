// Pictures of every page: wide and narrow, light and dark, empty, full and failing. usage: screenshots.js
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './harness/browser.js';
import { root } from './harness/machine.js';
import { World } from './harness/world.js';

const out = join(root, 'tests/screenshots-out');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const world = await World.start({ catalogue: false });
const browser = await Browser.start(world);
const looks = [
  { name: 'wide-light', viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { name: 'wide-dark', viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  { name: 'narrow-light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'narrow-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
];

/** Each picture: a name, an address, and what must be there first. A log out of sight is not laid out: it is brought into sight. */
async function take(pictures) {
  for (const { name: look, ...options } of looks) {
    const page = await browser.page(options);
    for (const { name, path, ready, act } of pictures) {
      await page.goto(world.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await act?.(page);
      if (ready) await ready(page).waitFor();
      await page.screenshot({ path: join(out, `${name}.${look}.png`), fullPage: true });
      console.log(`${name}.${look}.png`);
    }
    await page.context().close();
  }
}

try {
  await take([
    { name: 'empty-image-specs', path: '/image-specs' },
    { name: 'empty-base-images', path: '/base-images' },
    { name: 'empty-pull-secrets', path: '/pull-secrets' },
    { name: 'empty-new', path: '/image-specs/new', ready: (page) => page.getByRole('textbox', { name: 'Name' }) },
  ]);
  await world.fillCatalogue();
  const good = await world.build('data-science', { apt: ['jq', 'less'], conda: ['tiny-tool>=2'], pip: ['# for the web', 'requests[socks]>=2.31', 'flask'] });
  for (const name of ['forecasting', 'web-scraper', 'etl-nightly']) await world.build(name, { pip: ['six'] });
  const { job } = await world.api.create(world.spec('notebooks', { pip: ['six', 'no-such-package-here-xyzzy'] }));
  const bad = await world.api.untilStatus(job.id, 'FAILED');
  const problem = async (page) => {
    await page.getByRole('textbox', { name: 'Name' }).fill('Not valid');
    await page.getByRole('textbox', { name: 'Pip packages' }).fill('# tools\nsix\nrequests>>2');
  };
  await take([
    { name: 'image-specs', path: '/image-specs', ready: (page) => page.getByRole('rowheader', { name: 'notebooks' }) },
    { name: 'nothing-found', path: '/image-specs?q=zebra' },
    { name: 'new-with-problems', path: '/image-specs/new', act: problem, ready: (page) => page.getByText(/Line 3/).first() },
    { name: 'info', path: '/image-specs/data-science', ready: (page) => page.getByRole('textbox', { name: 'Pip packages' }) },
    { name: 'jobs', path: '/image-specs/data-science/jobs', ready: (page) => page.getByRole('link', { name: 'View job 1', exact: true }) },
    { name: 'job-succeeded', path: `/image-specs/data-science/jobs/${good.id}`, ready: (page) => page.locator('.log-row').first() },
    { name: 'job-failed', path: `/image-specs/notebooks/jobs/${bad.id}`, act: (page) => page.locator('.log-row').first().scrollIntoViewIfNeeded(), ready: (page) => page.getByRole('region', { name: 'Why the job failed' }) },
    { name: 'delete', path: '/image-specs', act: (page) => page.getByRole('button', { name: 'Delete notebooks' }).click(), ready: (page) => page.getByRole('dialog') },
    { name: 'base-images', path: '/base-images', ready: (page) => page.getByRole('button', { name: 'Edit debian' }) },
    { name: 'pull-secrets', path: '/pull-secrets', ready: (page) => page.getByRole('button', { name: 'Edit local-registry' }) },
    { name: 'not-found', path: '/nowhere' },
  ]);
  for (const { name: look, ...options } of looks) {
    const page = await browser.page({ ...options, signedIn: false });
    await page.goto(`${world.url}/sign-in`);
    await page.getByLabel('Access token').waitFor();
    await page.screenshot({ path: join(out, `sign-in.${look}.png`) });
    await page.context().close();
  }
} finally {
  await browser.stop();
  await world.stop();
}
