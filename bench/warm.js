// A warm build, which is one package more than what was built before, on Kubernetes with a cache volume and on this machine,
// alternating in one run. Fails where the cluster takes more than it may: the promised ratio, and what the start of its pod takes.
// usage: warm.js [ROUNDS]
// It needs a cluster: eval "$(scripts/kubernetes.sh up target/kubernetes | sed 's/^/export /')"
import { until } from '../tests/harness/wait.js';
import { World } from '../tests/harness/world.js';

const rounds = Number(process.argv[2] ?? 5);
const promised = 1.5;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const packages = (round) => ({ apt: ['jq'], pip: ['requests', 'flask', ...(round > 0 ? [`idna!=0.${round}`] : [])] });

/** Seconds that the job of one round took, from the request to its end. */
async function build(world, round) {
  const started = performance.now();
  const { job } = await world.api.create(world.spec(`warm-${round}`, packages(round)));
  await world.api.untilStatus(job.id, 'SUCCEEDED', { every: 20 });
  return { job, seconds: (performance.now() - started) / 1000 };
}

/** Seconds that the cluster takes for a pod like a job's whose three containers do nothing: what it needs to start them in turn. */
async function podStart(world, job) {
  const { cluster, namespace } = world.engine;
  const { spec } = (await until('the Job', () => world.engine.job(job), { every: 20 })).spec.template;
  const idle = structuredClone(spec);
  for (const container of [...idle.initContainers, ...idle.containers]) container.args = ['--version'];
  for (const volume of idle.volumes) for (const source of ['secret', 'persistentVolumeClaim']) if (volume[source]) [volume[source], volume.emptyDir] = [undefined, {}];
  return async () => {
    const started = performance.now();
    const { metadata } = await cluster.create('pods', namespace, { metadata: { generateName: 'idle-' }, spec: idle });
    await until('a pod that does nothing', async () => (await cluster.get('pods', namespace, metadata.name)).status.phase === 'Succeeded', { every: 20 });
    const seconds = (performance.now() - started) / 1000;
    await cluster.delete('pods', namespace, metadata.name, { gracePeriodSeconds: 0 });
    return seconds;
  };
}

const worlds = [];
try {
  const local = await World.start({ engine: 'local', database: 'sqlite' });
  worlds.push(local);
  const cluster = await World.start({ engine: 'kubernetes', database: 'sqlite', volumes: 1 });
  worlds.push(cluster);
  const free = () => until('the volume to be free', async () => (await cluster.engine.cluster.list('persistentvolumeclaims', cluster.engine.namespace)).every(({ metadata }) => !metadata.annotations['cooperage.io/job']));
  await build(local, 0);
  const first = build(cluster, 0);
  const job = await until('the first job', async () => (await cluster.api.spec('warm-0'))?.latestJob);
  const idle = await podStart(cluster, job);
  await first;
  const seconds = { local: [], cluster: [], start: [] };
  for (let round = 1; round <= rounds; round++) {
    await free();
    seconds.start.push(await idle());
    seconds.local.push((await build(local, round)).seconds);
    seconds.cluster.push((await build(cluster, round)).seconds);
    console.log(`  round ${round}: local ${seconds.local.at(-1).toFixed(2)} s, cluster ${seconds.cluster.at(-1).toFixed(2)} s, a pod that does nothing ${seconds.start.at(-1).toFixed(2)} s`);
  }
  const [here, there, start] = [median(seconds.local), median(seconds.cluster), median(seconds.start)];
  const most = promised * here + start;
  console.log(`\nMedian of ${rounds}: local ${here.toFixed(2)} s, cluster ${there.toFixed(2)} s, at most ${promised} × ${here.toFixed(2)} + ${start.toFixed(2)} = ${most.toFixed(2)} s`);
  if (there > most) {
    console.error('Slower than is promised.');
    process.exitCode = 1;
  }
} finally {
  for (const world of worlds) await world.stop();
}
