// Three servers of one PostgreSQL and one Kubernetes, while all of them fail again and again: each job is built once, and none
// is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiServerProxy } from '../harness/api-server-proxy.js';
import { counted, counting, upTo } from '../harness/counted.js';
import { hex } from '../harness/engine-kubernetes.js';
import { Replicas } from '../harness/replicas.js';
import { until } from '../harness/wait.js';
import { isReal, share } from './scale.js';

const REPLICAS = 3;
const JOBS = share(300);
const KILLS = share(100);
const FAULTS = share(100);
const RESTARTS = share(10);
const BACK = 2_000; // milliseconds after the database in which the API answers again
const LINES = 100;
const PATIENCE = 240_000 + share(1_800_000); // milliseconds, for whatever is waited for

let world;
let proxy;
let replicas;
const watches = [];
before(async () => {
  replicas = await Replicas.start(REPLICAS, {
    engine: 'kubernetes',
    volumes: 0,
    settings: { COOPERAGE_BUILD_MAX_PARALLEL: '6' },
    prepare: async ({ environment, folder }) => {
      proxy = await ApiServerProxy.start(environment.KUBECONFIG, folder);
      environment.KUBECONFIG = proxy.kubeconfig;
    },
  });
  ({ world } = replicas);
});
after(async () => {
  try {
    await replicas?.stop();
  } finally {
    // What is open keeps this process alive.
    for (const watch of watches) watch.stop();
    await proxy?.stop();
  }
});

/** Asks until somebody answers: which server is up changes all the time. */
const answered = (what, ask) => until(what, ask, { timeout: 120_000, every: 50 });
const endedCount = async () => (await answered('the specs', () => replicas.api.specs())).filter(({ status }) => ['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(status)).length;

test(`${JOBS} jobs, ${KILLS} kills, ${FAULTS} faults of the apiserver, ${RESTARTS} restarts of the database`, { timeout: 7_200_000 }, async () => {
  const { api } = replicas;
  const jobs = [];
  // By their uids: a Job that is made again has another.
  const made = { jobs: new Map(), pods: new Map() };
  for (const [kind, uids] of Object.entries(made)) {
    watches.push(await world.engine.cluster.watch(kind, world.engine.namespace, ({ object: { metadata } }) => uids.set(metadata.uid, metadata.labels['cooperage.io/job'])));
  }
  const create = async () => {
    for (let n = 1; n <= JOBS; n++) {
      const baseImage = isReal(n) ? await world.hookedBase(`${n}`, counting('line', LINES)) : await world.lightBase(`${n}`, counting('line', LINES));
      // An answer that was lost is asked for again: the key makes once of it.
      const input = world.spec(`job-${n}`, { apt: ['jq'] }, { baseImage, idempotencyKey: `campaign-${n}` });
      jobs.push((await answered(`spec ${n} to be created`, () => api.create(input))).job);
    }
  };

  // The blows fall evenly: each is due when so many jobs have ended.
  const back = [];
  const blows = [
    [KILLS, (n) => replicas.kill(replicas.servers[n % REPLICAS])],
    [FAULTS, (n) => proxy.inject(['410', '429', 'EOF'][n % 3])],
    [RESTARTS, async () => {
      await world.database.restart();
      const start = Date.now();
      await until('the API to answer again', () => api.specs(), { every: 20 });
      back.push(Date.now() - start);
    }],
  ].flatMap(([count, strike]) => Array.from({ length: count }, (_, n) => ({ due: Math.floor((JOBS * n) / count), strike: () => strike(n) })));
  const strikeAll = async () => {
    for (const { due, strike } of blows.sort((a, b) => a.due - b.due)) {
      await until(`${due} jobs to have ended`, async () => (await endedCount()) >= due, { timeout: PATIENCE, every: 250 });
      await strike();
    }
  };
  await Promise.all([create(), strikeAll()]);
  await until('all jobs to have ended', async () => (await endedCount()) === JOBS, { timeout: PATIENCE, every: 250 });

  const ends = [];
  for (const { id } of jobs) ends.push(await answered(`job ${id} to be told`, () => api.job(id)));
  assert.deepEqual(ends.filter(({ status }) => status !== 'SUCCEEDED').map(({ status, failure }) => ({ status, failure })), [], replicas.logs());
  for (const job of ends) {
    const log = await api.log(job);
    assert.deepEqual(counted(log, 'line'), upTo(LINES), `the log of job ${job.id}:\n${log}\n${replicas.logs()}`);
  }
  // Each job was one Job of the cluster, one pod and one push.
  assert.ok(watches.every((watch) => watch.isOpen()), 'all that was made was seen');
  for (const uids of Object.values(made)) assert.deepEqual([...uids.values()].sort(), jobs.map(hex).sort());
  const images = ends.map(({ image }) => image.slice(world.registry.host.length + 1));
  assert.deepEqual(world.registry.pushes().filter((name) => name.startsWith('images/')).sort(), images.sort());
  for (const { image, digest } of ends) assert.equal(await world.registry.digest(image), digest);
  await world.engine.assertNothingLeft();
  console.log(`${JOBS} jobs, ${KILLS} kills, faults ${JSON.stringify(proxy.injected)}, ${RESTARTS} restarts, the API back after ${back.join(', ')} ms`);
  assert.equal(Object.values(proxy.injected).reduce((sum, n) => sum + n), FAULTS);
  assert.ok(back.every((time) => time < BACK), `the API was back after ${back.join(', ')} ms`);
});
