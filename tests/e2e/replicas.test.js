// Two servers of one PostgreSQL, each with builds of its own on this machine; and the way there from SQLite.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { counted, counting, upTo } from '../harness/counted.js';
import { database } from '../harness/database.js';
import { Replicas } from '../harness/replicas.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('two servers of one database', () => {
  let replicas;
  let world;
  let one;
  let other;
  before(async () => {
    replicas = await Replicas.start(2, { engine: 'local' });
    ({ world } = replicas);
    [one, other] = replicas.servers.map(({ api }) => api);
  });
  after(() => replicas?.stop());

  /** A job that has said `before N` and stands at a gate, after which it says `after N`. */
  async function standing(name) {
    const gate = await world.gate();
    const baseImage = await world.lightBase(name, `${counting('before', 300)}; ${gate.waitByWget}; ${counting('after', 300)}`);
    const { job } = await one.create(world.spec(name, { apt: ['nothing'] }, { baseImage }));
    await one.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    return { job, gate };
  }
  function assertWhole(log) {
    assert.deepEqual([counted(log, 'before'), counted(log, 'after')], [upTo(300), upTo(300)]);
  }

  test('what is done by one is heard of on the other', async () => {
    for (const [teller, hearer, name] of [[one, other, 'told-by-one'], [other, one, 'told-by-other']]) {
      const { job } = await teller.create(world.spec(name, {}, { baseImage: await world.lightBase(name, '') }));
      await teller.untilStatus(job.id, 'SUCCEEDED');
      const [jobs, deleted] = [[], []];
      const heard = hearer.subscribe(`subscription { buildJobs(specName: "${name}") { id status } }`, {}, ({ buildJobs }) => void jobs.push(buildJobs));
      const gone = hearer.subscribe('subscription { imageSpecDeleted { id } }', {}, ({ imageSpecDeleted }) => deleted.push(imageSpecDeleted.id));
      // A server does not say when a subscription has begun: there are jobs until one is heard of.
      await until('a job to be heard of', async () => {
        const { job: next } = await teller.rebuild(name);
        await teller.untilStatus(next.id, 'SUCCEEDED');
        return jobs.some(({ id, status }) => id === next.id && status === 'SUCCEEDED');
      });
      const { id } = await hearer.spec(name);
      await teller.delete(name);
      await Promise.all([heard, gone]);
      assert.deepEqual(deleted, [id]);
    }
  });

  test('a log is read and followed on each of them, whichever runs the job', async () => {
    const { job, gate } = await standing('followed');
    const following = [one, other].map((api) => api.followLog(job.id));
    gate.open();
    const done = await one.untilStatus(job.id, 'SUCCEEDED');
    const log = await one.log(done);
    assertWhole(log);
    assert.equal(await other.log(done), log);
    for (const lines of await Promise.all(following)) assert.deepEqual(lines, log.split('\n').slice(0, -1));
  });

  test('news that is lost costs a second, not a line', async () => {
    const { job, gate } = await standing('unheard');
    const following = [one, other].map((api) => api.followLog(job.id).then((lines) => ({ lines, at: Date.now() })));
    const isListening = "application_name = 'cooperage' AND query LIKE 'LISTEN%'";
    assert.equal((await world.database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isListening}`)).length, 2);
    gate.open();
    const done = await one.untilStatus(job.id, 'SUCCEEDED');
    const ended = Date.now();
    const log = await one.log(done);
    assertWhole(log);
    for (const { lines, at } of await Promise.all(following)) {
      assert.deepEqual(lines, log.split('\n').slice(0, -1));
      assert.ok(at < ended + 3_000, `${at - ended} ms later`);
    }
    await until('both to listen again', async () => (await world.database.query(`SELECT pid FROM pg_stat_activity WHERE ${isListening}`)).length === 2);
  });

  test('they are back within 2 s of the database, and a job goes on', async () => {
    const { job, gate } = await standing('restarted');
    for (let time = 1; time <= 3; time++) {
      await world.database.restart();
      const started = Date.now();
      for (const api of [one, other]) await until('an answer', () => api.specs(), { every: 20 });
      assert.ok(Date.now() - started < 2_000, `${Date.now() - started} ms`);
    }
    const following = other.followLog(job.id);
    gate.open();
    const done = await one.untilStatus(job.id, 'SUCCEEDED');
    const log = await other.log(done);
    assertWhole(log);
    assert.deepEqual(await following, log.split('\n').slice(0, -1));
  });

  test('each makes what the other has no part in, side by side', async () => {
    const baseImage = await world.lightBase('many', counting('line', 100));
    const names = upTo(12).map((n) => `many-${n}`);
    const pushed = world.registry.pushes().length;
    const made = await Promise.all(names.map((name, n) => [one, other][n % 2].create(world.spec(name, { apt: [`nothing-${n}`] }, { baseImage }))));
    const ends = await Promise.all(made.map(({ job }, n) => [other, one][n % 2].untilStatus(job.id, 'SUCCEEDED')));
    assert.deepEqual(world.registry.pushes().slice(pushed).sort(), ends.map(({ image }) => image.slice(world.registry.host.length + 1)).sort());
    for (const job of ends) assert.deepEqual(counted(await one.log(job), 'line'), upTo(100));
  });
});

describe('copy-database', () => {
  let world;
  before(async () => (world = await World.start({ engine: 'local', database: 'sqlite' })));
  after(() => world?.stop());

  const everything = async () => {
    const { api } = world;
    const specs = await api.specs();
    const jobs = (await Promise.all(specs.map(({ name }) => api.jobs(name)))).flat();
    return {
      specs: await Promise.all(specs.map(({ name }) => api.spec(name))),
      jobs,
      logs: await Promise.all(jobs.map((job) => api.log(job))),
      others: await api.query('{ pullSecrets { id name host username } baseImages { nodes { id name displayName description type url urlForGpu pullSecret } } }'),
    };
  };

  test('takes everything from SQLite to PostgreSQL, and the server goes on there', async () => {
    const baseImage = await world.lightBase('copied', counting('line', 5000));
    const built = await world.build('copied', { apt: ['nothing'] }, { baseImage });
    const { version } = await world.api.spec('copied');
    const updated = await world.api.update({ name: 'copied', version, baseImage, pullSecret: 'local-registry', packages: { apt: ['more'], conda: [], pip: [] } });
    await world.api.untilStatus(updated.job.id, 'SUCCEEDED');
    const failing = await world.api.create(world.spec('failed', { apt: ['nothing'] }, { baseImage: await world.lightBase('failing', 'exit 3') }));
    await world.api.untilStatus(failing.job.id, 'FAILED');
    // One waits in a build, and delivers to whom it finds.
    const gate = await world.gate();
    const waiting = await world.api.create(world.spec('waiting', { apt: ['nothing'] }, { baseImage: await world.lightBase('waiting', `${counting('before', 300)}; ${gate.waitByWget}; ${counting('after', 300)}`) }));
    await world.api.untilJob(waiting.job.id, 'at the gate', () => gate.arrivals > 0);
    await until('what it said to be delivered', async () => /before 300\n/.test(await world.api.log(waiting.job)));
    const before = await everything();
    await world.server.stop('SIGTERM');

    world.database = await database('postgres').start(world);
    const copy = () => world.command('copy-database');
    world.environment.COOPERAGE_COPY_TO = world.database.url;
    const elsewhere = join(world.folder, 'mistyped');
    await assert.rejects(world.command('copy-database', '--data-dir', elsewhere), ({ stderr }) => /mistyped holds no database/.test(stderr));
    assert.ok(!existsSync(elsewhere), 'nothing is made there');
    const { stdout } = await copy();
    assert.match(stdout, /^4 jobs$/m);
    await assert.rejects(copy(), ({ stderr }) => /empty/.test(stderr), 'what is there is not written over');

    delete world.environment.COOPERAGE_COPY_TO;
    Object.assign(world.environment, world.database.settings);
    await world.up();
    assert.deepEqual(await everything(), before);
    gate.open();
    const done = await world.api.untilStatus(waiting.job.id, 'SUCCEEDED');
    const log = await world.api.log(done);
    assert.deepEqual([counted(log, 'before'), counted(log, 'after')], [upTo(300), upTo(300)]);
    // The pull secret opens, and numbers go on.
    const { job } = await world.api.rebuild('copied');
    const rebuilt = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.deepEqual([rebuilt.number, rebuilt.revision, rebuilt.pullSecret], [3, updated.job.revision, built.pullSecret]);
    assert.match(await world.api.log(rebuilt), /, as the user cooperage\.\n/);
    assert.equal(await world.registry.digest(rebuilt.image), rebuilt.digest);
  });
});
