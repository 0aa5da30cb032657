// Cache volumes: warm builds, and one build at a time on each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../../harness/wait.js';
import { World } from '../../harness/world.js';

describe('with one cache volume', () => {
  let world;
  before(async () => (world = await World.start({ engine: 'kubernetes', volumes: 1 })));
  after(() => world.stop());

  const cacheOf = (pod) => pod.spec.volumes.find(({ name }) => name === 'cache');
  const claim = async () => (await world.engine.cluster.list('persistentvolumeclaims', world.engine.namespace))[0]?.metadata.annotations ?? {};

  // It is given back soon after its job has ended.
  const untilFree = () => until('the volume to be free', async () => !(await claim())['cooperage.io/job']);

  test('the second build finds what the first has left, and is faster', async () => {
    const cold = await world.build('cold', { apt: ['jq'], pip: ['requests'] });
    await untilFree();
    const warm = await world.build('warm', { apt: ['jq'], pip: ['requests', 'flask'] });
    const seconds = (job) => (new Date(job.finishedAt) - new Date(job.startedAt)) / 1000;
    assert.ok(seconds(warm) < seconds(cold), `warm ${seconds(warm)} s, cold ${seconds(cold)} s`);
    const layers = async ({ image }) => (await world.registry.manifest(image)).layers.map(({ digest }) => digest);
    const [first, second] = [await layers(cold), await layers(warm)];
    assert.deepEqual(second.slice(0, first.length - 1), first.slice(0, -1), 'the apt layer was taken over');
    await untilFree();
    assert.ok((await claim())['cooperage.io/last-used']);
  });

  test('a second build at the same time gets an empty store, and both succeed', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('held', gate.wait);
    const held = await world.api.create(world.spec('held', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(held.job.id, 'at the gate', () => gate.arrivals > 0);
    const other = await world.api.create(world.spec('other', { pip: ['idna'] }));
    const [first, second] = [await world.engine.pod(held.job), await world.engine.pod(other.job)];
    assert.equal(cacheOf(first).persistentVolumeClaim.claimName, 'cooperage-cache-0');
    assert.ok(cacheOf(second).emptyDir, JSON.stringify(cacheOf(second)));
    await world.api.untilStatus(other.job.id, 'SUCCEEDED');
    gate.open();
    await world.api.untilStatus(held.job.id, 'SUCCEEDED');
    await untilFree();
  });

  test('a build that was killed does not keep the volume', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('killed', gate.wait);
    const { job } = await world.api.create(world.spec('killed', { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await world.engine.killBuilder();
    assert.equal((await world.api.untilStatus(job.id, 'FAILED')).failure.code, 'LOST');
    await untilFree();
    const after = await world.build('after', { pip: ['six', 'idna'] });
    assert.equal(after.status, 'SUCCEEDED');
  });
});
