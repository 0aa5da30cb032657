// A node that goes away and does not come back. It takes some minutes of waiting, so only the whole campaign has it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hex } from '../harness/engine-kubernetes.js';
import { until } from '../harness/wait.js';
import { World } from '../harness/world.js';
import { isWhole } from './scale.js';

const tolerations = ['not-ready', 'unreachable'].map((key) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }));

let world;
before(async () => {
  if (isWhole) world = await World.start({ engine: 'kubernetes', settings: { COOPERAGE_KUBERNETES_TOLERATIONS: JSON.stringify(tolerations) } });
});
after(() => world?.stop());

for (const [how, silence] of [['is lost for good', (cluster) => cluster.kill('kubelet')], ['says nothing any more', (cluster) => cluster.freeze('kubelet')]]) {
  test(`a build whose node ${how} is told so, and nothing of it stays`, { skip: !isWhole }, async () => {
    const { cluster, namespace } = world.engine;
    const gate = await world.gate();
    const companion = await cluster.companion();
    const name = how.replaceAll(' ', '-');
    const base = await world.hookedBase(name, `echo before; ${gate.wait}; echo after`);
    const { job } = await world.api.create(world.spec(name, { apt: ['jq'] }, { baseImage: base }));
    await world.api.untilJob(job.id, 'standing at the gate', () => gate.arrivals > 0);
    await until('what it said to be delivered', async () => /^before$/m.test(await world.api.log(job)));
    await silence(cluster);
    try {
      const failed = await world.api.untilStatus(job.id, 'FAILED', { timeout: 300_000 });
      assert.equal(failed.failure.code, 'LOST', failed.failure.message);
      assert.match(failed.failure.message, /^The node localhost does not answer any more/);
      assert.match(await world.api.log(failed), /\[cooperage\] .*may be missing.*\n$/);
      await until('its Job and pods to be gone', async () => !(await cluster.get('jobs', namespace, `cooperage-job-${hex(job)}`)) && (await world.engine.pods(job)).length === 0);
    } finally {
      // A program that is frozen runs, and would not be started anew.
      await cluster.kill('kubelet').catch(() => {});
      await cluster.up();
      await companion.stop();
      await gate.stop();
    }
  });
}
