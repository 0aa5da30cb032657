// The Helm chart: what it renders, what it refuses, and that a server installed by it builds images.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Api } from '../../harness/api.js';
import { Cluster } from '../../harness/cluster.js';
import { builderImage } from '../../harness/engine-kubernetes.js';
import { baseLayout, freePort, root } from '../../harness/machine.js';
import { allows } from '../../harness/network-policy.js';
import { Registry } from '../../harness/registry.js';
import { until } from '../../harness/wait.js';

const chart = join(root, 'deploy/chart');
const REPLICATED = ['replicas=3', 'database.urlSecret=database'];
const EVERYTHING = [
  ...REPLICATED, 'publicUrl=https://images.example.org', 'registry.host=registry.example.org', 'registry.credentialsSecret=registry', 'token.existingSecret=token',
  'secretKey.existingSecret=key', 'builds.cache.volumes=3', 'builds.caConfigMap=ca', 'caConfigMap=ca', 'builds.nodeSelector.pool=builds', 'builds.imagePullSecrets={one,two}',
  'builds.security.userNamespaces=true', 'builds.security.seccompProfile=Localhost/cooperage.json', 'builds.security.appArmorProfile=Unconfined',
  'builds.security.seLinuxType=container_engine_t', 'builds.tolerations[0].key=builds', 'builds.tolerations[0].operator=Exists', 'ingress.enabled=true',
  'ingress.host=images.example.org', 'ingress.tlsSecret=tls', 'serviceMonitor.enabled=true', 'settings.PIP_INDEX_URL=https://pypi.example.org/simple',
  'networkPolicy.builds.apiServer={203.0.113.7}', 'podAnnotations.a=b', 'builds.podMetadata.annotations.a=b', 'listenAddress=[::]', 'podSecurityContext.runAsUser=null', 'service.annotations.a=b', 'serviceAccount.annotations.a=b',
];
const set = (values) => values.flatMap((value) => [/^extraEnv.*value=/.test(value) ? '--set-string' : '--set', value]);

describe('the chart', () => {
  let cluster;
  let namespace;
  before(async () => {
    cluster = Cluster.find();
    namespace = `chart-${randomBytes(4).toString('hex')}`;
    // The server's own pod asks for nothing that the strictest level refuses.
    await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
  });
  after(() => cluster.ask('DELETE', `/api/v1/namespaces/${namespace}`));

  /** The objects that the chart makes of some values. */
  async function render(values) {
    const { stdout } = await cluster.helm('template', 'cooperage', chart, '--namespace', namespace, ...set(values));
    const file = join(mkdtempSync(join(tmpdir(), 'cooperage-chart-')), 'objects.yaml');
    try {
      writeFileSync(file, stdout);
      const { stdout: json } = await cluster.kubectl('create', '--dry-run=client', '--validate=false', '--output', 'json', '--filename', file);
      return { file, yaml: stdout, objects: parseStream(json) };
    } finally {
      rmSync(join(file, '..'), { recursive: true });
    }
  }
  /** kubectl prints one JSON object after the other. */
  const parseStream = (text) => JSON.parse(`[${text.trim().replaceAll(/^\}\n\{$/gm, '},\n{')}]`).flatMap((one) => (one.kind === 'List' ? one.items : [one]));

  test('passes helm lint', async () => {
    await cluster.helm('lint', '--strict', chart);
    await cluster.helm('lint', '--strict', chart, ...set(EVERYTHING));
  });

  for (const [what, values] of [['the defaults', []], ['replicas on PostgreSQL', REPLICATED], ['every value set', EVERYTHING]]) {
    test(`with ${what}, makes objects that the apiserver takes`, async () => {
      await serviceMonitors(cluster);
      const { objects } = await render(values);
      assert.ok(objects.length >= 10, `${objects.length} objects`);
      for (const object of objects) await dryRun(object);
      // The Deployment's pod is judged as a pod, for a namespace refuses pods and not Deployments.
      const { metadata, spec } = objects.find(({ kind }) => kind === 'Deployment').spec.template;
      await until("the namespace's account", () => cluster.get('serviceaccounts', namespace, 'default'));
      await dryRun({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'server' }, spec: { ...spec, serviceAccountName: 'default' } });
      const kinds = objects.map(({ kind }) => kind);
      assert.equal(kinds.includes('PodDisruptionBudget'), values.length > 0);
      assert.equal(kinds.includes('PersistentVolumeClaim'), values.length === 0, 'a volume for SQLite only');
    });
  }
  const dryRun = async (object) => {
    const file = join(mkdtempSync(join(tmpdir(), 'cooperage-chart-')), 'object.json');
    try {
      writeFileSync(file, JSON.stringify(object));
      await cluster.kubectl('create', '--dry-run=server', '--validate=strict', '--namespace', namespace, '--filename', file);
    } finally {
      rmSync(join(file, '..'), { recursive: true });
    }
  };

  test('refuses values that it does not know, and those that cannot work', async () => {
    const refusal = async (...values) => {
      const error = await cluster.helm('template', 'cooperage', chart, ...set(values)).then(() => null, (error) => error);
      assert.ok(error, `${values} is taken`);
      return error.stderr;
    };
    assert.match(await refusal('replica=2'), /replica/);
    assert.match(await refusal('builds.cache.volumes=many'), /volumes/);
    assert.match(await refusal('builds.security.seccompProfile=cooperage.json'), /seccompProfile/);
    assert.match(await refusal('replicas=2'), /needs PostgreSQL/);
    assert.match(await refusal('ingress.enabled=true'), /ingress\.host/);
    assert.match(await refusal('builds.maxParallel=1001'), /maxParallel/);
    assert.match(await refusal('publicUrl=https://example.org/images'), /publicUrl/);
    assert.match(await refusal('settings.KUBERNETES_INSTANCE=other'), /settings\.KUBERNETES_INSTANCE/);
  });

  test('gives the server its settings as they were written', async () => {
    const environment = async (values) => {
      const { objects } = await render(values);
      const { env } = objects.find(({ kind }) => kind === 'Deployment').spec.template.spec.containers[0];
      return Object.fromEntries(env.map(({ name, value }) => [name, value]));
    };
    const given = await environment(['settings.LOG_MAX_BYTES=536870912', 'settings.LOG=debug', 'ingress.enabled=true', 'ingress.host=images.example.org', 'caConfigMap=ca']);
    assert.equal(given.COOPERAGE_LOG_MAX_BYTES, '536870912');
    assert.equal(given.COOPERAGE_LOG, 'debug');
    assert.equal(given.COOPERAGE_PUBLIC_URL, 'http://images.example.org', "the ingress's name is let in");
    assert.equal(given.SSL_CERT_DIR, '/etc/cooperage/ca');
    assert.equal((await environment(EVERYTHING)).COOPERAGE_PUBLIC_URL, 'https://images.example.org');
    assert.equal((await environment([])).COOPERAGE_PUBLIC_URL, undefined);
  });

  test("holds no secret's value but those that it makes itself", async () => {
    const { objects } = await render(EVERYTHING);
    assert.deepEqual(objects.filter(({ kind }) => kind === 'Secret'), []);
    const own = (await render([])).objects.filter(({ kind }) => kind === 'Secret');
    assert.deepEqual(own.map(({ metadata }) => metadata.name).sort(), ['cooperage-key', 'cooperage-token']);
    assert.match(Buffer.from(own.find(({ metadata }) => metadata.name === 'cooperage-key').data.key, 'base64').toString(), /^[0-9a-f]{64}$/);
  });

  test('lets a build reach the internet and the port that takes logs, and neither apiserver, metadata address nor web port', async () => {
    const { objects } = await render(EVERYTHING);
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const server = { address: '10.1.2.3', namespace, labels: objects.find(({ kind }) => kind === 'Deployment').spec.template.metadata.labels, ports: { http: 8080, delivery: 8081 } };
    const build = { address: '10.1.2.4', namespace, labels: { 'app.kubernetes.io/name': 'cooperage', 'app.kubernetes.io/component': 'build', 'app.kubernetes.io/instance': 'cooperage' } };
    const ingress = { address: '10.1.9.9', namespace: 'ingress', labels: { app: 'ingress' } };
    const outside = (address) => ({ address });
    const may = (from, to, port) => allows(policies, from, to, port);
    assert.equal(may(build, server, 8081), true, 'logs');
    assert.equal(may(build, outside('198.51.100.20'), 443), true, 'a package index');
    assert.equal(may(build, { address: '10.96.0.10', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }, 53), true, 'names');
    assert.equal(may(build, server, 8080), false, 'web port');
    assert.equal(may(build, outside('10.96.0.1'), 443), false, 'apiserver by its Service');
    assert.equal(may(build, outside('203.0.113.7'), 443), false, 'apiserver by its own address');
    assert.equal(may(build, outside('169.254.169.254'), 80), false, 'metadata');
    assert.equal(may(build, outside('fd00:ec2::254'), 80), false, 'metadata by IPv6');
    assert.equal(may(build, outside('168.63.129.16'), 80), false, "Azure's");
    const byDefault = (await render([])).objects.filter(({ kind }) => kind === 'NetworkPolicy');
    for (const [address, port] of [['10.96.0.1', 443], ['169.254.169.254', 80], ['168.63.129.16', 80]]) assert.equal(allows(byDefault, build, outside(address), port), false, address);
    assert.equal(allows(byDefault, build, outside('198.51.100.20'), 443), true, 'a package index, by default');
    assert.equal(may(build, { address: '10.1.2.9', namespace: 'other', labels: {} }, 5432), false, 'other pods');
    assert.equal(may(ingress, build, 22), false, 'nobody reaches a build');
    assert.equal(may(ingress, server, 8080), true, 'people');
    assert.equal(may(ingress, server, 8081), false, 'only builds deliver');
    assert.equal(may({ ...build, labels: { ...build.labels, 'app.kubernetes.io/instance': 'another' } }, server, 8081), false, "another installation's builds");
  });
});

/** The kind of the Prometheus operator, as far as the chart uses it. */
async function serviceMonitors(cluster) {
  const text = (properties) => ({ type: 'object', properties });
  const string = { type: 'string' };
  const strings = { type: 'object', additionalProperties: string };
  const name = 'servicemonitors.monitoring.coreos.com';
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  if (await cluster.ask('GET', `${path}/${name}`)) return;
  await cluster.ask('POST', path, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { plural: 'servicemonitors', singular: 'servicemonitor', kind: 'ServiceMonitor' },
      versions: [{
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: text({
            spec: {
              ...text({
                selector: text({ matchLabels: strings }),
                namespaceSelector: text({ matchNames: { type: 'array', items: string } }),
                endpoints: { type: 'array', items: text({ port: string, path: string, interval: string }) },
              }),
              required: ['endpoints', 'selector'],
            },
          }),
        },
      }],
    },
  });
  await until('the kind ServiceMonitor', async () => (await cluster.ask('GET', '/apis/monitoring.coreos.com/v1'))?.resources.length > 0);
}

describe('a server installed by the chart', () => {
  const release = 'images';
  let cluster;
  let namespace;
  let folder;
  let registry;
  let api;
  before(() => install().catch(async (error) => {
    await clear().catch((further) => console.error(further));
    throw error;
  }));
  after(() => clear());

  async function install() {
    cluster = Cluster.find();
    namespace = `install-${randomBytes(4).toString('hex')}`;
    folder = mkdtempSync(join(tmpdir(), 'cooperage-install-'));
    await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    registry = await Registry.start(join(folder, 'registry'));
    await cluster.create('secrets', namespace, { metadata: { name: 'registry' }, stringData: { username: registry.username, password: registry.password } });
    const authority = process.env.SSL_CERT_FILE;
    if (authority) await cluster.create('configmaps', namespace, { metadata: { name: 'site-ca' }, data: { 'ca.crt': readFileSync(authority, 'utf8') } });
    // Nothing provisions volumes here.
    const path = join(cluster.folder, 'volumes', namespace);
    mkdirSync(path, { recursive: true });
    chownSync(path, 1000, 1000);
    await cluster.ask('POST', '/api/v1/persistentvolumes', {
      metadata: { name: namespace },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: namespace, persistentVolumeReclaimPolicy: 'Retain', hostPath: { path, type: 'Directory' } },
    });
    const [http, delivery] = [await freePort(), await freePort()];
    const apiserver = new URL(cluster.server);
    const image = process.env.COOPERAGE_TEST_SERVER_IMAGE;
    await cluster.helm('install', release, chart, '--namespace', namespace, '--wait', '--timeout', '90s', ...set([
      'hostNetwork=true', `ports.http=${http}`, `ports.delivery=${delivery}`, `image.repository=${image.slice(0, image.lastIndexOf(':'))}`, `image.tag=${image.slice(image.lastIndexOf(':') + 1)}`,
      `builds.image=${builderImage()}`, 'builds.security.seccompProfile=Localhost/cooperage.json', 'builds.resources.requests.cpu=100m', 'builds.resources.ephemeralStorage=10Gi',
      ...(authority ? ['builds.caConfigMap=site-ca'] : []), `registry.host=${registry.host}`, 'registry.insecure=true', 'registry.credentialsSecret=registry', 'registry.prefix=team',
      `database.volume.storageClass=${namespace}`, 'database.volume.size=1Gi',
      // There are no Services here, so the apiserver is where it is.
      'extraEnv[0].name=KUBERNETES_SERVICE_HOST', `extraEnv[0].value=${apiserver.hostname}`, 'extraEnv[1].name=KUBERNETES_SERVICE_PORT', `extraEnv[1].value=${apiserver.port}`,
    ])).catch(async (error) => {
      const { stdout } = await cluster.kubectl('describe', 'pods', '--namespace', namespace);
      const logs = await cluster.kubectl('logs', '--namespace', namespace, '--selector', 'app.kubernetes.io/component=server', '--tail=50').catch(({ message }) => ({ stdout: message }));
      throw new Error(`${error.message}\n${stdout}\n${logs.stdout}`);
    });
    const secret = await cluster.get('secrets', namespace, `${release}-cooperage-token`);
    api = new Api(`http://127.0.0.1:${http}`, Buffer.from(secret.data.token, 'base64').toString());
  }

  async function clear() {
    await registry?.stop();
    if (api) await cluster.helm('uninstall', release, '--namespace', namespace, '--wait', '--timeout', '60s');
    const left = async () => (await Promise.all(['jobs', 'pods', 'deployments', 'roles', 'rolebindings'].map((kind) => cluster.list(kind, namespace)))).flat().map(({ metadata }) => metadata.name);
    // helm does not wait for the pods of what it removes.
    const remains = await until('all of it to be gone', async () => (await left()).length === 0).then(() => [], left);
    await cluster.ask('DELETE', `/api/v1/namespaces/${namespace}`);
    await cluster.ask('DELETE', `/api/v1/persistentvolumes/${namespace}`, {}).catch(({ status }) => assert.equal(status, 404));
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(remains, []);
  }

  const build = async (name, baseImage) => {
    const { job } = await api.create({ name, baseImage, pullSecret: 'registry', packages: { apt: ['jq'], conda: [], pip: ['six'] } });
    return api.untilStatus(job.id, 'SUCCEEDED');
  };

  test('builds an image, keeps what it knows over an upgrade, and leaves only what is kept on purpose', async () => {
    const base = await registry.putLayout(baseLayout, 'base/debian', '12');
    await api.mutate('createPullSecret', 'PullSecretInput', { name: 'registry', host: registry.host, username: registry.username, password: registry.password }, 'pullSecret { id }');
    const first = await build('first', base);
    assert.match(first.image, new RegExp(`^${registry.host}/team/first:`));
    assert.equal(await registry.digest(first.image), first.digest);
    const key = async () => (await cluster.get('secrets', namespace, `${release}-cooperage-key`)).data.key;
    const before = await key();
    await cluster.helm('upgrade', release, chart, '--namespace', namespace, '--reuse-values', '--wait', '--timeout', '90s', '--set', 'podAnnotations.turn=second');
    assert.equal(await key(), before, 'the key is the same');
    const renamed = cluster.helm('upgrade', release, chart, '--namespace', namespace, '--reuse-values', '--set', 'secretKey.key=other');
    await assert.rejects(renamed, ({ stderr }) => /images-cooperage-key has no key other/.test(stderr), 'the key is not thrown away');
    assert.equal(await key(), before, 'the key is the same after a refused upgrade');
    assert.equal((await api.job(first.id)).status, 'SUCCEEDED');
    assert.match(await api.log(first), /\[cooperage\]/);
    await build('second', base);
    await until('the Jobs to be cleared away', async () => (await cluster.list('jobs', namespace)).length === 0);
  });
});
