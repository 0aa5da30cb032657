// Builds as Jobs of a real Kubernetes, in a namespace of this world's own. The server runs on the host, with no more rights
// than the chart's Role gives it. Pods are on the host's network, for registry, channel and gates are on loopback.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.js';
import { root } from './machine.js';
import { until } from './wait.js';

const BUILDER = 1000; // the user of the builder's image

export class KubernetesEngine {
  /** `volumes`: how many cache volumes there are. */
  static async start(world, { volumes = 2 } = {}) {
    const engine = new KubernetesEngine();
    engine.cluster = Cluster.find();
    engine.world = world;
    engine.volumes = volumes;
    engine.namespace = `test-${randomBytes(4).toString('hex')}`;
    await engine.cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: engine.namespace, labels: { 'cooperage-test': 'true' } } });
    const authority = process.env.SSL_CERT_FILE;
    if (authority) await engine.cluster.create('configmaps', engine.namespace, { metadata: { name: 'site-ca' }, data: { 'ca.crt': readFileSync(authority, 'utf8') } });
    await engine.#makeVolumes();
    engine.settings = {
      KUBECONFIG: await engine.#account(),
      COOPERAGE_ENGINE: 'kubernetes',
      COOPERAGE_KUBERNETES_NAMESPACE: engine.namespace,
      COOPERAGE_KUBERNETES_BUILDER_IMAGE: builderImage(),
      COOPERAGE_KUBERNETES_HOST_NETWORK: 'true',
      COOPERAGE_KUBERNETES_SECCOMP_PROFILE: 'Localhost/cooperage.json',
      COOPERAGE_KUBERNETES_CPU_REQUEST: '100m',
      COOPERAGE_KUBERNETES_MEMORY_REQUEST: '256Mi',
      COOPERAGE_KUBERNETES_EPHEMERAL_STORAGE: '10Gi',
      ...(authority && { COOPERAGE_KUBERNETES_CA_CONFIG_MAP: 'site-ca' }),
      ...(volumes > 0 && { COOPERAGE_KUBERNETES_CACHE_VOLUMES: String(volumes), COOPERAGE_KUBERNETES_CACHE_SIZE: '5Gi', COOPERAGE_KUBERNETES_CACHE_STORAGE_CLASS: engine.namespace }),
    };
    return engine;
  }

  /** A kubeconfig for the account that the chart makes, with exactly the chart's Role. */
  async #account() {
    const name = 'cooperage';
    const { stdout } = await this.cluster.helm('template', name, join(root, 'deploy/chart'), '--namespace', this.namespace, '--set', `builds.cache.volumes=${this.volumes}`,
      '--show-only', 'templates/role.yaml', '--show-only', 'templates/access.yaml');
    const file = join(this.world.folder, 'access.yaml');
    writeFileSync(file, stdout);
    await this.cluster.kubectl('apply', '--namespace', this.namespace, '--filename', file);
    const { status } = await this.cluster.ask('POST', `${Cluster.path('serviceaccounts', this.namespace, name)}/token`, { spec: { expirationSeconds: 7200 } });
    const kubeconfig = join(this.world.folder, 'kubeconfig');
    const { server, folder } = this.cluster;
    writeFileSync(kubeconfig, JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': join(folder, 'pki/apiserver.crt') } }],
      users: [{ name: 'test', user: { token: status.token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: this.namespace } }],
    }), { mode: 0o600 });
    return kubeconfig;
  }

  // Nothing provisions volumes here, so they are there before they are claimed.
  async #makeVolumes() {
    for (let n = 0; n < this.volumes; n++) {
      const path = join(this.#volumesFolder, String(n));
      mkdirSync(path, { recursive: true });
      chownSync(path, BUILDER, BUILDER);
      await this.cluster.ask('POST', '/api/v1/persistentvolumes', {
        metadata: { name: `${this.namespace}-${n}` },
        spec: {
          capacity: { storage: '5Gi' },
          accessModes: ['ReadWriteOnce'],
          storageClassName: this.namespace,
          persistentVolumeReclaimPolicy: 'Retain',
          hostPath: { path, type: 'Directory' },
          claimRef: { namespace: this.namespace, name: `cooperage-cache-${n}` },
        },
      });
    }
  }
  get #volumesFolder() {
    return join(this.cluster.folder, 'volumes', this.namespace);
  }

  /** Takes away what a volume lies on: no node can mount it any more. */
  breakVolume(n) {
    rmSync(join(this.#volumesFolder, String(n)), { recursive: true });
  }

  /** Pods of this world that run now, or are still to. */
  async builds() {
    return (await this.pods()).filter(({ status }) => !['Succeeded', 'Failed'].includes(status.phase));
  }

  pods(job) {
    return this.cluster.list('pods', this.namespace, job && `cooperage.io/job=${hex(job)}`);
  }

  /** The one pod of a job, once it is there and as `condition` wants it. */
  pod(job, what = 'there', condition = () => true) {
    return until(`the pod of job ${job.id} to be ${what}`, async () => (await this.pods(job)).find(condition));
  }

  /** The Job object of a job. */
  job(job) {
    return this.cluster.get('jobs', this.namespace, `cooperage-job-${hex(job)}`);
  }

  /** Kills the one builder that runs, without a word, as a node does that runs out of memory. */
  async killBuilder() {
    const pods = await this.builds();
    if (pods.length !== 1) throw new Error(`one builder was to run, not ${pods.length}`);
    process.kill(firstProcess(pods[0].metadata.uid), 'SIGKILL');
  }

  /** Jobs, pods and Secrets are gone, and no volume is held. */
  async assertNothingLeft() {
    const left = async () => {
      const names = [];
      for (const kind of ['jobs', 'pods', 'secrets']) names.push(...(await this.cluster.list(kind, this.namespace)).map(({ metadata }) => `${kind}/${metadata.name}`));
      const held = (await this.cluster.list('persistentvolumeclaims', this.namespace)).filter(({ metadata }) => metadata.annotations?.['cooperage.io/job']);
      return [...names, ...held.map(({ metadata }) => `persistentvolumeclaims/${metadata.name} held by ${metadata.annotations['cooperage.io/job']}`)];
    };
    await until('everything of the test to be gone from the cluster', async () => (await left()).length === 0, { timeout: 30_000, every: 500 }).catch(async () => assert.deepEqual(await left(), [], 'left on the cluster'));
  }

  async stop() {
    if (process.env.COOPERAGE_TEST_KEEP) return;
    await this.cluster.ask('DELETE', `/api/v1/namespaces/${this.namespace}`, { propagationPolicy: 'Background' });
    await until('the pods of the namespace to be gone', async () => (await this.pods()).length === 0, { timeout: 60_000 });
    for (let n = 0; n < this.volumes; n++) await this.cluster.ask('DELETE', `/api/v1/persistentvolumes/${this.namespace}-${n}`, {});
    rmSync(this.#volumesFolder, { recursive: true, force: true });
  }
}

/** The image that builds run in, in the registry of the bed. */
export function builderImage() {
  const image = process.env.COOPERAGE_TEST_BUILDER_IMAGE;
  if (!image) throw new Error('COOPERAGE_TEST_BUILDER_IMAGE names no image: scripts/kubernetes.sh up prints it');
  return image;
}

/** The job's id as it stands in names and labels of the cluster. */
export const hex = (job) => job.id.slice(job.id.indexOf('_') + 1);

/** The process of this machine that is the first one of the container that runs now in a pod. */
function firstProcess(uid) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`pod${uid}`)) continue;
      const isFirst = /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      if (isFirst && !readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/pause')) return Number(pid);
    } catch {
      // it has ended
    }
  }
  throw new Error(`no container of pod ${uid} runs on this machine`);
}
