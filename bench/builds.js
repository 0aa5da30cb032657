// The reference's way against ours, alternating in one run, on one small base. Prints a table with ratios, and fails where a
// ratio is below what is promised. usage: builds.js [ROUNDS]
import { buildReferenceWay } from './reference-way.js';
import { World } from '../tests/harness/world.js';
import { run } from '../tests/harness/machine.js';
import { join } from 'node:path';
import { rmSync } from 'node:fs';

const rounds = Number(process.argv[2] ?? 3);
const cases = [
  { name: 'new spec', least: 4 },
  { name: 'one more package', least: 8 },
  { name: 'unchanged spec', least: 40 },
  { name: 'unknown pip package, to the error', least: 8 },
];
const apt = ['jq'];
const pip = ['requests', 'flask'];
const others = ['bc', 'ed', 'file', 'less', 'time', 'tree', 'zip'];
const unknown = 'no-such-package-here-xyzzy';

/** The base with pip, which the reference's way needs. */
async function benchBase(world) {
  const store = ['--root', join(world.folder, 'bench-store'), '--runroot', join(world.folder, 'bench-run'), '--storage-driver', 'overlay'];
  const credentials = ['--tls-verify=false', '--creds', `${world.registry.username}:${world.registry.password}`];
  const image = `${world.registry.host}/base/debian-pip:1`;
  const { stdout } = await run('buildah', [...store, 'from', '--quiet', ...credentials, world.base]);
  const container = stdout.trim();
  await run('buildah', [...store, 'run', '--isolation', 'chroot', '--network', 'host', container, '--', 'sh', '-c', 'apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-pip && apt-get clean && rm -rf /var/lib/apt/lists/*'], { maxBuffer: 1 << 26 });
  await run('buildah', [...store, 'commit', '--quiet', container, image]);
  await run('buildah', [...store, 'push', ...credentials, image], { maxBuffer: 1 << 26 });
  await run('buildah', [...store, 'rm', container]);
  await run('buildah', [...store, 'rmi', '--all']);
  rmSync(join(world.folder, 'bench-store'), { recursive: true, force: true });
  return image;
}

/** Seconds from the request to the end that every client sees. */
async function ourWay(world, action, status) {
  const started = performance.now();
  const { job } = await action();
  const done = await world.api.untilStatus(job.id, status, { every: 20 });
  return { seconds: (performance.now() - started) / 1000, job: done };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const world = await World.start();
try {
  console.log('Preparing the base image');
  world.benchBase = await benchBase(world);
  const spec = (name, more) => world.spec(name, { apt, pip: [...pip, ...more] }, { baseImage: world.benchBase });
  const seconds = cases.map(() => ({ reference: [], ours: [] }));
  const note = (index, way, value) => {
    seconds[index][way].push(value);
    console.log(`  ${cases[index].name}, ${way}: ${value.toFixed(2)} s`);
  };
  // The machine's store and caches are warm after the first build of its life, which is not what is measured.
  await ourWay(world, () => world.api.create(spec('warm', ['six'])), 'SUCCEEDED');
  for (let round = 1; round <= rounds; round++) {
    console.log(`Round ${round} of ${rounds}`);
    // New: requirements that no earlier build had, so that no step finds its layer.
    const packages = { apt: [...apt, others[round % others.length]], conda: [], pip: [...pip, `idna!=0.${round}`] };
    const input = { ...spec(`new-${round}`, []), packages };
    note(0, 'reference', await buildReferenceWay(world, `new-${round}`, packages));
    note(0, 'ours', (await ourWay(world, () => world.api.create(input), 'SUCCEEDED')).seconds);

    const more = { ...packages, pip: [...packages.pip, 'attrs'] };
    note(1, 'reference', await buildReferenceWay(world, `more-${round}`, more));
    const { version } = await world.api.spec(`new-${round}`);
    const edit = { ...input, version, packages: more };
    note(1, 'ours', (await ourWay(world, () => world.api.update(edit), 'SUCCEEDED')).seconds);

    note(2, 'reference', await buildReferenceWay(world, `same-${round}`, more));
    note(2, 'ours', (await ourWay(world, () => world.api.create({ ...edit, version: undefined, name: `same-${round}` }), 'SUCCEEDED')).seconds);

    const wrong = { ...packages, pip: [...packages.pip, unknown] };
    note(3, 'reference', await buildReferenceWay(world, `bad-${round}`, wrong, { expectFailure: true }));
    const bad = { ...input, name: `bad-${round}`, packages: wrong };
    const { seconds: took, job } = await ourWay(world, () => world.api.create(bad), 'FAILED');
    if (job.failure.code !== 'PACKAGE_NOT_FOUND') throw new Error(`expected PACKAGE_NOT_FOUND: ${JSON.stringify(job.failure)}`);
    note(3, 'ours', took);
  }
  const rows = cases.map(({ name, least }, index) => {
    const [reference, ours] = [median(seconds[index].reference), median(seconds[index].ours)];
    return { name, reference, ours, ratio: reference / ours, least };
  });
  console.log(`\nMedian seconds of ${rounds} rounds, apt ${apt.join(' ')} and one more, pip ${pip.join(' ')} and one more:\n`);
  console.log('| case | reference | Cooperage | ratio | at least |');
  console.log('|---|---:|---:|---:|---:|');
  for (const { name, reference, ours, ratio, least } of rows) {
    console.log(`| ${name} | ${reference.toFixed(1)} | ${ours.toFixed(2)} | ${ratio.toFixed(1)}× | ${least}× |`);
  }
  const short = rows.filter(({ ratio, least }) => ratio < least);
  if (short.length > 0) {
    console.error(`\nBelow what is promised: ${short.map(({ name }) => name).join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await world.stop();
}
