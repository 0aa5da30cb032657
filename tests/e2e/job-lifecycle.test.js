// Cancel, queue, edit, rebuild, reuse, delete, deadline.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('jobs', () => {
  let world;
  let gate;
  let hooked = 0;
  before(async () => (world = await World.start()));
  after(() => world.stop());
  beforeEach(async () => (gate = await world.gate()));
  afterEach(() => gate.stop());

  /** A spec whose build stands still in its apt step until the gate opens; returns its job once it stands there. */
  async function standing(name, script = gate.wait) {
    hooked += 1;
    const base = await world.hookedBase(`h${hooked}`, script);
    const arrivals = gate.arrivals;
    const { job } = await world.api.create(world.spec(name, { apt: ['jq'] }, { baseImage: base }));
    return world.api.untilJob(job.id, 'standing at the gate', ({ phase }) => phase === 'BUILD' && gate.arrivals > arrivals);
  }

  test('cancel ends the whole process tree within 5 s, and the job and its log stay', async () => {
    const job = await standing('cancel', `echo before the gate\n(trap "" TERM INT HUP; sleep 1000 & setsid sleep 1001 & ${gate.wait}; wait)`);
    assert.ok((await world.builds()).length > 0);
    const asked = Date.now();
    await world.api.cancel(job.id);
    const cancelled = await world.api.untilStatus(job.id, 'CANCELLED', { timeout: 10_000 });
    await world.untilBuildsEnded({ timeout: 5_000 - (Date.now() - asked) });
    assert.equal(cancelled.failure, null);
    assert.match(await world.api.log(cancelled), /before the gate/);
    assert.equal((await world.api.spec('cancel')).status, 'CANCELLED');
    const again = await world.api.cancel(job.id, { expectErrors: true });
    assert.ok(again.job?.status === 'CANCELLED' || again.userErrors.length === 1, 'cancelling twice is harmless');
  });

  test('an edit starts a second job while the first goes on, and the status is the latest job\'s', async () => {
    const first = await standing('edited');
    const spec = await world.api.spec('edited');
    const { job: second } = await world.api.update({ ...world.spec('edited', { pip: ['six'] }), version: spec.version });
    assert.equal(second.number, 2);
    assert.notEqual(second.revision, first.revision);
    await world.api.untilStatus(second.id, 'SUCCEEDED');
    assert.equal((await world.api.job(first.id)).status, 'RUNNING');
    assert.equal((await world.api.spec('edited')).status, 'SUCCEEDED');
    gate.open();
    const done = await world.api.untilStatus(first.id, 'SUCCEEDED');
    assert.notEqual(done.digest, (await world.api.job(second.id)).digest);
    assert.deepEqual((await world.api.jobs('edited')).map(({ number }) => number), [2, 1]);
    assert.equal((await world.api.spec('edited')).latestJob.number, 2);
  });

  test('an edit with an old version is a conflict and starts nothing', async () => {
    await world.build('conflict', { pip: ['six'] });
    const spec = await world.api.spec('conflict');
    const { job } = await world.api.update({ ...world.spec('conflict', { pip: ['idna'] }), version: spec.version });
    await world.api.untilStatus(job.id, 'SUCCEEDED');
    const { userErrors } = await world.api.update({ ...world.spec('conflict', { pip: ['certifi'] }), version: spec.version }, { expectErrors: true });
    assert.equal(userErrors[0].code, 'CONFLICT');
    assert.equal((await world.api.jobs('conflict')).length, 2);
    assert.deepEqual((await world.api.spec('conflict')).packages.pip, ['idna']);
  });

  test('more jobs than places wait in line, show their place, and run in order', async () => {
    const first = await standing('line-1');
    const second = await standing('line-2');
    // Of which nothing was built before: that would be answered without a place.
    const { job: third } = await world.api.create(world.spec('line-3', { pip: ['six!=0.3'] }));
    const { job: fourth } = await world.api.create(world.spec('line-4', { pip: ['six!=0.4'] }));
    await until('the places in the queue', async () => (await world.api.job(third.id)).queuePosition === 1 && (await world.api.job(fourth.id)).queuePosition === 2);
    assert.equal((await world.api.job(third.id)).status, 'QUEUED');
    await world.api.cancel(third.id);
    await world.api.untilStatus(third.id, 'CANCELLED');
    await until('the next to move up', async () => (await world.api.job(fourth.id)).queuePosition === 1);
    gate.open();
    for (const { id } of [first, second, fourth]) await world.api.untilStatus(id, 'SUCCEEDED');
  });

  test('an unchanged spec is answered from what was built, and says so; "rebuild" asks for a fresh image', async () => {
    const first = await world.build('reuse-a', { pip: ['six', 'idna'] });
    const { job } = await world.api.create(world.spec('reuse-b', { pip: ['idna', 'six'] }));
    const reused = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.equal(reused.reusedFrom.id, first.id);
    assert.equal(reused.digest, first.digest);
    assert.match(reused.image, /\/reuse-b:/);
    assert.equal(await world.registry.digest(reused.image), first.digest);
    assert.match(await world.api.log(reused), /reus/i);
    const { job: fresh } = await world.api.rebuild('reuse-b');
    const rebuilt = await world.api.untilStatus(fresh.id, 'SUCCEEDED');
    assert.equal(rebuilt.reusedFrom, null);
  });

  test('what was built is not reused once the base has moved to another digest', async () => {
    const base = await world.registry.derive(world.base, 'base/moving', 'latest', { files: { 'opt/v': '1' } });
    const first = await world.build('moving', { pip: ['six'] }, { baseImage: base });
    await world.registry.derive(world.base, 'base/moving', 'latest', { files: { 'opt/v': '2' } });
    const { job } = await world.api.create(world.spec('moving-2', { pip: ['six'] }, { baseImage: base }));
    const second = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.equal(second.reusedFrom, null);
    assert.notEqual(second.baseImageDigest, first.baseImageDigest);
    assert.equal(await world.runIn(second.image, 'cat', '/opt/v'), '2');
  });

  test('delete cancels running jobs, removes spec, jobs and logs, leaves the image, and frees the name', async () => {
    const built = await world.build('deleted', { pip: ['six'] });
    const base = await world.hookedBase('delete', gate.wait);
    const spec = await world.api.spec('deleted');
    const { job } = await world.api.update({ ...world.spec('deleted', { apt: ['jq'] }, { baseImage: base }), version: spec.version });
    await world.api.untilJob(job.id, 'standing at the gate', () => gate.arrivals > 0);
    await world.api.delete('deleted');
    assert.equal(await world.api.spec('deleted'), null);
    await world.untilBuildsEnded({ timeout: 5_000 });
    await until('its jobs to be gone', async () => (await world.api.job(job.id)) === null && (await world.api.job(built.id)) === null);
    const answer = await fetch(new URL(built.logUrl, world.url), { headers: world.api.authorization });
    assert.equal(answer.status, 404);
    assert.equal(await world.registry.digest(built.image), built.digest);
    await world.build('deleted', { pip: ['six'] });
    const missing = await world.api.delete('never-there', { expectErrors: true });
    assert.equal(missing.userErrors[0].code, 'NOT_FOUND');
  });

  test('the same idempotency key creates once', async () => {
    const input = { ...world.spec('once', { pip: ['six'] }), idempotencyKey: 'key-1' };
    const first = await world.api.create(input);
    const second = await world.api.create(input);
    assert.equal(second.job.id, first.job.id);
    await world.api.untilStatus(first.job.id, 'SUCCEEDED');
    const again = await world.api.rebuild('once', { idempotencyKey: 'key-2' });
    assert.equal((await world.api.rebuild('once', { idempotencyKey: 'key-2' })).job.id, again.job.id);
    await world.api.untilStatus(again.job.id, 'SUCCEEDED');
    assert.equal((await world.api.jobs('once')).length, 2);
    const taken = await world.api.create({ ...input, idempotencyKey: 'key-3' }, { expectErrors: true });
    assert.equal(taken.userErrors[0].code, 'TAKEN');
    assert.equal(taken.userErrors[0].field, 'name');
  });
});

describe('a deadline', () => {
  let world;
  before(async () => (world = await World.start({ settings: { COOPERAGE_BUILD_DEADLINE: '15s' } })));
  after(() => world.stop());

  test('ends a build that hangs, as timed out', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('hang', gate.wait);
    const { job } = await world.api.create(world.spec('hang', { apt: ['jq'] }, { baseImage: base }));
    const failed = await world.api.untilStatus(job.id, 'FAILED');
    assert.equal(failed.failure.code, 'TIMED_OUT');
    await world.untilBuildsEnded({ timeout: 5_000 });
    await gate.stop();
  });
});
