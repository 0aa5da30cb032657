// Two servers of one PostgreSQL, whose builds run on one cluster: each sees all of them, and one looks after each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { counted, counting, upTo } from '../../harness/counted.js';
import { Replicas } from '../../harness/replicas.js';
import { until } from '../../harness/wait.js';

const LEASE = 15_000;

describe('a server on a cluster', () => {
  let replicas;
  let world;
  before(async () => {
    replicas = await Replicas.start(2, { engine: 'kubernetes', volumes: 0 });
    ({ world } = replicas);
  });
  after(() => replicas?.stop());

  /** A job that one server looks after and whose build stands at a gate, while the other server is away. */
  async function standing(name) {
    const [mine, other] = replicas.servers;
    await other.process.stop('SIGTERM');
    const gate = await world.gate();
    const baseImage = await world.lightBase(name, `${counting('before', 300)}; ${gate.waitByWget}; ${counting('after', 300)}`);
    const { job } = await mine.api.create(world.spec(name, { apt: ['nothing'] }, { baseImage }));
    await mine.api.untilJob(job.id, 'at the gate', ({ phase }) => phase === 'BUILD' && gate.arrivals > 0);
    const held = await replicas.holder(job);
    await replicas.up(other);
    return { job, gate, mine, other, held };
  }
  const adopted = (job, held) => until('another server to take the job over', async () => {
    const now = await replicas.holder(job);
    return now.fence > held.fence && now;
  }, { timeout: 3 * LEASE });

  async function assertWhole(api, done) {
    const log = await api.log(done);
    assert.deepEqual([counted(log, 'before'), counted(log, 'after')], [upTo(300), upTo(300)]);
    assert.equal(await world.registry.digest(done.image), done.digest);
  }

  test('that is frozen past its lease loses its jobs, and changes nothing when it wakes', async () => {
    const { job, gate, mine, other, held } = await standing('frozen');
    process.kill(mine.process.pid, 'SIGSTOP');
    let now;
    try {
      now = await adopted(job, held);
      assert.notEqual(now.owner, held.owner);
    } finally {
      process.kill(mine.process.pid, 'SIGCONT');
    }
    // It works again: both carry out what there is to do, and the job stays where it is.
    await until('the woken server to answer', () => mine.api.job(job.id));
    const { job: next } = await mine.api.create(world.spec('meanwhile', {}, { baseImage: await world.lightBase('meanwhile', '') }));
    await mine.api.untilStatus(next.id, 'SUCCEEDED');
    assert.deepEqual(await replicas.holder(job), now);
    assert.equal((await world.engine.pods(job)).length, 1);
    gate.open();
    await assertWhole(mine.api, await other.api.untilStatus(job.id, 'SUCCEEDED'));
  });

  test('that is frozen while it ends a job does not end it again', async () => {
    const { job, gate, mine, other, held } = await standing('frozen-at-the-end');
    const pushed = () => world.registry.pushes().some((name) => name.startsWith('images/frozen-at-the-end:'));
    // Frozen in the moment in which there is an image, and asked for by the builder all the same.
    gate.open();
    await until('the image', pushed, { every: 5 });
    process.kill(mine.process.pid, 'SIGSTOP');
    let done;
    try {
      done = await other.api.untilStatus(job.id, 'SUCCEEDED', { timeout: 4 * LEASE });
    } finally {
      process.kill(mine.process.pid, 'SIGCONT');
    }
    await until('the woken server to answer', () => mine.api.job(job.id));
    await world.untilBuildsEnded();
    await world.engine.assertNothingLeft();
    assert.deepEqual(await mine.api.job(job.id), done);
    assert.ok((await replicas.holder(job)).fence > held.fence);
    await assertWhole(mine.api, done);
  });

  test('that is killed leaves its jobs to the other, and takes its deliveries there', async () => {
    const { job, gate, mine, other, held } = await standing('killed');
    await mine.process.stop('SIGKILL');
    gate.open();
    const done = await other.api.untilStatus(job.id, 'SUCCEEDED');
    assert.ok((await replicas.holder(job)).fence > held.fence);
    await assertWhole(other.api, done);
    await replicas.up(mine);
    assert.deepEqual(await mine.api.job(job.id), done);
  });
});
