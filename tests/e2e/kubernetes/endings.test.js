// How jobs on a cluster end: each with its reason, and with nothing left behind (the world's `stop` looks).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { World } from '../../harness/world.js';

describe('on a cluster', () => {
  let world;
  before(async () => (world = await World.start({ engine: 'kubernetes', volumes: 0, settings: { COOPERAGE_KUBERNETES_MEMORY_LIMIT: '400Mi' } })));
  after(() => world.stop());

  test('cancel ends the pod within 5 s and clears the Job away, and the log stays', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('cancel', `echo before the gate; (trap "" TERM INT HUP; sleep 1000 & setsid sleep 1001 & ${gate.wait}; wait)`);
    const { job } = await world.api.create(world.spec('cancel', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    const asked = Date.now();
    await world.api.cancel(job.id);
    const cancelled = await world.api.untilStatus(job.id, 'CANCELLED', { timeout: 10_000 });
    await world.untilBuildsEnded({ timeout: 5_000 - (Date.now() - asked) });
    assert.match(await world.api.log(cancelled), /before the gate/);
    await world.engine.assertNothingLeft();
    await gate.stop();
  });

  test('a build that takes more memory than it may is told so, with the limit', async () => {
    const base = await world.hookedBase('memory', `python3 -c 'x = bytearray(1 << 30); print(len(x))'`);
    const { job } = await world.api.create(world.spec('memory', { apt: ['jq'] }, { baseImage: base }));
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'OUT_OF_MEMORY', `${JSON.stringify(failed.failure)}\n${await world.api.log(failed)}`);
    assert.match(failed.failure.message, /memory/i);
  });

  test('`kubectl logs` shows the lines of the download, each of them', async () => {
    const { cluster, namespace } = world.engine;
    const gate = await world.gate();
    const base = await world.hookedBase('logs', `i=1; while [ $i -le 2000 ]; do echo "line $i"; i=$((i+1)); done; printf 'caf\\303\\251 \\377 tab\\there\\r\\n'; ${gate.wait}; echo after`);
    const { job } = await world.api.create(world.spec('logs', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    const { metadata } = await world.engine.pod(job);
    const log = (container, ...more) => cluster.kubectl('logs', '--namespace', namespace, metadata.name, '--container', container, ...more, { encoding: 'buffer' });
    // The last container's begins when the build's has ended: asked again until it is there, and then followed.
    const last = (async () => {
      for (;;) {
        try {
          return await log('push', '--follow');
        } catch (error) {
          if (!/waiting to start|PodInitializing/.test(error.stderr?.toString() ?? '')) throw error;
        }
      }
    })();
    const [pull, build] = [log('pull'), log('build', '--follow')];
    gate.open();
    const parts = (await Promise.all([pull, build, last])).map(({ stdout }) => stdout);
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    // The node's own record of a line knows no carriage return at its end: that is the one byte which only we keep.
    const lines = (bytes) => bytes.toString('latin1').replaceAll('\r\n', '\n').split('\n');
    const download = await world.api.logBytes(done);
    assert.ok(download.includes('line 2000'));
    const [shown, kept] = [lines(Buffer.concat(parts)), lines(download)];
    assert.equal(shown.findIndex((line, place) => line !== kept[place]), -1);
    assert.equal(shown.length, kept.length);
    await gate.stop();
  });
});

for (const [what, settings, message] of [
  ['a builder image that is not there', { COOPERAGE_KUBERNETES_BUILDER_IMAGE: '127.0.0.1:1/none:1' }, /127\.0\.0\.1:1\/none:1/],
  ['more memory than any node has', { COOPERAGE_KUBERNETES_MEMORY_REQUEST: '9000Gi', COOPERAGE_KUBERNETES_MEMORY_LIMIT: '', COOPERAGE_KUBERNETES_PENDING_DEADLINE: '5s' }, /memory/i],
  ['a seccomp profile that no node has', { COOPERAGE_KUBERNETES_SECCOMP_PROFILE: 'Localhost/none.json' }, /none\.json|seccomp/],
  ['a seccomp profile that refuses it a user namespace', { COOPERAGE_KUBERNETES_SECCOMP_PROFILE: 'RuntimeDefault' }, /user namespace.*SECCOMP_PROFILE/s],
]) {
  describe(`a cluster that cannot run it, for ${what}`, () => {
    let world;
    before(async () => (world = await World.start({ engine: 'kubernetes', volumes: 0, settings })));
    after(() => world.stop());

    test('fails the job with a reason instead of hanging', async () => {
      const { job } = await world.api.create(world.spec('not-started', { pip: ['six'] }));
      const failed = await world.api.untilStatus(job.id, 'FAILED', { timeout: 120_000 });
      assert.equal(failed.failure.code, 'NOT_STARTED', failed.failure.message);
      assert.match(failed.failure.message, message);
    });
  });
}
