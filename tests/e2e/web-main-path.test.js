// From a form in the browser to an image that another program pulls.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Browser } from '../harness/browser.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('in the browser', () => {
  let world;
  let browser;
  const pages = [];
  const open = async (options) => {
    const page = await browser.page(options);
    pages.push(page);
    return page;
  };
  before(async () => {
    world = await World.start();
    browser = await Browser.start(world);
  });
  afterEach(async () => {
    const noise = pages.flatMap((page) => page.noise);
    for (const page of pages.splice(0)) await page.context().close();
    assert.deepEqual(noise, [], 'no error in the console');
  });
  after(async () => {
    await browser?.stop();
    await world.stop();
  });

  const statusIs = (page, row, text) => page.getByRole('row', { name: row }).getByText(text, { exact: false }).first().waitFor({ timeout: 180_000 });

  test('a person adds a spec, watches its log, and the image can be pulled', async () => {
    const page = await open();
    await page.getByRole('link', { name: 'Add', exact: true }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('from-the-form');
    const base = page.getByRole('combobox', { name: 'Base image' });
    await base.fill('debian');
    await page.getByRole('listbox', { name: 'Base images' }).getByRole('option').first().click();
    assert.equal(await base.inputValue(), world.base);
    assert.ok(await page.getByRole('checkbox', { name: 'Use pull secret' }).isChecked(), 'choosing a base image fills its pull secret');
    assert.equal(await page.getByRole('combobox', { name: 'Pull secret' }).inputValue(), 'local-registry');
    await page.getByRole('textbox', { name: 'APT packages' }).fill('jq');
    await page.getByRole('textbox', { name: 'Conda packages' }).fill('tiny-tool');
    await page.getByRole('textbox', { name: 'Pip packages' }).fill('# for the web\nrequests>=2');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.waitForURL('**/image-specs/from-the-form/jobs/*');
    await page.getByRole('heading', { level: 1, name: 'Job 1 of from-the-form' }).waitFor();
    const log = page.getByRole('log', { name: 'Build log' });
    await log.locator('.log-row').first().waitFor({ timeout: 60_000 });
    await page.getByText('Succeeded', { exact: true }).first().waitFor({ timeout: 180_000 });
    const [job] = await world.api.jobs('from-the-form');
    await page.getByRole('region', { name: 'Result' }).getByText(job.image).first().waitFor();
    assert.equal(await world.runIn(job.image, 'sh', '-c', 'jq -n 1 && tiny-tool && python3 -c "import requests"'), '1\nhello from libtiny\n');
    await page.getByRole('link', { name: 'Image specs' }).first().click();
    const row = page.getByRole('row', { name: /from-the-form/ });
    await row.getByText(job.image).waitFor();
    await row.getByRole('button', { name: 'Copy image' }).click();
    await until('the clipboard', async () => (await page.evaluate(() => navigator.clipboard.readText())) === job.image);
  });

  test('a failure is explained on top, with a link to its line', async () => {
    const page = await open();
    const { job } = await world.api.create(world.spec('fails', { pip: ['six', 'no-such-package-here-xyzzy'] }));
    await page.goto(`${world.url}/image-specs/fails/jobs/${job.id}`);
    const why = page.getByRole('region', { name: 'Why the job failed' });
    await why.waitFor({ timeout: 120_000 });
    await why.getByText('no-such-package-here-xyzzy').first().waitFor();
    await why.getByText('PACKAGE_NOT_FOUND').waitFor();
    const log = page.getByRole('region', { name: 'Log', exact: true });
    assert.ok((await why.boundingBox()).y < (await log.boundingBox()).y, 'above the log');
    const { failure } = await world.api.job(job.id);
    await why.getByRole('link', { name: `Line ${failure.logLine}` }).click();
    await page.locator(`#L${failure.logLine}`).waitFor();
  });

  test('an edit starts a second job; both pages know', async () => {
    await world.build('edited', { pip: ['six'] });
    const list = await open();
    const page = await open();
    await page.goto(`${world.url}/image-specs/edited`);
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.waitFor();
    assert.equal(await name.getAttribute('readonly') !== null || (await name.isDisabled()), true, 'the name stays');
    const pip = page.getByRole('textbox', { name: 'Pip packages' });
    await until('the form to be filled', async () => (await pip.inputValue()) === 'six');
    await pip.fill('six\nidna');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.waitForURL('**/image-specs/edited/jobs/*');
    await page.getByRole('heading', { level: 1, name: 'Job 2 of edited' }).waitFor();
    await statusIs(list, /edited/, 'Succeeded');
    await until('the second job to end', async () => (await world.api.jobs('edited')).every(({ status }) => status === 'SUCCEEDED'), { timeout: 120_000 });
    await page.goto(`${world.url}/image-specs/edited/jobs`);
    const rows = page.getByRole('table', { name: 'Jobs' }).getByRole('row');
    await until('two jobs, newest first', async () => (await rows.count()) === 3 && (await rows.nth(1).textContent()).includes('#2') && (await rows.nth(2).textContent()).includes('#1'));
  });

  test('a status changes on every open page without reload', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('everywhere', gate.wait);
    const { job } = await world.api.create(world.spec('everywhere', { apt: ['jq'] }, { baseImage: base }));
    const list = await open();
    const jobs = await open();
    const one = await open();
    await jobs.goto(`${world.url}/image-specs/everywhere/jobs`);
    await one.goto(`${world.url}/image-specs/everywhere/jobs/${job.id}`);
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await statusIs(list, /everywhere/, 'Running: build');
    await statusIs(jobs, /everywhere/, 'Running: build');
    await one.getByText('Running: build').first().waitFor();
    gate.open();
    await world.api.untilStatus(job.id, 'SUCCEEDED');
    await statusIs(list, /everywhere/, 'Succeeded');
    await statusIs(jobs, /everywhere/, 'Succeeded');
    await one.getByText('Succeeded', { exact: true }).first().waitFor();
    await gate.stop();
  });

  test('a spec that someone deletes is gone on every open page without reload', async () => {
    await world.build('fleeting', { pip: ['six'] });
    const list = await open();
    const one = await open();
    const jobs = await open();
    await list.getByRole('rowheader', { name: 'fleeting' }).waitFor();
    await one.goto(`${world.url}/image-specs/fleeting`);
    await one.getByRole('textbox', { name: 'Pip packages' }).waitFor();
    await jobs.goto(`${world.url}/image-specs/fleeting/jobs`);
    await jobs.getByRole('link', { name: 'View job 1', exact: true }).waitFor();
    await world.api.delete('fleeting');
    // Sooner than the pages look again by themselves.
    const soon = { timeout: 10_000 };
    await list.getByRole('rowheader', { name: 'fleeting' }).waitFor({ state: 'detached', ...soon });
    for (const page of [one, jobs]) await page.getByText('There is no image spec named fleeting.').waitFor(soon);
  });

  test('cancel, from the job page', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('cancel', gate.wait);
    const { job } = await world.api.create(world.spec('cancel', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    const page = await open();
    await page.goto(`${world.url}/image-specs/cancel/jobs/${job.id}`);
    await page.getByRole('button', { name: 'Cancel job' }).click();
    await page.getByRole('dialog', { name: 'Cancel job 1?' }).getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByText('Cancelled', { exact: true }).first().waitFor();
    assert.equal((await world.api.job(job.id)).status, 'CANCELLED');
    await world.untilBuildsEnded({ timeout: 5_000 });
    await gate.stop();
  });

  test('rebuild, from the spec page', async () => {
    await world.build('rebuild', { pip: ['six'] });
    const page = await open();
    await page.goto(`${world.url}/image-specs/rebuild`);
    await page.getByRole('button', { name: 'Rebuild' }).click();
    await until('a second job', async () => (await world.api.jobs('rebuild')).length === 2);
    const [second] = await world.api.jobs('rebuild');
    assert.equal((await world.api.untilStatus(second.id, 'SUCCEEDED')).reusedFrom, null);
  });

  test('delete asks first, and is done on confirmation only', async () => {
    await world.build('doomed', { pip: ['six'] });
    const page = await open();
    await page.getByRole('button', { name: 'Delete doomed' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete doomed?' });
    assert.match(await dialog.textContent(), /registry/i, 'says that images stay');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.ok(await world.api.spec('doomed'));
    await page.getByRole('button', { name: 'Delete doomed' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('rowheader', { name: 'doomed' }).waitFor({ state: 'detached' });
    assert.equal(await world.api.spec('doomed'), null);
  });
});
