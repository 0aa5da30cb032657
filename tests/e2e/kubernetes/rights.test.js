// What builds and server may on a cluster: as little as works.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { builderImage, hex } from '../../harness/engine-kubernetes.js';
import { run } from '../../harness/machine.js';
import { World } from '../../harness/world.js';

describe('rights', () => {
  let world;
  let gate;
  let job;
  let made;
  before(async () => {
    world = await World.start({ engine: 'kubernetes', volumes: 1 });
    gate = await world.gate();
    const base = await world.hookedBase('rights', gate.wait);
    ({ job } = await world.api.create(world.spec('rights', { apt: ['jq'] }, { baseImage: base })));
    await world.api.untilJob(job.id, 'at the gate', () => gate.arrivals > 0);
    made = await world.engine.job(job);
  });
  after(() => world.stop());

  /** What the apiserver says to the builder's pod in a namespace that enforces a Pod Security level. */
  async function admitted(level, change = () => {}) {
    const { cluster } = world.engine;
    const name = `level-${randomBytes(4).toString('hex')}`;
    await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': level } } });
    try {
      // The account that a pod needs is made soon after the namespace.
      await cluster.create('serviceaccounts', name, { metadata: { name: 'default' } }).catch((error) => assert.equal(error.status, 409));
      const { metadata, spec } = structuredClone(made.spec.template);
      delete spec.hostNetwork; // which only the loopback registry of these tests needs
      spec.dnsPolicy = 'ClusterFirst';
      change(spec);
      await cluster.create('pods', name, { metadata: { ...metadata, name: 'builder' }, spec }, '?dryRun=All');
      return '';
    } catch (error) {
      return error.message;
    } finally {
      await cluster.ask('DELETE', `/api/v1/namespaces/${name}`);
    }
  }

  test("the builder's pod is admitted where Pod Security baseline is enforced", async () => {
    assert.equal(await admitted('baseline'), '');
    assert.match(await admitted('baseline', (spec) => (spec.hostNetwork = true)), /hostNetwork/, 'it is enforced');
  });

  test("of Pod Security restricted, the builder's pod misses the two capabilities that give it its range of users", async () => {
    const message = await admitted('restricted', (spec) => (spec.hostUsers = false));
    const missed = message.match(/violates PodSecurity \\"restricted:latest\\": (.*)","reason"/)?.[1] ?? message;
    // What each is about stands in brackets behind it.
    assert.deepEqual(missed.replaceAll(/ \([^)]*\)/g, '').trim().split(', '), ['allowPrivilegeEscalation != false', 'unrestricted capabilities']);
  });

  test('in a user namespace of its own, which has 65,536 ids, the builder gives its install steps all of them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cooperage-namespace-'));
    const root = join(folder, 'root');
    const images = (...args) => run('ctr', ['--address', join(world.engine.cluster.folder, 'containerd/containerd.sock'), '--namespace', 'k8s.io', 'images', ...args]);
    mkdirSync(root);
    chmodSync(folder, 0o755);
    await images('mount', builderImage(), root);
    try {
      await run('runc', ['spec'], { cwd: folder });
      const spec = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
      Object.assign(spec.process, {
        terminal: false,
        noNewPrivileges: false,
        user: { uid: 65535, gid: 65535 },
        capabilities: { bounding: ['CAP_SETUID', 'CAP_SETGID'] },
        args: ['unshare', '--user', '--map-root-user', '--map-auto', 'cat', '/proc/self/uid_map', '/proc/self/gid_map'],
      });
      spec.root = { path: 'root', readonly: true };
      spec.mounts = spec.mounts.filter(({ destination }) => ['/proc', '/dev'].includes(destination));
      spec.linux.namespaces = ['pid', 'mount', 'ipc', 'uts', 'user'].map((type) => ({ type }));
      spec.linux.uidMappings = spec.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
      writeFileSync(join(folder, 'config.json'), JSON.stringify(spec));
      const { stdout } = await run('runc', ['run', `namespace-${randomBytes(4).toString('hex')}`], { cwd: folder });
      const ranges = stdout.trim().split('\n').map((line) => line.trim().split(/ +/).map(Number));
      assert.deepEqual(ranges, [[0, 65535, 1], [1, 1, 65534], [0, 65535, 1], [1, 1, 65534]]);
    } finally {
      await images('unmount', root);
      rmSync(folder, { recursive: true });
    }
  });

  test('no token of a service account is in the pod, and no credential in arguments or environment', async () => {
    const { metadata } = await world.engine.pod(job);
    const pod = await world.engine.cluster.get('pods', world.engine.namespace, metadata.name);
    assert.equal(pod.spec.automountServiceAccountToken, false);
    assert.ok(!JSON.stringify(pod).includes('kube-api-access'));
    const containers = [...pod.spec.initContainers, ...pod.spec.containers];
    assert.deepEqual(containers.map(({ name }) => name), ['pull', 'build', 'push']);
    assert.ok(!JSON.stringify(containers).includes(world.registry.password));
    for (const { securityContext } of containers) {
      assert.deepEqual(securityContext.capabilities, { drop: ['ALL'], add: ['SETUID', 'SETGID'] });
      assert.ok(!securityContext.privileged);
    }
    // Each container sees its own key of the Secret and no other.
    const secret = await world.engine.cluster.get('secrets', world.engine.namespace, `cooperage-job-${hex(job)}`);
    assert.ok(!Buffer.from(secret.data['build.json'], 'base64').toString().includes(world.registry.password), 'the build holds nothing');
    assert.equal(secret.metadata.ownerReferences[0].uid, made.metadata.uid, 'the Secret goes with the Job');
    for (const { name, volumeMounts } of containers) {
      const volume = pod.spec.volumes.find((one) => one.name === volumeMounts.find(({ mountPath }) => mountPath === '/cooperage/credentials').name);
      assert.deepEqual(volume.secret.items.map(({ key }) => key), [`${name}.json`]);
    }
  });

  test('a RUN step finds neither the credentials nor a way to the apiserver by a token', async () => {
    const base = await world.hookedBase('peek', 'ls -la /cooperage /var/run/secrets 2>&1 || true; env; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"; find / -xdev -name "credentials.json" 2>/dev/null; echo looked');
    const { job: peek } = await world.api.create(world.spec('peek', { apt: ['jq'] }, { baseImage: base }));
    gate.open();
    const text = await world.api.log(await world.api.untilStatus(peek.id, 'SUCCEEDED'));
    assert.match(text, /looked/);
    for (const secret of [world.registry.password, world.api.token, 'credentials.json', 'serviceaccount']) assert.ok(!text.includes(secret), secret);
    await world.api.untilStatus(job.id, 'SUCCEEDED');
  });

  test('the server asks for what the chart allows, and the chart allows what it asks for', async () => {
    // One of each that makes the server do something special: a cancel, a builder that is killed, a pod that cannot be made.
    const standing = await world.gate();
    const base = await world.hookedBase('asked', standing.wait);
    const arrive = async (name) => {
      const arrivals = standing.arrivals;
      const made = await world.api.create(world.spec(name, { apt: ['jq'] }, { baseImage: base }));
      return world.api.untilJob(made.job.id, 'at the gate', () => standing.arrivals > arrivals);
    };
    await world.api.cancel((await arrive('asked-cancel')).id);
    await world.untilBuildsEnded();
    const killed = await arrive('asked-killed');
    await world.engine.killBuilder();
    await world.api.untilStatus(killed.id, 'FAILED');
    await refusePods();
    const refused = await world.api.create(world.spec('asked-refused', { pip: ['certifi'] }));
    assert.equal((await world.api.untilStatus(refused.job.id, 'FAILED')).failure.code, 'NOT_STARTED');
    const asked = world.engine.cluster.asked(world.engine.namespace);
    const forbidden = [...asked].filter(([, { allowed }]) => !allowed).map(([what]) => what);
    assert.deepEqual(forbidden, [], 'asked for, and not allowed');
    const { rules } = await world.engine.cluster.get('roles', world.engine.namespace, 'cooperage');
    const allowed = rules.flatMap(({ apiGroups, resources, verbs }) => apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))));
    assert.deepEqual(allowed.filter((what) => !asked.has(what)), [], 'allowed, and never asked for');
  });

  /** From here on, the namespace takes no builder's pod. */
  async function refusePods() {
    const { cluster, namespace } = world.engine;
    await cluster.ask('PATCH', `/api/v1/namespaces/${namespace}`, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } }, 'application/merge-patch+json');
  }
});
