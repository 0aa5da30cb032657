// Each failure has its code, its sentence, the log line and the requirement at fault.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseLayout, run } from '../harness/machine.js';
import { Registry } from '../harness/registry.js';
import { until } from '../harness/wait.js';
import { engineName, World } from '../harness/world.js';

describe('a failed job says why', () => {
  let world;
  before(async () => (world = await World.start()));
  after(() => world.stop());

  async function failure(name, packages, code, more) {
    const { job } = await world.api.create(world.spec(name, packages, more));
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, code, `${JSON.stringify(failed.failure)}\n${await world.api.log(failed)}`);
    assert.ok(failed.failure.message.length > 20, failed.failure.message);
    assert.ok(failed.finishedAt);
    assert.equal(failed.image, null);
    const spec = await world.api.spec(name);
    assert.equal(spec.status, 'FAILED');
    return failed;
  }

  async function shownInLog(job, pattern) {
    const lines = (await world.api.log(job)).split('\n');
    assert.ok(job.failure.logLine >= 1, 'a log line is named');
    assert.match(lines[job.failure.logLine - 1], pattern);
  }

  for (const [kind, requirement] of [
    ['apt', 'no-such-package-here'],
    ['conda', 'no-such-package-here'],
    ['pip', 'no-such-package-here-xyzzy'],
  ]) {
    test(`an unknown ${kind} package`, async () => {
      const job = await failure(`unknown-${kind}`, { [kind]: [requirement] }, 'PACKAGE_NOT_FOUND');
      assert.equal(job.failure.requirement, requirement);
      assert.equal(job.failure.field, `packages.${kind}`);
      assert.match(job.failure.message, new RegExp(requirement));
      await shownInLog(job, new RegExp(requirement));
    });
  }

  test('a version that does not exist', async () => {
    const job = await failure('unknown-version', { pip: ['six', 'requests==0.0.0.1'] }, 'PACKAGE_NOT_FOUND');
    assert.equal(job.failure.requirement, 'requests==0.0.0.1');
  });

  test('pip requirements that exclude each other', async () => {
    const job = await failure('pip-conflict', { pip: ['requests==2.31.0', 'urllib3<1'] }, 'RESOLVER_CONFLICT');
    assert.equal(job.failure.field, 'packages.pip');
  });

  test('conda requirements that exclude each other', async () => {
    const job = await failure('conda-conflict', { conda: ['wants-old', 'numpy=1.26'] }, 'RESOLVER_CONFLICT');
    assert.equal(job.failure.field, 'packages.conda');
  });

  test('a base image that is not there', async () => {
    const job = await failure('no-base', { pip: ['six'] }, 'BASE_NOT_FOUND', { baseImage: `${world.registry.host}/base/none:1` });
    assert.equal(job.failure.field, 'baseImage');
  });

  test('a base image that asks for credentials, or refuses those it gets', async () => {
    const other = await Registry.start(join(world.folder, 'other-registry'));
    try {
      const baseImage = await other.putLayout(baseLayout, 'private/base', '1');
      await failure('no-secret', { pip: ['six'] }, 'ACCESS_DENIED', { baseImage, pullSecret: null });
      // The secret is for another host: it is not sent here.
      const { job } = await world.api.create(world.spec('foreign-secret', { pip: ['six'] }, { baseImage }), { expectErrors: true });
      if (job) assert.equal((await world.api.untilStatus(job.id, 'FAILED')).failure.code, 'ACCESS_DENIED');
      const secret = { name: 'other', host: other.host, username: other.username };
      await world.api.mutate('createPullSecret', 'PullSecretInput', { ...secret, password: 'wrong' }, 'pullSecret { id }');
      await failure('wrong-secret', { pip: ['six'] }, 'ACCESS_DENIED', { baseImage, pullSecret: 'other' });
      await world.api.mutate('updatePullSecret', 'PullSecretInput', { ...secret, password: other.password }, 'pullSecret { id }');
      await world.build('right-secret', { pip: ['six'] }, { baseImage, pullSecret: 'other' });
    } finally {
      await other.stop();
    }
  });

  test('a registry of base images that does not answer', async () => {
    await failure('nobody', { pip: ['six'] }, 'REGISTRY_UNREACHABLE', { baseImage: '127.0.0.1:1/base/debian:12', pullSecret: null });
  });

  test('no Python for pip', async () => {
    const base = await world.registry.derive(world.base, 'base/no-python', '1', {
      files: Object.fromEntries(['usr/bin/.wh.python3', 'usr/bin/.wh.python3.11', 'usr/bin/.wh.python3.12', 'usr/bin/.wh.python3.13'].map((path) => [path, ''])),
    });
    const job = await failure('no-python', { pip: ['six'] }, 'NO_PYTHON', { baseImage: base });
    assert.match(job.failure.message, /python3/i);
  });

  test('no shell in the base image', async () => {
    const base = await world.registry.make('base/no-shell', '1', { 'etc/nothing': '' }, { Env: ['PATH=/bin'] });
    await failure('no-shell', { pip: ['six'] }, 'NO_SHELL', { baseImage: base });
  });

  test('no git for a requirement under version control', async () => {
    const job = await failure('no-git', { pip: ['thing @ git+https://127.0.0.1:1/thing.git'] }, 'NO_GIT');
    assert.match(job.failure.message, /git/);
  });

  test('no compiler for a package that has to be compiled', async () => {
    world.channel.addSourcePackage('cooperage-compiled', '1.0', {
      'setup.py': "from setuptools import setup, Extension\nsetup(name='cooperage-compiled', version='1.0', ext_modules=[Extension('compiled', ['compiled.c'])])\n",
      'compiled.c': 'int nothing;\n',
    });
    const job = await failure('no-compiler', { pip: ['cooperage-compiled'] }, 'NO_COMPILER');
    assert.equal(job.failure.field, 'packages.pip');
    assert.match(job.failure.message, /gcc|compiler|build-essential/);
  });

  test('an install step that fails by itself', async () => {
    const base = await world.hookedBase('failing', 'echo this cannot go well >&2; exit 7');
    const job = await failure('failing', { apt: ['jq'] }, 'COMMAND_FAILED', { baseImage: base });
    assert.match(await world.api.log(job), /^this cannot go well$/m);
  });

  test('a disk of the image store that is full', { skip: (engineName !== 'local' || process.getuid() !== 0) && 'only root can mount a small disk, and only here' }, async () => {
    const store = join(world.data, 'store');
    const base = await world.hookedBase('full', 'head -c 2G /dev/zero >/filling');
    await world.untilBuildsEnded();
    await run('mount', ['-t', 'tmpfs', '-o', 'size=800m', 'tmpfs', store]);
    try {
      await failure('full', { apt: ['jq'] }, 'OUT_OF_DISK', { baseImage: base });
    } finally {
      // The server may be looking after its store.
      await until('the small disk to be given back', async () => (await run('umount', ['--recursive', store]), true));
    }
  });

  test('a push registry that does not answer when the image is ready', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('gone', gate.wait);
    const { job } = await world.api.create(world.spec('registry-gone', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'in its build phase', async ({ phase }) => phase === 'BUILD' && gate.arrivals > 0);
    await world.registry.stop();
    gate.open();
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'REGISTRY_UNREACHABLE');
    await world.registry.up();
    await gate.stop();
  });
});

describe('without a push registry', () => {
  let world;
  before(async () => (world = await World.start({ settings: { COOPERAGE_REGISTRY_HOST: '' } })));
  after(() => world.stop());

  test('a job fails with a reason, and the API says so', async () => {
    const { registry } = await world.api.query('{ registry { configured reachable message } }');
    assert.equal(registry.configured, false);
    assert.ok(registry.message);
    const { job } = await world.api.create(world.spec('nowhere', { pip: ['six'] }));
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'REGISTRY_NOT_CONFIGURED');
  });
});
