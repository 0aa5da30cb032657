// What comes out of a build, judged by pulling the image and running it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { World } from '../harness/world.js';

describe('a build', () => {
  let world;
  before(async () => (world = await World.start()));
  after(() => world.stop());

  test('brings APT, Conda and Pip requirements into one image, in that order', async () => {
    const job = await world.build('all-three', { apt: ['jq'], conda: ['tiny-tool'], pip: ['requests'] });
    assert.match(job.image, new RegExp(`^${world.registry.host}/images/all-three:[0-9a-f]{8}$`));
    assert.equal(job.image.split(':').pop(), job.revision.slice(0, 8));
    assert.equal(job.revisionName, `all-three:${job.revision.slice(0, 8)}`);
    assert.match(job.revision, /^[0-9a-f]{64}$/);
    assert.equal(await world.registry.digest(job.image), job.digest);
    assert.ok(job.sizeBytes > 1_000_000);
    assert.equal(await world.runIn(job.image, 'jq', '-n', '1+1'), '2\n');
    assert.equal(await world.runIn(job.image, 'tiny-tool'), 'hello from libtiny\n');
    assert.match(await world.runIn(job.image, 'python3', '-c', 'import requests; print(requests.__version__)'), /^\d+\./);
    const order = ["'jq'", "'tiny-tool'", "'requests'"].map((word) => job.dockerfile.indexOf(word));
    assert.ok(order.every((place) => place > 0) && order[0] < order[1] && order[1] < order[2], job.dockerfile);
  });

  test('leaves no trace of caches, tools or settings in the image', async () => {
    const job = await world.build('no-trace', { apt: ['jq'], conda: ['tiny-data'], pip: ['six'] });
    const names = (await world.runIn(job.image, 'find', '/', '-xdev', '-iname', '*cooperage*')).trim();
    assert.equal(names, '');
    assert.equal((await world.runIn(job.image, 'sh', '-c', 'ls /var/cache/apt/archives/*.deb /root/.cache 2>/dev/null; true')).trim(), '');
    // Nor in any layer that the build added: a mount's target that came and went would leave a name or a whiteout.
    const { layers } = await world.registry.manifest(job.image);
    const below = (await world.registry.manifest(world.base)).layers.length;
    assert.equal(layers.length, below + 3);
    for (const { digest } of layers.slice(below)) {
      const odd = (await world.registry.layerNames('images/no-trace', digest)).filter((name) => /cooperage|(^|\/)\.wh\./i.test(name));
      assert.deepEqual(odd, []);
    }
    const config = JSON.stringify(await world.registry.config(job.image));
    for (const secret of [world.registry.password, world.api.token, world.channel.alias]) assert.ok(!config.includes(secret), secret);
  });

  test('keeps the layers of the base as they are, and names the base in labels and annotations', async () => {
    const job = await world.build('labels', { pip: ['six'] });
    const base = await world.registry.manifest(world.base);
    const manifest = await world.registry.manifest(job.image);
    assert.deepEqual(manifest.layers.slice(0, base.layers.length).map(({ digest }) => digest), base.layers.map(({ digest }) => digest));
    const { config } = await world.registry.config(job.image);
    const baseDigest = await world.registry.digest(world.base);
    for (const labels of [config.Labels, manifest.annotations]) {
      assert.equal(labels['org.opencontainers.image.base.name'], world.base);
      assert.equal(labels['org.opencontainers.image.base.digest'], baseDigest);
      assert.ok(labels['org.opencontainers.image.created']);
    }
    assert.equal(job.baseImageDigest, baseDigest);
  });

  test("restores the base's own user, command and environment", async () => {
    const base = await world.registry.derive(world.base, 'base/user', '1', {
      config: { User: '1000:1000', Cmd: ['sh', '-c', 'id'], Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'FOO=bar baz'], WorkingDir: '/srv' },
    });
    const { job } = await world.api.create(world.spec('user', { apt: ['jq'] }, { baseImage: base }));
    const { image } = await world.api.untilStatus(job.id, 'SUCCEEDED');
    const { config } = await world.registry.config(image);
    assert.equal(config.User, '1000:1000');
    assert.deepEqual(config.Cmd, ['sh', '-c', 'id']);
    assert.equal(config.WorkingDir, '/srv');
    assert.ok(config.Env.includes('FOO=bar baz'), config.Env.join('\n'));
    assert.ok(config.Env.includes('PATH=/usr/local/bin:/usr/bin:/bin'));
    assert.equal((await world.runIn(image, 'id', '-u')).trim(), '1000');
  });

  test('puts Conda packages on a base with nothing but busybox', async () => {
    const sh = { text: readFileSync('/bin/busybox'), mode: 0o755 };
    const base = await world.registry.make('base/busybox', '1', { 'bin/sh': sh, 'bin/busybox': sh, 'tmp/empty': '' }, { Env: ['PATH=/bin'], User: '1000' });
    const job = await world.build('busybox', { conda: ['tiny-tool'] }, { baseImage: base });
    const { config } = await world.registry.config(job.image);
    assert.equal(config.User, '1000');
    assert.ok(config.Env.includes('PATH=/opt/conda/bin:/bin'), config.Env.join());
    assert.equal(await world.runIn(job.image, 'tiny-tool'), 'hello from libtiny\n');
  });

  test('adds to the conda that a base has, and keeps what is in it', async () => {
    const { image: first } = await world.build('conda-first', { conda: ['numpy=1.17.2'] });
    // Where it has its prefix says the base, and its PATH leads there already.
    const base = await world.registry.derive(first, 'base/with-conda', '1', { config: { Env: ['PATH=/opt/conda/bin:/usr/bin:/bin', 'CONDA_DIR=/opt/conda'] } });
    const { image } = await world.build('conda-second', { conda: ['tiny-tool'] }, { baseImage: base });
    assert.equal(await world.runIn(image, 'tiny-tool'), 'hello from libtiny\n');
    assert.equal(await world.runIn(image, 'cat', '/opt/conda/share/numpy/version.txt'), '1.17.2\n');
    const records = (await world.runIn(image, 'ls', '/opt/conda/conda-meta')).trim().split('\n').filter((name) => name.endsWith('.json'));
    assert.deepEqual(records.map((name) => name.replace(/-[^-]*-[^-]*$/, '')), ['libtiny', 'numpy', 'tiny-tool']);
    const { config } = await world.registry.config(image);
    assert.deepEqual(config.Env.filter((variable) => /^(PATH|CONDA_DIR)=/.test(variable)).sort(), ['CONDA_DIR=/opt/conda', 'PATH=/opt/conda/bin:/usr/bin:/bin']);
  });

  test('with no user in the base sets none', async () => {
    const job = await world.build('no-user', { pip: ['six'] });
    assert.equal((await world.registry.config(job.image)).config.User ?? '', '');
  });

  test('of a spec without requirements is the base under another name', async () => {
    const job = await world.build('empty', {});
    assert.equal(await world.runIn(job.image, 'echo', 'there'), 'there\n');
  });

  test('hands over a thousand requirements of a thousand characters, each of them', async () => {
    // One package under a thousand conditions: where a word were lost or cut, uv would not find a whole condition.
    const pip = Array.from({ length: 1000 }, (_, number) => {
      const start = `six ; python_version >= '3' or os_name == "${number}-$(id)\\`;
      return `${start}${'x'.repeat(999 - start.length)}"`;
    });
    assert.ok(pip.every((line) => line.length === 1000));
    // The first that is false keeps the list honest: all are read, or this one would be installed.
    pip[999] = "no-such-package-here-xyzzy ; python_version < '3'";
    const job = await world.build('thousand', { pip });
    assert.ok(job.dockerfile.includes('"no-such-package-here-xyzzy ; python_version < \'3\'"]'));
    assert.equal((await world.runIn(job.image, 'python3', '-c', 'import six; print("there")')).trim(), 'there');
    await assert.rejects(world.build('thousand-and-wrong', { pip: [...pip.slice(0, 999), 'no-such-package-here-xyzzy'] }), /PACKAGE_NOT_FOUND/);
  });

  test('takes comments and blank lines, and keeps them as typed', async () => {
    const pip = ['# what we need', '', 'six  # for old code'];
    const job = await world.build('comments', { pip });
    assert.deepEqual(job.packages.pip, pip);
    await world.runIn(job.image, 'python3', '-c', 'import six');
  });
});
