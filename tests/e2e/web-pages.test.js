// The pages besides the main path: list, forms, catalogue, secrets, deep links, sign-in.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Browser } from '../harness/browser.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('pages', () => {
  let world;
  let browser;
  before(async () => {
    world = await World.start();
    browser = await Browser.start(world);
    const first = await world.build('spec-00', { pip: ['six'] });
    assert.ok(first.image);
    // The others are answered from the first one's image.
    for (let i = 1; i < 30; i++) await world.build(`spec-${String(i).padStart(2, '0')}`, { pip: ['six'] });
  });
  after(async () => {
    await browser?.stop();
    await world.stop();
  });

  async function with_(action, options) {
    const page = await browser.page(options);
    try {
      await action(page);
    } finally {
      await page.context().close();
    }
  }
  const rows = (page) => page.getByRole('table', { name: 'Image specs' }).getByRole('rowheader');
  const shows = (page, names) => until(`the rows ${names[0]}…`, async () => JSON.stringify((await rows(page).allTextContents()).map((text) => text.trim())) === JSON.stringify(names), { timeout: 10_000 });
  const range = (from, to) => Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => `spec-${String(from < to ? from + i : from - i).padStart(2, '0')}`);

  test('the list has pages, newest first, and can be sorted and searched; the address holds it all', () =>
    with_(async (page) => {
      await shows(page, range(29, 5));
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Next' }).click();
      await shows(page, range(4, 0));
      await page.reload();
      await shows(page, range(4, 0));
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Previous' }).click();
      await shows(page, range(29, 5));
      await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click();
      await shows(page, range(0, 24));
      assert.equal(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort'), 'ascending');
      await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click();
      await shows(page, range(29, 5));
      await page.getByRole('searchbox', { name: 'Search by name' }).fill('spec-1');
      await shows(page, range(19, 10));
      await page.reload();
      await shows(page, range(19, 10));
      await page.getByRole('searchbox', { name: 'Search by name' }).fill('nothing like it');
      await until('the empty state', async () => (await rows(page).count()) === 0);
    }));

  test('deep links open, and Back goes where one was', () =>
    with_(async (page) => {
      const [job] = await world.api.jobs('spec-03');
      const path = `/image-specs/spec-03/jobs/${job.id}`;
      await page.goto(world.url + path);
      await page.getByRole('heading', { level: 1, name: 'Job 1 of spec-03' }).waitFor();
      await page.goto(`${world.url}/image-specs?q=spec-0`);
      await shows(page, range(9, 0));
      await page.getByRole('link', { name: 'View jobs of spec-04' }).click();
      await page.waitForURL('**/image-specs/spec-04/jobs');
      await page.getByRole('link', { name: 'View job 1', exact: true }).click();
      await page.getByRole('heading', { level: 1, name: 'Job 1 of spec-04' }).waitFor();
      await page.goBack();
      await page.getByRole('table', { name: 'Jobs' }).waitFor();
      await page.goBack();
      await shows(page, range(9, 0));
      assert.match(page.url(), /q=spec-0/);
      await page.goto(`${world.url}/image-specs/never-there`);
      await page.getByText(/not found|no image spec|does not exist|no longer/i).first().waitFor();
      await page.goto(`${world.url}/nowhere/at/all`);
      await page.getByRole('heading', { level: 1, name: 'Page not found' }).waitFor();
    }));

  test('a bad line is marked in place while one types, and nothing typed is lost when the form is refused', () =>
    with_(async (page) => {
      await page.goto(`${world.url}/image-specs/new`);
      await page.getByRole('textbox', { name: 'Name' }).fill('spec-00');
      await page.getByRole('combobox', { name: 'Base image' }).fill(world.base);
      const pip = page.getByRole('textbox', { name: 'Pip packages' });
      await pip.fill('# tools\nsix\nrequests>>2');
      const problems = page.getByRole('list', { name: 'Problems in Pip packages' });
      await problems.getByText(/Line 3/).first().waitFor();
      await until('the box to be marked', async () => (await pip.getAttribute('aria-invalid')) === 'true');
      await pip.fill('# tools\nsix\nrequests>=2');
      await until('the mark to go', async () => (await pip.getAttribute('aria-invalid')) !== 'true');
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.getByText(/taken|exists|already/i).first().waitFor();
      assert.equal(await pip.inputValue(), '# tools\nsix\nrequests>=2');
      assert.equal(await page.getByRole('combobox', { name: 'Base image' }).inputValue(), world.base);
      await page.getByText('Dockerfile preview').click();
      await page.getByText("'requests>=2'").first().waitFor();
    }));

  test('leaving with changes asks first', () =>
    with_(async (page) => {
      await page.goto(`${world.url}/image-specs/new`);
      await page.getByRole('textbox', { name: 'Name' }).fill('half-typed');
      await page.getByRole('link', { name: 'Base images' }).click();
      const dialog = page.getByRole('dialog', { name: 'Discard your changes?' });
      await dialog.getByRole('button', { name: 'Keep editing' }).click();
      assert.equal(await page.getByRole('textbox', { name: 'Name' }).inputValue(), 'half-typed');
      await page.getByRole('link', { name: 'Base images' }).click();
      await dialog.getByRole('button', { name: 'Discard changes' }).click();
      await page.getByRole('heading', { level: 1, name: 'Base images' }).waitFor();
    }));

  test('an edit that another person overtook is told, and can be taken up', () =>
    with_(async (page) => {
      await page.goto(`${world.url}/image-specs/spec-07`);
      const pip = page.getByRole('textbox', { name: 'Pip packages' });
      await until('the form to be filled', async () => (await pip.inputValue()) === 'six');
      // While nothing is typed, the form takes on a newer version by itself.
      await pip.fill('six\ncertifi');
      const { job } = await world.api.update({ ...world.spec('spec-07', { pip: ['six', 'idna'] }), version: (await world.api.spec('spec-07')).version });
      await world.api.untilStatus(job.id, 'SUCCEEDED');
      assert.equal(await pip.inputValue(), 'six\ncertifi', 'what is typed stays');
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.getByText('This image spec has been changed in the meantime').first().waitFor();
      assert.deepEqual((await world.api.spec('spec-07')).packages.pip, ['six', 'idna']);
      await page.getByRole('button', { name: 'Load the current version' }).click();
      await until('the current version', async () => (await pip.inputValue()) === 'six\nidna');
    }));

  test('base images: add, edit, delete', () =>
    with_(async (page) => {
      await page.goto(`${world.url}/base-images`);
      await page.getByRole('button', { name: 'Add' }).click();
      let dialog = page.getByRole('dialog', { name: 'New base image' });
      await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('gpu');
      await dialog.getByRole('textbox', { name: 'Display name' }).fill('With a GPU');
      await dialog.getByLabel('Type').selectOption({ label: 'GPU' });
      await dialog.getByRole('textbox', { name: 'Image reference', exact: true }).fill('example.org/ml/gpu:1');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Edit gpu' }).click();
      dialog = page.getByRole('dialog', { name: 'Edit gpu' });
      await dialog.getByRole('textbox', { name: 'Description' }).fill('For training');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.waitFor({ state: 'hidden' });
      const { baseImage } = await world.api.query('{ baseImage(name: "gpu") { displayName description type url } }');
      assert.deepEqual(baseImage, { displayName: 'With a GPU', description: 'For training', type: 'GPU', url: 'example.org/ml/gpu:1' });
      await page.getByRole('button', { name: 'Delete gpu' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('button', { name: 'Edit gpu' }).waitFor({ state: 'detached' });
      assert.equal((await world.api.query('{ baseImage(name: "gpu") { id } }')).baseImage, null);
    }));

  test('base images beyond the first: the page goes on, and the form says that there are more', () =>
    with_(async (page) => {
      // More than one page of the server, and more than the form suggests at once.
      for (let number = 0; number < 130; number++) {
        const input = { name: `many-${String(number).padStart(3, '0')}`, type: 'CPU', url: `registry.example/many/${number}:1` };
        await world.api.mutate('createBaseImage', 'BaseImageInput', input, 'baseImage { id }');
      }
      await page.goto(`${world.url}/base-images`);
      const last = page.getByRole('button', { name: 'Edit many-129' });
      for (let more = 0; more < 2; more++) await page.getByRole('button', { name: 'Show more' }).click();
      await last.waitFor();
      await page.goto(`${world.url}/image-specs/new`);
      await page.getByRole('button', { name: 'Show base images' }).click();
      await page.getByText(/20 of 13\d base images are shown/).waitFor();
      await page.getByRole('combobox', { name: 'Base image' }).fill('many-129');
      await page.getByRole('option', { name: /many-129/ }).waitFor();
    }));

  test('pull secrets: add, edit without the password, never shown', () =>
    with_(async (page) => {
      await page.goto(`${world.url}/pull-secrets`);
      await page.getByRole('button', { name: 'Add' }).click();
      let dialog = page.getByRole('dialog', { name: 'New pull secret' });
      await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('hub');
      await dialog.getByRole('textbox', { name: 'Registry host' }).fill('registry.example.org');
      await dialog.getByRole('textbox', { name: 'User name' }).fill('robot');
      await dialog.getByLabel('Password').fill('very-secret-word');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Edit hub' }).click();
      dialog = page.getByRole('dialog', { name: 'Edit hub' });
      assert.equal(await dialog.getByLabel('Password').inputValue(), '');
      await dialog.getByRole('textbox', { name: 'User name' }).fill('robot-2');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.waitFor({ state: 'hidden' });
      assert.ok(!(await page.content()).includes('very-secret-word'));
      const { pullSecrets } = await world.api.query('{ pullSecrets { name username } }');
      assert.ok(pullSecrets.some(({ name, username }) => name === 'hub' && username === 'robot-2'));
      assert.ok(!readFileSync(`${world.data}/cooperage.db`).includes('very-secret-word'));
      await page.getByRole('button', { name: 'Delete hub' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('button', { name: 'Edit hub' }).waitFor({ state: 'detached' });
    }));

  test('a page says that it loads, then why it could not, and tries again', () =>
    with_(async (page) => {
      const path = '**/graphql';
      for (const [place, shown] of [
        ['/image-specs', () => page.getByRole('table', { name: 'Image specs' })],
        ['/image-specs/spec-02', () => page.getByRole('heading', { level: 1, name: 'spec-02' })],
        ['/image-specs/spec-02/jobs', () => page.getByRole('table', { name: 'Jobs' })],
        ['/base-images', () => page.getByRole('table', { name: 'Base images' })],
        ['/pull-secrets', () => page.getByRole('table', { name: 'Pull secrets' })],
      ]) {
        const held = [];
        let isDown = false;
        await page.route(path, (route) => (isDown ? route.abort() : held.push(route)));
        await page.goto(world.url + place);
        await page.getByRole('status').filter({ hasText: 'Loading…' }).first().waitFor();
        isDown = true;
        await Promise.all(held.map((route) => route.abort()));
        const alert = page.getByRole('alert').filter({ has: page.getByRole('button', { name: 'Try again' }) }).first();
        await alert.waitFor();
        assert.match(await alert.innerText(), /server/i, place);
        await page.unroute(path);
        await alert.getByRole('button', { name: 'Try again' }).click();
        await shown().waitFor();
        await alert.waitFor({ state: 'detached' });
      }
    }));

  test('the playground runs an operation in the browser', () =>
    with_(async (page) => {
      await page.goto(`${world.url}/graphql`);
      await page.getByRole('button', { name: /^Execute query/ }).click();
      const answer = page.getByRole('region', { name: /result/i });
      await answer.getByText('spec-29').first().waitFor();
      assert.deepEqual(page.noise, []);
    }));

  test('without the token the playground leads to signing in, and back', () =>
    with_(
      async (page) => {
        await page.goto(`${world.url}/graphql`);
        await page.getByLabel('Access token').fill(world.api.token);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('button', { name: /^Execute query/ }).waitFor();
        assert.equal(new URL(page.url()).pathname, '/graphql');
      },
      { signedIn: false },
    ));

  test('without the token one is asked for it, and let in with it', () =>
    with_(
      async (page) => {
        await page.goto(`${world.url}/image-specs/spec-01`);
        await page.getByLabel('Access token').fill('wrong');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').first().waitFor();
        await page.getByLabel('Access token').fill(world.api.token);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('heading', { level: 1, name: /spec-01|Image specs/ }).waitFor();
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByLabel('Access token').waitFor();
      },
      { signedIn: false },
    ));
});

describe('pages without a push registry', () => {
  let world;
  let browser;
  before(async () => {
    world = await World.start({ settings: { COOPERAGE_REGISTRY_HOST: '' } });
    browser = await Browser.start(world);
  });
  after(async () => {
    await browser?.stop();
    await world.stop();
  });

  test('warn, with a link to what to do', async () => {
    const page = await browser.page();
    const warning = page.getByRole('status', { name: 'Push registry' });
    await warning.getByRole('link', { name: 'How to set up the push registry' }).click();
    await page.getByText('COOPERAGE_REGISTRY_HOST').first().waitFor();
    await page.context().close();
  });
});
