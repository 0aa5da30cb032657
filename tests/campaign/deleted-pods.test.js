// Pods that are deleted as they end, or a moment before: a log is whole, or says what may be missing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { counted, counting, upTo } from '../harness/counted.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';
import { isReal, share } from './scale.js';

const BUILDS = share(500);
const LINES = 300;
const SIDE_BY_SIDE = 4;

let world;
before(async () => {
  world = await World.start({ engine: 'kubernetes', volumes: 0, settings: { COOPERAGE_BUILD_MAX_PARALLEL: String(SIDE_BY_SIDE) } });
});
after(() => world?.stop());

/** In turns: when a pod is deleted, by the state of its last container, and with how many seconds to go. */
const WAYS = [
  ['running', 0],
  ['running', 1],
  ['terminated', 0],
  ['terminated', 1],
];

/** Deletes each pod of the world once, until told to stop; tells how many it found there. */
async function deleting(isOver) {
  const met = new Set();
  let deleted = 0;
  await until('the builds to be over', async () => {
    for (const { metadata, status } of await world.engine.pods()) {
      const [when, gracePeriodSeconds] = WAYS[parseInt(metadata.uid.slice(-1), 16) % WAYS.length];
      const state = status.containerStatuses?.find(({ name }) => name === 'push')?.state;
      if (met.has(metadata.uid) || !state || !(state[when] || state.terminated)) continue;
      met.add(metadata.uid);
      await world.engine.cluster.delete('pods', world.engine.namespace, metadata.name, { gracePeriodSeconds }).then(
        () => (deleted += 1),
        // The server, which clears away what has ended, was faster.
        (error) => assert.equal(error.status, 404),
      );
    }
    return isOver();
  }, { timeout: 3_600_000, every: 20 });
  return deleted;
}

test(`${BUILDS} builds whose pods are deleted as they end lose no line in silence`, { timeout: 3_600_000 }, async () => {
  const made = [];
  for (let n = 1; n <= BUILDS; n++) {
    const baseImage = isReal(n) ? await world.hookedBase(`${n}`, counting('line', LINES)) : await world.lightBase(`${n}`, counting('line', LINES));
    made.push((await world.api.create(world.spec(`build-${n}`, { apt: ['jq'] }, { baseImage }))).job);
  }
  let isOver = false;
  const deletions = deleting(() => isOver);
  const outcomes = { whole: 0, marked: 0 };
  try {
    for (const { id } of made) {
      const job = await world.api.untilJob(id, 'over', ({ status }) => ['SUCCEEDED', 'FAILED'].includes(status), { timeout: 3_600_000 });
      const log = await world.api.log(job);
      const numbers = counted(log, 'line');
      assert.deepEqual(numbers, upTo(numbers.length), `${id}: lines in a row`);
      // It ends with what the builder itself said last.
      const isWhole = /^\[cooperage\] Job 1 of build-/.test(log) && numbers.length === LINES && /\n\[cooperage\] (The registry holds .*|The pod is told to end before the job is done\.\n.*)\n$/.test(log);
      const isMarked = /^\[cooperage\] .*(may be missing|could be kept)/m.test(log);
      assert.ok(isWhole || isMarked, `${id} is ${job.status}, and lost lines in silence: ${JSON.stringify(job.failure)}\n…${log.slice(-3000)}`);
      if (job.status === 'SUCCEEDED') assert.equal(await world.registry.digest(job.image), job.digest);
      else assert.equal(job.failure.code, 'LOST', job.failure.message);
      outcomes[isWhole ? 'whole' : 'marked'] += 1;
    }
  } finally {
    isOver = true;
  }
  const deleted = await deletions;
  console.log(`${BUILDS} builds, ${deleted} pods deleted: ${outcomes.whole} logs whole, ${outcomes.marked} marked`);
  assert.ok(deleted >= BUILDS / 2, `${deleted} pods were deleted`);
  assert.ok(outcomes.whole >= BUILDS / 2, 'a marker is the exception');
});
