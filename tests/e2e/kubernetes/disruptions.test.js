// What a cluster does to a build in the middle: eviction, a deleted pod, an apiserver or a node that is away.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Cluster } from '../../harness/cluster.js';
import { hex } from '../../harness/engine-kubernetes.js';
import { until } from '../../harness/wait.js';
import { World } from '../../harness/world.js';

describe('a build in the middle of which the cluster', () => {
  let world;
  let gate;
  let hooked = 0;
  // Few seconds until pods are taken from a node that is silent.
  const tolerations = ['not-ready', 'unreachable'].map((key) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }));
  before(async () => (world = await World.start({ engine: 'kubernetes', settings: { COOPERAGE_KUBERNETES_TOLERATIONS: JSON.stringify(tolerations) } })));
  after(() => world.stop());
  beforeEach(async () => (gate = await world.gate()));
  afterEach(() => gate.stop());

  /** A job that says `before N` 200 times, stands at the gate, and says `after N` 200 times. */
  async function standing(name) {
    hooked += 1;
    const count = (word) => `i=1; while [ $i -le 200 ]; do echo "${word} $i"; i=$((i+1)); done`;
    const base = await world.hookedBase(`d${hooked}`, `${count('before')}; ${gate.wait}; ${count('after')}`);
    const { job } = await world.api.create(world.spec(name, { apt: ['jq'] }, { baseImage: base }));
    return world.api.untilJob(job.id, 'standing at the gate', ({ phase }) => phase === 'BUILD' && gate.arrivals > 0);
  }
  const numbers = (text, word) => [...text.matchAll(new RegExp(`^.*\\b${word} (\\d+)$`, 'gm'))].map((match) => Number(match[1]));
  const all = Array.from({ length: 200 }, (_, i) => i + 1);
  const evict = (pod) => world.engine.cluster.ask('POST', `${Cluster.path('pods', world.engine.namespace, pod.metadata.name)}/eviction`, {
    apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod.metadata.name, namespace: world.engine.namespace },
  });

  test('evicts its pod is run again by another pod, and its log says so', async () => {
    const job = await standing('evicted');
    const first = await world.engine.pod(job);
    const arrivals = gate.arrivals;
    await evict(first);
    const second = await world.engine.pod(job, 'another', ({ metadata }) => metadata.uid !== first.metadata.uid);
    await until('the second attempt to stand at the gate', () => gate.arrivals > arrivals, { timeout: 90_000 });
    assert.equal((await world.api.job(job.id)).status, 'RUNNING', second.metadata.name);
    gate.open();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    const text = await world.api.log(done);
    assert.match(text, /^\[cooperage\] The pod is told to end before the job is done\.\n\[cooperage\] The pod was disrupted and runs again \(attempt 2\)\.$/m);
    assert.deepEqual(numbers(text, 'before'), [...all, ...all], 'what the first attempt said, and the second');
    assert.deepEqual(numbers(text, 'after'), all);
    assert.equal(await world.registry.digest(done.image), done.digest);
  });

  test('deletes its pod is told as lost, and what it had said is kept', async () => {
    const job = await standing('deleted-pod');
    const pod = await world.engine.pod(job);
    await until('what it said to be delivered', async () => /before 200\n/.test(await world.api.log(job)));
    await world.engine.cluster.delete('pods', world.engine.namespace, pod.metadata.name, { gracePeriodSeconds: 0 });
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'LOST', failed.failure.message);
    const text = await world.api.log(failed);
    assert.deepEqual(numbers(text, 'before'), all);
    assert.deepEqual(numbers(text, 'after'), []);
    const toldToEnd = /^\[cooperage\] The pod is told to end before the job is done\.$/m;
    assert.ok(toldToEnd.test(text) || /^\[cooperage\] .*may be missing.*\n$/m.test(text), `the log is whole, or a line marks what may be missing:\n${text.slice(-1000)}`);
  });

  test('deletes its pod as it ends has a whole log, or one that says what may be missing', async () => {
    const job = await standing('as-it-ends');
    const pod = await world.engine.pod(job);
    gate.open();
    await until('the last container to run', async () => {
      const { status } = (await world.engine.cluster.get('pods', world.engine.namespace, pod.metadata.name)) ?? { status: {} };
      const state = status.containerStatuses?.[0].state;
      return !status.phase || state?.running || state?.terminated;
    }, { every: 20 });
    await world.engine.cluster.delete('pods', world.engine.namespace, pod.metadata.name, { gracePeriodSeconds: 0 }).catch((error) => assert.equal(error.status, 404));
    const ended = await world.api.untilJob(job.id, 'over', ({ status }) => ['SUCCEEDED', 'FAILED'].includes(status));
    const text = await world.api.log(ended);
    if (ended.status === 'SUCCEEDED') {
      assert.deepEqual([numbers(text, 'before'), numbers(text, 'after')], [all, all]);
      assert.equal(await world.registry.digest(ended.image), ended.digest);
    } else {
      assert.equal(ended.failure.code, 'LOST', ended.failure.message);
      const isWhole = [numbers(text, 'before'), numbers(text, 'after')].every(({ length }) => length === all.length);
      assert.ok(isWhole || /^\[cooperage\] .*(may be missing|could be kept)/m.test(text), text.slice(-2000));
    }
  });

  test('loses its apiserver and gets it back goes on, and so does a job that was created meanwhile', async () => {
    const { cluster } = world.engine;
    const job = await standing('apiserver');
    await cluster.kill('apiserver');
    const { job: meanwhile } = await world.api.create(world.spec('meanwhile', { pip: ['six'] }));
    gate.open();
    await until('the log to go on without an apiserver', async () => /after 200\n/.test(await world.api.log(job)), { timeout: 60_000 });
    assert.equal((await world.api.job(meanwhile.id)).failure, null);
    await cluster.up();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    const text = await world.api.log(done);
    assert.deepEqual([numbers(text, 'before'), numbers(text, 'after')], [all, all]);
    await world.api.untilStatus(meanwhile.id, 'SUCCEEDED');
  });

  test('loses its node and gets it back is run again once the node has ended the first pod', async () => {
    const { cluster, namespace } = world.engine;
    const companion = await cluster.companion();
    const job = await standing('node');
    const first = await world.engine.pod(job);
    const arrivals = gate.arrivals;
    await cluster.kill('kubelet');
    try {
      await until('the node to be given up', async () => (await cluster.get('pods', namespace, first.metadata.name)).metadata.deletionTimestamp, { timeout: 90_000, every: 500 });
      assert.equal((await world.api.job(job.id)).status, 'RUNNING');
      assert.equal((await world.engine.pods(job)).length, 1, 'never two at once');
    } finally {
      await cluster.up();
      await companion.stop();
    }
    await until('the second attempt to stand at the gate', () => gate.arrivals > arrivals, { timeout: 120_000 });
    gate.open();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.match(await world.api.log(done), /disrupted and runs again \(attempt 2\)/);
  });

  test('has another administrator who deletes the Job is told as lost', async () => {
    const job = await standing('deleted-job');
    await world.engine.cluster.delete('jobs', world.engine.namespace, `cooperage-job-${hex(job)}`);
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'LOST', failed.failure.message);
  });
});
