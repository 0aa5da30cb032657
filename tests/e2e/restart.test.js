// A server that is killed, stopped or interrupted while builds run.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../harness/wait.js';
import { World, engineName } from '../harness/world.js';

describe('a restart in the middle of a build', () => {
  let world;
  before(async () => (world = await World.start()));
  after(() => world.stop());

  for (const signal of ['SIGKILL', 'SIGTERM']) {
    test(`by ${signal}: the build goes on, and its log is delivered whole afterwards`, async () => {
      const name = `restart-${signal.toLowerCase()}`;
      const [early, late] = [await world.gate(), await world.gate()];
      const base = await world.hookedBase(
        name,
        `i=1; while [ $i -le 500 ]; do echo "early $i"; i=$((i+1)); done; ${early.wait}
         i=1; while [ $i -le 3000 ]; do echo "late $i"; i=$((i+1)); done; ${late.wait}
         echo after`,
      );
      const { job } = await world.api.create(world.spec(name, { apt: ['jq'] }, { baseImage: base }));
      await world.api.untilJob(job.id, 'at the first gate', () => early.arrivals > 0);
      await until('the early lines to be delivered', async () => /early 500\n/.test(await world.api.log(job)));
      await world.server.stop(signal);
      assert.ok((await world.builds()).length > 0, 'the build outlives the server');
      early.open();
      await until('the build to go on without a server', () => late.arrivals > 0, { timeout: 30_000 });
      await world.up();
      assert.equal((await world.api.job(job.id)).status, 'RUNNING');
      const following = world.api.followLog(job.id);
      late.open();
      const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
      const text = await world.api.log(done);
      const numbers = (word) => [...text.matchAll(new RegExp(`^.*\\b${word} (\\d+)$`, 'gm'))].map((match) => Number(match[1]));
      assert.deepEqual(numbers('early'), Array.from({ length: 500 }, (_, i) => i + 1));
      assert.deepEqual(numbers('late'), Array.from({ length: 3000 }, (_, i) => i + 1));
      assert.match(text, /\bafter\n/);
      assert.deepEqual(await following, text.split('\n').slice(0, -1), 'a subscriber saw the same');
      await Promise.all([early.stop(), late.stop()]);
    });
  }

  test('a build that ends while the server is away is delivered when it is back', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('away', `${gate.wait}; echo ended alone`);
    const { job } = await world.api.create(world.spec('away', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await world.server.stop('SIGKILL');
    gate.open();
    await until('the image to be pushed', async () => (await world.registry.digest(`${world.registry.host}/images/away:${job.revision.slice(0, 8)}`)) !== null, { timeout: 60_000 });
    await world.up();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.match(await world.api.log(done), /ended alone/);
    await gate.stop();
  });

  test('a builder that was killed is told as lost', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('lost', gate.wait);
    const { job } = await world.api.create(world.spec('lost', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await world.engine.killBuilder();
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'LOST');
    await world.untilBuildsEnded({ timeout: 10_000 });
    await gate.stop();
  });

  // On a cluster the builds are not this server's own: another replica goes on with them.
  test('Ctrl-C ends running builds, and their jobs say so afterwards', { skip: engineName !== 'local' && 'on this machine only' }, async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('interrupted', gate.wait);
    const { job } = await world.api.create(world.spec('interrupted', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await world.server.stop('SIGINT');
    await world.untilBuildsEnded({ timeout: 5_000 });
    await world.up();
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'INTERRUPTED');
    await gate.stop();
  });
});
