// The log viewer, on a long log and on a live one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Browser } from '../harness/browser.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('the log viewer', () => {
  let world;
  let browser;
  let long;
  before(async () => {
    world = await World.start();
    browser = await Browser.start(world);
    const base = await world.hookedBase('long', 'i=1; while [ $i -le 6000 ]; do echo "noise $i"; i=$((i+1)); done');
    long = await world.build('long', { apt: ['jq'] }, { baseImage: base });
  });
  after(async () => {
    await browser?.stop();
    await world.stop();
  });

  const viewer = (page) => page.getByRole('log', { name: 'Build log' });
  const atEnd = (page) => viewer(page).evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40);

  test('shows the latest 2,000 lines, at the end, and earlier ones on demand', async () => {
    const page = await browser.page();
    await page.goto(`${world.url}/image-specs/long/jobs/${long.id}`);
    const total = (await world.api.log(long)).split('\n').length - 1;
    await page.locator(`#L${total}`).waitFor();
    await until('the end of the log', () => atEnd(page));
    assert.equal(await page.locator(`#L${total - 2000}`).count(), 0, 'no more than 2,000 at once');
    const numbers = await page.locator('.log-number').allTextContents();
    assert.ok(numbers.length > 0 && numbers.length <= 2000);
    await viewer(page).evaluate((log) => log.scrollTo(0, 0));
    await page.getByRole('button', { name: 'Load earlier lines' }).click();
    await until('earlier lines', async () => {
      await viewer(page).evaluate((log) => log.scrollTo(0, 0));
      const [first] = await page.locator('.log-number').allTextContents();
      return Number(first) <= total - 2000;
    });
    await page.getByRole('spinbutton', { name: 'Go to line' }).fill('1000');
    await page.keyboard.press('Enter');
    await page.locator('#L1000').waitFor();
    assert.equal((await page.locator('#L1000 .log-text').textContent()).trim(), (await world.api.log(long)).split('\n')[999].trim());
    await page.context().close();
  });

  test('the download is the whole log, byte for byte', async () => {
    const page = await browser.page();
    await page.goto(`${world.url}/image-specs/long/jobs/${long.id}`);
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    const file = await (await downloading).path();
    assert.ok(readFileSync(file).equals(await world.api.logBytes(long)));
    await page.context().close();
  });

  test('follows the end, stops when one scrolls up, and "Scroll to bottom" resumes', async () => {
    const gates = [await world.gate(), await world.gate(), await world.gate()];
    const say = (word) => `i=1; while [ $i -le 400 ]; do echo "${word} $i"; i=$((i+1)); done`;
    const base = await world.hookedBase('live', `${say('first')}; ${gates[0].wait}; ${say('second')}; ${gates[1].wait}; ${say('third')}; ${gates[2].wait}; echo the end`);
    const { job } = await world.api.create(world.spec('live', { apt: ['jq'] }, { baseImage: base }));
    const page = await browser.page();
    await page.goto(`${world.url}/image-specs/live/jobs/${job.id}`);
    await viewer(page).getByText('first 400').waitFor({ timeout: 60_000 });
    await until('to follow', () => atEnd(page));
    await viewer(page).hover();
    await page.mouse.wheel(0, -2000);
    await page.getByRole('button', { name: 'Scroll to bottom' }).waitFor();
    const top = await viewer(page).evaluate((log) => log.scrollTop);
    gates[0].open();
    await until('the second part to be there', async () => /second 400/.test(await world.api.log(job)));
    await until('the viewer to have grown', () => viewer(page).evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight > 2000));
    assert.ok(Math.abs((await viewer(page).evaluate((log) => log.scrollTop)) - top) < 40, 'what one reads stays where it is');
    await page.getByRole('button', { name: 'Scroll to bottom' }).click();
    await viewer(page).getByText('second 400').waitFor();
    gates[1].open();
    await viewer(page).getByText('third 400').waitFor();
    await until('to follow again', () => atEnd(page));
    gates[2].open();
    await world.api.untilStatus(job.id, 'SUCCEEDED');
    for (const gate of gates) await gate.stop();
    await page.context().close();
  });

  test('goes on after the server was away', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('away', `echo before; ${gate.wait}; echo after it came back`);
    const { job } = await world.api.create(world.spec('away', { apt: ['jq'] }, { baseImage: base }));
    const page = await browser.page();
    await page.goto(`${world.url}/image-specs/away/jobs/${job.id}`);
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await viewer(page).getByText('before', { exact: true }).first().waitFor();
    await world.server.stop('SIGTERM');
    gate.open();
    await world.up();
    await viewer(page).getByText('after it came back', { exact: true }).first().waitFor({ timeout: 60_000 });
    await page.getByText('Succeeded', { exact: true }).first().waitFor({ timeout: 60_000 });
    const shown = (await page.locator('.log-number').allTextContents()).map(Number);
    assert.deepEqual(shown, [...new Set(shown)].toSorted((a, b) => a - b), 'no line twice, none out of order');
    await page.context().close();
  });
});
