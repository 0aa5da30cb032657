// A long log over a bad line: its connections are cut every two seconds, and the server is killed again and again.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Balancer } from '../harness/balancer.js';
import { freePort } from '../harness/machine.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';
import { share } from './scale.js';

const LINES = share(1_000_000);
const KILLS = share(20);
const CUT_EVERY = 2_000;
/** How long it takes to print them, at least: every kill, and some cuts before and after it, fall into that time. */
const SECONDS = 5 + 4 * KILLS;

let world;
let deliveries;
before(async () => {
  deliveries = await Balancer.start();
  const port = await freePort();
  deliveries.ports = [port];
  world = await World.start({ engine: 'local', settings: { COOPERAGE_DELIVERY_LISTEN: `127.0.0.1:${port}`, COOPERAGE_DELIVERY_URL: deliveries.url } });
});
after(async () => {
  try {
    await world?.stop();
  } finally {
    await deliveries.stop();
  }
});

test(`${LINES} lines, a cut every two seconds, ${KILLS} kills of the server: not a byte is lost`, { timeout: 1_800_000 }, async () => {
  const parts = SECONDS * 5;
  const base = await world.hookedBase('million', `python3 -c '
import time
lines, parts = ${LINES}, ${parts}
for part in range(parts):
    print("\\n".join("line %d" % n for n in range(part * lines // parts + 1, (part + 1) * lines // parts + 1)), flush=True)
    time.sleep(${SECONDS / parts})
'`);
  const { job } = await world.api.create(world.spec('million', { apt: ['jq'] }, { baseImage: base }));
  const stored = async () => (await world.api.query('query($id: ID!) { buildJob(id: $id) { log(last: 1) { totalLines } } }', { id: job.id })).buildJob.log.totalLines;
  let cuts = 0;
  const cutting = setInterval(() => (cuts += deliveries.cut() > 0), CUT_EVERY);
  try {
    for (let kill = 1; kill <= KILLS; kill++) {
      const wanted = Math.floor((LINES * kill) / (KILLS + 1));
      await until(`line ${wanted} to be stored`, async () => (await stored()) >= wanted, { timeout: 600_000, every: 20 });
      assert.equal((await world.api.job(job.id)).status, 'RUNNING');
      await world.server.stop('SIGKILL');
      await world.up();
    }
    const done = await world.api.untilStatus(job.id, 'SUCCEEDED', { timeout: 900_000 });
    const hash = createHash('sha256');
    const found = (await world.api.log(done)).matchAll(/\bline \d+\n/g);
    for (const [line] of found) hash.update(line);
    const wanted = createHash('sha256');
    for (let n = 1; n <= LINES; n++) wanted.update(`line ${n}\n`);
    assert.equal(hash.digest('hex'), wanted.digest('hex'));
    console.log(`${LINES} lines, ${KILLS} kills, ${cuts} cuts`);
    assert.ok(cuts >= KILLS, `connections were cut ${cuts} times`);
  } finally {
    clearInterval(cutting);
  }
});
