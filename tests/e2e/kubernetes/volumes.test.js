// Cache volumes: warm builds, and one build at a time on each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../../harness/wait.js';
import { World } from '../../harness/world.js';

const cacheOf = (pod) => pod.spec.volumes.find(({ name }) => name === 'cache');

describe('with one cache volume', () => {
  let world;
  before(async () => (world = await World.start({ engine: 'kubernetes', volumes: 1 })));
  after(() => world.stop());

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

/** Does something in a world of its own. */
async function inWorld(options, act) {
  const world = await World.start({ engine: 'kubernetes', ...options });
  try {
    await act(world);
  } finally {
    await world.stop();
  }
}

test('a volume that no node can mount does not keep the next build from beginning', () => inWorld({ volumes: 1, settings: { COOPERAGE_KUBERNETES_PENDING_DEADLINE: '32s' } }, async (world) => {
  world.engine.breakVolume(0);
  const { job } = await world.api.create(world.spec('unlucky', { pip: ['six'] }));
  const failed = await world.api.untilStatus(job.id, 'FAILED');
  assert.equal(failed.failure.code, 'NOT_STARTED', failed.failure.message);
  const next = await world.api.rebuild('unlucky');
  assert.ok(cacheOf(await world.engine.pod(next.job)).emptyDir);
  await world.api.untilStatus(next.job.id, 'SUCCEEDED');
}));

test('where the cluster allows no volume, builds begin empty', () => inWorld({ volumes: 1 }, async (world) => {
  const { cluster, namespace } = world.engine;
  await cluster.create('resourcequotas', namespace, { metadata: { name: 'none' }, spec: { hard: { persistentvolumeclaims: '0' } } });
  const { job } = await world.api.create(world.spec('empty', { pip: ['six'] }));
  assert.ok(cacheOf(await world.engine.pod(job)).emptyDir);
  await world.api.untilStatus(job.id, 'SUCCEEDED');
}));

test('a job that the cluster has no place for says in its log what it waits for', () => inWorld({ volumes: 0 }, async (world) => {
  const { cluster, namespace } = world.engine;
  await cluster.create('resourcequotas', namespace, { metadata: { name: 'none' }, spec: { hard: { 'count/jobs.batch': '0' } } });
  const { job } = await world.api.create(world.spec('waits', { pip: ['six'] }));
  const waits = /^\[cooperage\] The job waits for its start: .*quota: none/m;
  await until('the log to say it', async () => waits.test(await world.api.log(job)), { timeout: 60_000 });
  await cluster.delete('resourcequotas', namespace, 'none');
  await world.api.untilStatus(job.id, 'SUCCEEDED');
}));
