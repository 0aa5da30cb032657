// A warm build, which is one package more than what was built before, on Kubernetes with a cache volume and on this machine,
// alternating in one run. Fails where the cluster takes more than it may: the promised ratio, and the start of the pod.
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

/** Seconds from the making of a job's Job until its first container runs. */
async function podStart(world, job) {
  const { metadata } = await until('the Job', () => world.engine.job(job), { every: 20 });
  const pod = await world.engine.pod(job, 'running', ({ status }) => status.initContainerStatuses?.[0].state.running ?? status.initContainerStatuses?.[0].state.terminated);
  const { running, terminated } = pod.status.initContainerStatuses[0].state;
  return (new Date((running ?? terminated).startedAt) - new Date(metadata.creationTimestamp)) / 1000;
}

const worlds = [];
try {
  const local = await World.start({ engine: 'local', database: 'sqlite' });
  worlds.push(local);
  const cluster = await World.start({ engine: 'kubernetes', database: 'sqlite', volumes: 1 });
  worlds.push(cluster);
  const free = () => until('the volume to be free', async () => (await cluster.engine.cluster.list('persistentvolumeclaims', cluster.engine.namespace)).every(({ metadata }) => !metadata.annotations['cooperage.io/job']));
  for (const world of worlds) await build(world, 0);
  const seconds = { local: [], cluster: [], start: [] };
  for (let round = 1; round <= rounds; round++) {
    seconds.local.push((await build(local, round)).seconds);
    await free();
    const name = `warm-${round}`;
    const watched = until('the job', async () => (await cluster.api.spec(name))?.latestJob, { every: 20 }).then((job) => podStart(cluster, job));
    seconds.cluster.push((await build(cluster, round)).seconds);
    seconds.start.push(await watched);
    console.log(`  round ${round}: local ${seconds.local.at(-1).toFixed(2)} s, cluster ${seconds.cluster.at(-1).toFixed(2)} s, of which start of the pod ${seconds.start.at(-1).toFixed(0)} s`);
  }
  const [here, there, start] = [median(seconds.local), median(seconds.cluster), median(seconds.start)];
  const most = promised * here + start;
  console.log(`\nMedian of ${rounds}: local ${here.toFixed(2)} s, cluster ${there.toFixed(2)} s, at most ${promised} × ${here.toFixed(2)} + ${start.toFixed(0)} = ${most.toFixed(2)} s`);
  if (there > most) {
    console.error('Slower than is promised.');
    process.exitCode = 1;
  }
} finally {
  for (const world of worlds) await world.stop();
}
