// `cooperage` alone, on a laptop.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { program, run } from '../harness/machine.js';
import { World } from '../harness/world.js';

describe('the command line', () => {
  let world;
  before(async () => (world = await World.start()));
  after(() => world.stop());

  test('build SPEC.yaml prints the log and the result', async () => {
    const spec = join(world.folder, 'spec.yaml');
    writeFileSync(spec, `name: by-hand\nbaseImage: ${world.base}\npackages:\n  pip:\n    - six\n`);
    const { stdout, stderr } = await world.command('build', '--pull-username', world.registry.username, '--pull-password-file', join(world.folder, 'registry-password'), spec);
    const said = stdout + stderr;
    const [, digest] = said.match(/(sha256:[0-9a-f]{64})/);
    const [image] = said.match(new RegExp(`${world.registry.host}/images/by-hand:[0-9a-f]{8}`));
    assert.ok(said.includes(await world.registry.digest(image)), `${digest} ${said}`);
    await world.runIn(image, 'python3', '-c', 'import six');
  });

  test('build without a push registry and without uv: the image stays here, by the pip that it has itself', async () => {
    const spec = join(world.folder, 'without.yaml');
    writeFileSync(spec, `name: without-uv\nbaseImage: ${world.base}\npackages:\n  apt: [python3-pip]\n  pip: [six]\n`);
    // The base is on the push registry, whose login reads it too.
    const env = { ...world.environment, COOPERAGE_BUILD_UV: '', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const { stdout } = await run(program, ['build', '--no-push', spec], { env, cwd: world.folder, maxBuffer: 1 << 26 });
    const [, id, store] = stdout.match(/\nBUILT .*\nid +sha256:([0-9a-f]+)\nstore +(\S+)\n/);
    const buildah = (...args) => run('buildah', ['--root', store, '--runroot', join(world.folder, 'check-run'), '--storage-driver', 'overlay', ...args]);
    const container = (await buildah('from', '--quiet', id)).stdout.trim();
    try {
      const installed = await buildah('run', '--isolation', 'chroot', container, '--', 'python3', '-m', 'pip', 'list', '--verbose');
      assert.match(installed.stdout, /^six .* pip$/m, 'by pip, not by uv');
    } finally {
      await buildah('rm', container);
    }
    assert.equal((await world.registry.request('images/without-uv/tags/list')).status, 404, 'nothing was pushed');
  });

  test('who is not root builds too, and a store that holds other users of theirs is looked after', async () => {
    const user = `cooperage-${randomBytes(4).toString('hex')}`;
    const home = mkdtempSync(join(tmpdir(), 'cooperage-user-'));
    await run('useradd', ['--home-dir', home, '--shell', '/bin/sh', user]); // with a range of users of their own
    try {
      const binary = join(home, 'cooperage');
      copyFileSync(program, binary);
      const spec = join(home, 'spec.yaml');
      writeFileSync(spec, `name: not-root\nbaseImage: ${world.base}\npackages:\n  apt: [jq]\n`);
      await run('chown', ['--recursive', `${user}:`, home]);
      const { COOPERAGE_REGISTRY_PASSWORD_FILE, ...environment } = world.environment;
      const env = { ...environment, HOME: home, COOPERAGE_DATA_DIR: join(home, 'data'), COOPERAGE_REGISTRY_PASSWORD: world.registry.password };
      const as = (...words) => run('setpriv', ['--reuid', user, '--regid', user, '--init-groups', ...words], { env, cwd: home, maxBuffer: 1 << 26 });
      const { stdout } = await as(binary, 'build', '--no-push', spec);
      const [, named, store] = stdout.match(/\nBUILT +(\S+)\nid .*\nstore +(\S+)\n/);
      const images = async () => (await as('buildah', '--root', store, '--runroot', join(home, 'data/run'), '--storage-driver', 'overlay', 'images', '--format', '{{.Name}}:{{.Tag}}')).stdout;
      assert.ok((await images()).includes(named), await images());
      const folders = ['--store', store, '--run', join(home, 'data/run'), '--cache', join(home, 'data/cache')];
      await as(binary, 'look-after-store', ...folders, '--store-bytes', '1', '--cache-bytes', '1', '--look');
      await as(binary, 'look-after-store', ...folders, '--store-bytes', '1', '--cache-bytes', '1');
      assert.equal((await images()).trim(), '');
    } finally {
      await run('userdel', [user]);
      rmSync(home, { recursive: true, force: true });
    }
  });

  test('a kept store over its limit is brought within it', async () => {
    const spec = join(world.folder, 'trimmed.yaml');
    writeFileSync(spec, `name: trimmed\nbaseImage: ${world.base}\n`);
    const env = { ...world.environment, COOPERAGE_BUILD_STORE_LIMIT: '1MiB' };
    await world.command('build', spec);
    // One that cannot be trimmed is left as it is: it may hold the only copy of an image.
    const broken = join(world.folder, 'broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'buildah'), '#!/bin/sh\ncase " $* " in *" rm --all "*) exit 9 ;; esac\nexec /usr/bin/buildah "$@"\n', { mode: 0o755 });
    const left = await run(program, ['build', spec], { env: { ...env, PATH: `${broken}:${env.PATH}` }, cwd: world.folder, maxBuffer: 1 << 26 });
    assert.match(left.stdout, /\[cooperage\] The kept store is over its limit and cannot be trimmed: /);
    assert.match(left.stdout, /It is in the store already\./);
    const { stdout } = await run(program, ['build', spec], { env, cwd: world.folder, maxBuffer: 1 << 26 });
    assert.match(stdout, /\[cooperage\] \d+ images were removed from the kept store, which was over its limit\./);
    assert.match(stdout, /\nSUCCEEDED\n/);
  });

  test('a spec that is not valid is refused with its place, and nothing is built', async () => {
    const spec = join(world.folder, 'bad.yaml');
    writeFileSync(spec, `name: Bad Name\nbaseImage: ${world.base}\npackages:\n  apt:\n    - "no good"\n`);
    await assert.rejects(world.command('build', spec), (error) => {
      assert.notEqual(error.code, 0);
      assert.match(error.stderr, /name/);
      assert.match(error.stderr, /apt/);
      return true;
    });
  });

  test('config prints every setting, schema the checked-in schema', async () => {
    const { stdout } = await world.command('config');
    for (const name of ['COOPERAGE_LISTEN', 'COOPERAGE_DATA_DIR', 'COOPERAGE_REGISTRY_HOST', 'COOPERAGE_BUILD_DEADLINE']) assert.match(stdout, new RegExp(name));
    const { readFileSync } = await import('node:fs');
    const schema = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    assert.equal((await world.command('schema')).stdout.trim(), schema.trim());
  });

  test('a wrong setting is told before anything starts', async () => {
    const { COOPERAGE_LISTEN, ...environment } = world.environment;
    await assert.rejects(run(program, ['serve'], { env: { ...environment, COOPERAGE_LISTEN: 'nonsense' }, cwd: world.folder }), (error) => {
      assert.match(error.stderr, /COOPERAGE_LISTEN|--listen/);
      return true;
    });
  });
});
