// `cooperage` alone, on a laptop.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
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
    const { run, program } = await import('../harness/machine.js');
    await assert.rejects(run(program, ['serve'], { env: { ...environment, COOPERAGE_LISTEN: 'nonsense' }, cwd: world.folder }), (error) => {
      assert.match(error.stderr, /COOPERAGE_LISTEN|--listen/);
      return true;
    });
  });
});
