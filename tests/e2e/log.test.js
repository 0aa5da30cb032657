// The log: complete, numbered, live, resumable, masked.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { counted, counting, upTo } from '../harness/counted.js';
import { until } from '../harness/wait.js';
import { World, engineName } from '../harness/world.js';

describe('the log', () => {
  let world;
  let long;
  before(async () => {
    world = await World.start();
    const base = await world.hookedBase('long', 'i=1; while [ $i -le 5000 ]; do echo "noise $i"; i=$((i+1)); done');
    long = await world.build('long', { apt: ['jq'] }, { baseImage: base });
  });
  after(() => world.stop());

  const page = async (id, variables = {}) =>
    (
      await world.api.query(
        'query($id: ID!, $last: Int, $before: Int) { buildJob(id: $id) { log(last: $last, before: $before) { firstLine lines totalLines finished } } }',
        { id, ...variables },
      )
    ).buildJob.log;

  test('a page holds the latest 2,000 lines, and earlier pages join it without a gap', async () => {
    const whole = (await world.api.log(long)).split('\n').slice(0, -1);
    let { firstLine, lines, totalLines, finished } = await page(long.id, { last: 2000 });
    assert.equal(lines.length, 2000);
    assert.equal(totalLines, whole.length);
    assert.equal(finished, true);
    while (firstLine > 1) {
      const earlier = await page(long.id, { last: 2000, before: firstLine });
      assert.equal(earlier.firstLine + earlier.lines.length, firstLine);
      lines = [...earlier.lines, ...lines];
      firstLine = earlier.firstLine;
    }
    assert.deepEqual(lines, whole);
  });

  test('a subscriber gets history, then live, with no gap or repeat, also when it comes back from a line of its choice', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('live', `i=1; while [ $i -le 300 ]; do echo "one $i"; i=$((i+1)); done; ${gate.wait}; i=1; while [ $i -le 300 ]; do echo "two $i"; i=$((i+1)); done`);
    const { job } = await world.api.create(world.spec('live', { apt: ['jq'] }, { baseImage: base }));
    const whole = world.api.followLog(job.id);
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    // One that goes away in the middle, and comes back for the rest.
    const seen = [];
    await world.api.subscribe('subscription($id: ID!) { buildLog(jobId: $id, fromLine: 1) { firstLine lines finished } }', { id: job.id }, ({ buildLog }) => {
      seen.push(...buildLog.lines);
      return seen.some((line) => line.endsWith('one 100'));
    });
    const resumed = world.api.followLog(job.id, seen.length + 1);
    const lastOnly = [];
    const tail = world.api.subscribe('subscription($id: ID!) { buildLog(jobId: $id, last: 5) { firstLine lines finished } }', { id: job.id }, ({ buildLog }) => {
      lastOnly.push(...buildLog.lines);
      return buildLog.finished;
    });
    gate.open();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    const text = (await world.api.log(done)).split('\n').slice(0, -1);
    assert.deepEqual(await whole, text);
    assert.deepEqual([...seen, ...(await resumed)], text);
    await tail;
    assert.deepEqual(lastOnly, text.slice(-lastOnly.length));
    assert.ok(lastOnly.length < text.length);
    await gate.stop();
  });

  test('the download is byte for byte what the step printed, also while it runs', async () => {
    const gate = await world.gate();
    const base = await world.hookedBase('bytes', `printf 'caf\\303\\251 \\377\\376 tab\\there\\r progress\\r\\n'; printf '\\033[31mred\\033[0m\\n'; ${gate.wait}`);
    const { job } = await world.api.create(world.spec('bytes', { apt: ['jq'] }, { baseImage: base }));
    const expected = Buffer.concat([Buffer.from('café '), Buffer.from([0xff, 0xfe]), Buffer.from(' tab\there\r progress\r\n\x1b[31mred\x1b[0m\n')]);
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    await until('the bytes, while it runs', async () => (await world.api.logBytes(job)).includes(expected));
    gate.open();
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED');
    assert.ok((await world.api.logBytes(done)).includes(expected));
  });

  // In a pod the container that runs install steps holds no credential, and so has none to give away.
  test('credentials are masked before a line is stored', { skip: engineName === 'kubernetes' }, async () => {
    const base = await world.hookedBase('leak', `echo "the password is ${world.registry.password}."; echo ok`);
    const job = await world.build('leak', { apt: ['jq'] }, { baseImage: base });
    const text = await world.api.log(job);
    assert.ok(!text.includes(world.registry.password));
    assert.match(text, /the password is \*+\./);
  });

  test('a line without end is cut and marked, and the build goes on', async () => {
    const base = await world.hookedBase('endless', `head -c 3000000 /dev/zero | tr '\\0' 'x'; echo; echo after the long line`);
    const job = await world.build('endless', { apt: ['jq'] }, { baseImage: base });
    assert.match(await world.api.log(job), /after the long line\n/);
  });
});

// Only what this machine runs can be slowed down: buildah in pods is another one.
test('what a step prints last is kept, however late buildah passes output on', { skip: engineName === 'kubernetes' }, async () => {
  const world = await World.start({
    prepare: ({ environment, folder }) => {
      const late = join(folder, 'late');
      mkdirSync(late);
      writeFileSync(join(late, 'buildah'), `#!/bin/sh\nPATH=${process.env.PATH}\nexec strace -f -qq -o /dev/null -e trace=ppoll -e inject=ppoll:delay_exit=100000 buildah "$@"\n`, { mode: 0o755 });
      environment.PATH = `${late}:${environment.PATH}`;
    },
  });
  try {
    const lines = 100;
    const job = await world.build('late', { apt: ['jq'] }, { baseImage: await world.lightBase('late', counting('line', lines)) });
    assert.deepEqual(counted(await world.api.log(job), 'line'), upTo(lines));
  } finally {
    await world.stop();
  }
});
