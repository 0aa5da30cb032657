// The defects of the system that this one succeeds, each with the test that shows it is not inherited.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { World } from '../harness/world.js';

describe('defect of the reference, not inherited:', () => {
  let world;
  before(async () => (world = await World.start()));
  after(() => world.stop());

  test('requirements outside [A-Za-z0-9-_:=.] are silently dropped', async () => {
    const packages = {
      apt: ['libstdc++6', 'jq:amd64'],
      conda: ['conda-forge::numpy==1.17*', 'tiny-tool>=2.1'],
      pip: ['requests[socks]>=2.31', 'idna>=3,<4', "six; python_version >= '3'"],
    };
    const job = await world.build('nothing-dropped', packages);
    for (const requirement of Object.values(packages).flat()) {
      assert.ok(job.dockerfile.includes(`'${requirement.replaceAll("'", "'\\''")}'`), `${requirement} in\n${job.dockerfile}`);
    }
    await world.runIn(job.image, 'sh', '-c', 'dpkg -s libstdc++6 && jq --version');
    assert.match(await world.runIn(job.image, 'sh', '-c', 'cat "$(dirname "$(dirname "$(command -v tiny-tool)")")"/share/numpy/version.txt'), /^1\.17\./);
    await world.runIn(job.image, 'python3', '-c', 'import requests, socks, idna, six');
    assert.deepEqual(job.packages, packages);
  });

  test('g++ is not a valid package', async () => {
    const { previewImageSpec } = await world.api.query('query($i: ImageSpecInput!) { previewImageSpec(input: $i) { problems { message } dockerfile } }', {
      i: world.spec('compiler', { apt: ['g++'], pip: ['tool @ git+https://example.org/tool.git@v1#egg=tool'] }),
    });
    assert.deepEqual(previewImageSpec.problems, []);
    assert.match(previewImageSpec.dockerfile, /'g\+\+'/);
    assert.match(previewImageSpec.dockerfile, /'tool @ git\+https:\/\/example\.org\/tool\.git@v1#egg=tool'/);
  });

  test('what cannot be understood is dropped instead of refused', async () => {
    const { userErrors, job } = await world.api.create(world.spec('refused', { apt: ['jq', 'rm -rf /'], pip: ['six;'] }), { expectErrors: true });
    assert.equal(job, null);
    assert.deepEqual(userErrors.map(({ field, line }) => `${field}:${line}`), ['packages.apt:2', 'packages.pip:1']);
  });

  test('builds run with all privileges', async () => {
    const base = await world.hookedBase('capabilities', 'grep CapEff /proc/self/status');
    const job = await world.build('capabilities', { apt: ['jq'] }, { baseImage: base });
    const held = BigInt(`0x${(await world.api.log(job)).match(/CapEff:\s*([0-9a-f]+)/)[1]}`);
    for (const [name, bit] of [['CAP_SYS_ADMIN', 21n], ['CAP_SYS_CHROOT', 18n], ['CAP_MKNOD', 27n], ['CAP_SYS_PTRACE', 19n], ['CAP_SYS_MODULE', 16n], ['CAP_NET_ADMIN', 12n]]) {
      assert.equal((held >> bit) & 1n, 0n, name);
    }
  });

  test('a hung build runs for ever', async () => {
    const own = await World.start({ settings: { COOPERAGE_BUILD_DEADLINE: '12s' } });
    const gate = await world.gate();
    try {
      const base = await own.hookedBase('hung', gate.wait);
      const { job } = await own.api.create(own.spec('hung', { apt: ['jq'] }, { baseImage: base }));
      assert.equal((await own.api.untilStatus(job.id, 'FAILED')).failure.code, 'TIMED_OUT');
    } finally {
      await own.stop();
      await gate.stop();
    }
  });

  test('the base is pulled whole each time and nothing is cached', async () => {
    const first = await world.build('cached-1', { apt: ['jq'] });
    assert.match(await world.api.log(first), /./);
    const { job } = await world.api.create(world.spec('cached-2', { apt: ['jq'], pip: ['six'] }));
    const second = await world.api.untilStatus(job.id, 'SUCCEEDED');
    const layers = async ({ image }) => (await world.registry.manifest(image)).layers.map(({ digest }) => digest);
    const [before, now] = [await layers(first), await layers(second)];
    assert.deepEqual(now.slice(0, before.length), before, 'the apt layer is the same');
    assert.ok(now.length > before.length);
  });

  test('a result has no digest', async () => {
    const job = await world.build('digest', { pip: ['six'] });
    assert.match(job.digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await world.registry.digest(job.image), job.digest);
    assert.equal((await world.api.spec('digest')).digest, job.digest);
  });

  test('building a revision again deletes its earlier job and log', async () => {
    const first = await world.build('again', { pip: ['six'] });
    const log = await world.api.log(first);
    const { job } = await world.api.rebuild('again');
    const second = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.equal(second.revision, first.revision);
    assert.deepEqual((await world.api.jobs('again')).map(({ number, status }) => [number, status]), [[2, 'SUCCEEDED'], [1, 'SUCCEEDED']]);
    assert.equal(await world.api.log(first), log);
  });

  test('cancel deletes the job', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('cancelled', `echo something was said; ${gate.wait}`);
    const { job } = await world.api.create(world.spec('cancelled', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await world.api.cancel(job.id);
    const cancelled = await world.api.untilStatus(job.id, 'CANCELLED');
    assert.equal((await world.api.jobs('cancelled')).length, 1);
    assert.match(await world.api.log(cancelled), /something was said/);
    await gate.stop();
  });

  test('logs end with the process that wrote them', async () => {
    const job = await world.build('outlives', { pip: ['six'] });
    const log = await world.api.logBytes(job);
    await world.server.stop('SIGTERM');
    await world.up();
    assert.deepEqual(await world.api.logBytes(job), log);
  });

  test('a missing secret leaves the status blank for ever', async () => {
    await world.api.mutate('createPullSecret', 'PullSecretInput', { name: 'short-lived', host: world.registry.host, username: world.registry.username, password: world.registry.password }, 'pullSecret { id }');
    const built = await world.build('secret-gone', { pip: ['six'] }, { pullSecret: 'short-lived' });
    assert.equal(built.status, 'SUCCEEDED');
    const gone = await world.api.mutate('deletePullSecret', 'DeletePullSecretInput', { name: 'short-lived' }, 'name', { expectErrors: true });
    if (gone.userErrors.length > 0) {
      // It is kept as long as a spec names it: so a job never misses it.
      assert.match(gone.userErrors[0].message, /secret-gone/);
      const { userErrors } = await world.api.create(world.spec('no-such-secret', { pip: ['six'] }, { pullSecret: 'never-there' }), { expectErrors: true });
      assert.equal(userErrors[0].field, 'pullSecret');
    } else {
      const { job } = await world.api.rebuild('secret-gone');
      const failed = await world.api.untilStatus(job.id, 'FAILED');
      assert.equal(failed.failure.code, 'PULL_SECRET_MISSING');
      assert.match(failed.failure.message, /short-lived/);
    }
  });

  test('packages are newline-joined strings', async () => {
    const { imageSpec } = await world.api.query('{ imageSpec(name: "nothing-dropped") { packages { apt conda pip } } }');
    for (const list of Object.values(imageSpec.packages)) assert.ok(Array.isArray(list) && list.length > 1);
  });

  test('the API lists everything, then filters and pages in memory', async () => {
    const page = await world.api.query('{ imageSpecs(first: 1, search: "cached") { nodes { name latestJob { number } } totalCount pageInfo { hasNextPage } } }');
    assert.equal(page.imageSpecs.totalCount, 2);
    assert.equal(page.imageSpecs.nodes.length, 1);
    assert.equal(page.imageSpecs.pageInfo.hasNextPage, true);
    const tooMany = await world.api.post('{ imageSpecs(first: 100000) { nodes { name } } }');
    assert.ok(tooMany.body.errors, 'a page has a limit');
  });

  test('its documented limits say what a build may do', () => {
    const text = readFileSync(new URL('../../docs/ARCHITECTURE.md', import.meta.url), 'utf8');
    assert.match(text, /chroot/i);
    assert.match(text, /namespace/i);
  });
});
