// The Kubernetes that the tests run on, which tests/kubernetes/up.sh brings up, and a small client of it that the product
// had no hand in.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, run } from './machine.js';
import { until } from './wait.js';

const KINDS = {
  configmaps: '/api/v1',
  events: '/api/v1',
  persistentvolumeclaims: '/api/v1',
  pods: '/api/v1',
  resourcequotas: '/api/v1',
  secrets: '/api/v1',
  serviceaccounts: '/api/v1',
  jobs: '/apis/batch/v1',
  deployments: '/apis/apps/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
};

export class Cluster {
  /** The bed that COOPERAGE_TEST_BED names. */
  static find() {
    const folder = process.env.COOPERAGE_TEST_BED;
    if (!folder || !existsSync(join(folder, 'environment'))) {
      throw new Error('COOPERAGE_TEST_BED names no Kubernetes. Start one and take over its settings: eval "$(scripts/kubernetes.sh up target/kubernetes | sed \'s/^/export /\')"');
    }
    const cluster = new Cluster();
    cluster.folder = folder;
    const settings = Object.fromEntries(readFileSync(join(folder, 'environment'), 'utf8').trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
    cluster.kubeconfig = settings.KUBECONFIG;
    cluster.registry = settings.COOPERAGE_TEST_BED_REGISTRY;
    cluster.programs = settings.COOPERAGE_TEST_KUBERNETES;
    cluster.server = readFileSync(cluster.kubeconfig, 'utf8').match(/server: "([^"]+)"/)[1];
    cluster.authority = readFileSync(join(folder, 'pki/apiserver.crt'), 'utf8');
    cluster.token = readFileSync(join(folder, 'pki/token'), 'utf8').trim();
    cluster.agent = new Agent({ ca: cluster.authority, keepAlive: false });
    return cluster;
  }

  /** The path of a kind in a namespace, or of one object of it. */
  static path(kind, namespace, name) {
    return `${KINDS[kind]}/namespaces/${namespace}/${kind}${name ? `/${name}` : ''}`;
  }

  /** The answer as JSON; one that is not a success is an error with its `status`, and null for 404 of a GET. */
  async ask(method, path, body, type = 'application/json') {
    const { status, text } = await this.#send(method, path, body, type);
    if (status === 404 && method === 'GET') return null;
    if (status >= 300) throw Object.assign(new Error(`the apiserver answers ${status} to ${method} ${path}: ${text.slice(0, 2000)}`), { status });
    return JSON.parse(text);
  }

  #send(method, path, body, type) {
    return new Promise((resolve, reject) => {
      const sent = request(this.server + path, { method, agent: this.agent, headers: { Authorization: `Bearer ${this.token}`, ...(body && { 'Content-Type': type }) } }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString('utf8') }));
      });
      sent.once('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  }

  async list(kind, namespace, selector = '') {
    const query = selector ? `?labelSelector=${encodeURIComponent(selector)}` : '';
    return (await this.ask('GET', Cluster.path(kind, namespace) + query)).items;
  }
  get(kind, namespace, name) {
    return this.ask('GET', Cluster.path(kind, namespace, name));
  }
  create(kind, namespace, object, query = '') {
    return this.ask('POST', Cluster.path(kind, namespace) + query, object);
  }
  delete(kind, namespace, name, options = {}) {
    return this.ask('DELETE', Cluster.path(kind, namespace, name), { propagationPolicy: 'Background', ...options });
  }
  patch(kind, namespace, name, patch) {
    return this.ask('PATCH', Cluster.path(kind, namespace, name), patch, 'application/merge-patch+json');
  }

  /** kubectl, as the administrator; a last object holds options of the process. */
  kubectl(...args) {
    const options = typeof args.at(-1) === 'object' ? args.pop() : {};
    return run(join(this.programs, 'kubectl'), args, { env: { PATH: process.env.PATH, HOME: this.folder, KUBECONFIG: this.kubeconfig }, maxBuffer: 1 << 28, ...options });
  }

  /** helm, as the administrator. */
  helm(...args) {
    return run(join(this.programs, 'helm'), args, { env: { PATH: process.env.PATH, HOME: this.folder, KUBECONFIG: this.kubeconfig }, maxBuffer: 1 << 28 });
  }

  /** Puts an OCI image layout into the registry that the node pulls from. */
  async putImage(layout, image) {
    await run('bash', [join(root, 'tests/kubernetes/images.sh'), this.folder, layout, image], { env: process.env });
    return `${this.registry}/${image}`;
  }

  /** The recorded process id of one of the bed's programs. */
  pid(program) {
    return Number.parseInt(readFileSync(join(this.folder, 'pid', program), 'utf8'), 10);
  }

  /** Kills one of the bed's programs, without a word. */
  async kill(program) {
    const pid = this.pid(program);
    process.kill(pid, 'SIGKILL');
    await until(`${program} to be gone`, () => !isAlive(pid));
  }

  /** Makes one of the bed's programs silent: its ports are open, and nothing answers. It can be killed all the same. */
  freeze(program) {
    process.kill(this.pid(program), 'SIGSTOP');
  }

  /** Starts again what has ended of the bed. */
  async up() {
    await run('bash', [join(root, 'tests/kubernetes/up.sh'), this.folder], { env: { ...process.env, COOPERAGE_TEST_KUBERNETES: this.programs } });
  }

  /**
   * A second node that takes no pods and only says that it is well: where every node is silent, Kubernetes holds the network to
   * be at fault and takes no pod away. Ends by `stop`.
   */
  async companion() {
    const name = `companion-${randomBytes(4).toString('hex')}`;
    const lease = () => ({ metadata: { name }, spec: { holderIdentity: name, leaseDurationSeconds: 8, renewTime: new Date().toISOString().replace('Z', '000Z') } });
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    await this.ask('POST', '/api/v1/nodes', { metadata: { name }, spec: { unschedulable: true } });
    await this.ask('POST', path, lease());
    const now = new Date().toISOString();
    const conditions = [{ type: 'Ready', status: 'True', reason: 'Companion', message: 'it is well', lastHeartbeatTime: now, lastTransitionTime: now }];
    await this.ask('PATCH', `/api/v1/nodes/${name}/status`, { status: { conditions } }, 'application/merge-patch+json');
    let failure = null;
    const timer = setInterval(() => this.ask('PATCH', `${path}/${name}`, lease(), 'application/merge-patch+json').catch((error) => (failure = error)), 2_000);
    return {
      stop: async () => {
        clearInterval(timer);
        await this.ask('DELETE', `${path}/${name}`);
        await this.ask('DELETE', `/api/v1/nodes/${name}`);
        if (failure) throw failure;
      },
    };
  }

  /** Hears of the objects of a kind from now on, until `stop()`; of all of them as long as `isOpen()`. */
  async watch(kind, namespace, each) {
    const { metadata } = await this.ask('GET', Cluster.path(kind, namespace));
    const path = `${Cluster.path(kind, namespace)}?watch=true&timeoutSeconds=10800&resourceVersion=${metadata.resourceVersion}`;
    return new Promise((resolve, reject) => {
      const sent = request(this.server + path, { agent: this.agent, headers: { Authorization: `Bearer ${this.token}` } }, (answer) => {
        let isOpen = answer.statusCode === 200;
        answer.once('close', () => (isOpen = false));
        // Read without a word of its errors: that it has closed says as much.
        createInterface({ input: answer }).on('line', (line) => each(JSON.parse(line))).on('error', () => {});
        resolve({ stop: () => sent.destroy(), isOpen: () => isOpen });
      });
      sent.once('error', reject);
      sent.on('error', () => {});
      sent.end();
    });
  }

  /** What service accounts of a namespace asked so far: "verb group/resource" to whether it was allowed each time. */
  asked(namespace) {
    const found = new Map();
    for (const line of readFileSync(join(this.folder, 'log/audit.log'), 'utf8').split('\n')) {
      if (!line.includes(`system:serviceaccount:${namespace}:`)) continue;
      const { verb, objectRef, annotations, responseStatus } = JSON.parse(line);
      if (!objectRef) continue;
      const { apiGroup = '', resource, subresource } = objectRef;
      const what = `${verb} ${apiGroup}/${resource}${subresource ? `/${subresource}` : ''}`;
      const allowed = annotations?.['authorization.k8s.io/decision'] === 'allow';
      found.set(what, { allowed: allowed && (found.get(what)?.allowed ?? true) });
      // A patch that makes its object is asked for the right to create, too.
      if (verb === 'patch' && responseStatus?.code === 201) found.set(what.replace('patch', 'create'), { allowed: true });
    }
    return found;
  }
}

function isAlive(pid) {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
