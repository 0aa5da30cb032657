// One installation for a test file: registry, server, base image, conda channel, all fresh and on ports of their own, on the
// engine and the database that COOPERAGE_TEST_ENGINE (local, kubernetes) and COOPERAGE_TEST_DATABASE (sqlite, postgres) name.
// `stop` fails when anything is left behind.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from './api.js';
import { Channel } from './channel.js';
import { database as databaseNamed } from './database.js';
import { KubernetesEngine } from './engine-kubernetes.js';
import { LocalEngine } from './engine-local.js';
import { Gate } from './gate.js';
import { mountsOf, processesOf } from './leftovers.js';
import { baseLayout, freePort, program, root, run, uv } from './machine.js';
import { start } from './process.js';
import { Registry } from './registry.js';
import { until } from './wait.js';

export const SECRET = 'local-registry';

/** The engine that tests run on where they do not choose. */
export const engineName = process.env.COOPERAGE_TEST_ENGINE ?? 'local';
/** The database that tests run on where they do not choose. */
export const databaseName = process.env.COOPERAGE_TEST_DATABASE ?? 'sqlite';

const ENGINES = { local: LocalEngine, kubernetes: KubernetesEngine };

export class World {
  /**
   * `settings`: further COOPERAGE_… variables. `catalogue`: put the base image and its pull secret into it.
   * `engine`, `database`: where the test is about one of them; `volumes`: the number of cache volumes on Kubernetes.
   * `prepare(world)` comes before the server.
   */
  static async start({ settings = {}, catalogue = true, engine = engineName, database = databaseName, volumes, prepare } = {}) {
    if (!ENGINES[engine]) throw new Error(`COOPERAGE_TEST_ENGINE is local or kubernetes, not ${engine}`);
    const world = new World();
    world.gates = [];
    world.folder = mkdtempSync(join(tmpdir(), 'cooperage-test-'));
    world.data = join(world.folder, 'data');
    mkdirSync(join(world.folder, 'home'));
    try {
      world.database = await databaseNamed(database).start(world);
      world.engine = await ENGINES[engine].start(world, { volumes });
      world.registry = await Registry.start(join(world.folder, 'registry'));
      world.channel = await Channel.start();
      world.base = await world.registry.putLayout(baseLayout, 'base/debian', '12');
      const port = await freePort();
      world.url = `http://127.0.0.1:${port}`;
      writeFileSync(join(world.folder, 'registry-password'), world.registry.password, { mode: 0o600 });
      world.environment = {
        PATH: process.env.PATH,
        HOME: join(world.folder, 'home'),
        LANG: 'C.UTF-8',
        ...(process.env.SSL_CERT_FILE && { SSL_CERT_FILE: process.env.SSL_CERT_FILE, COOPERAGE_BUILD_CA_BUNDLE: process.env.SSL_CERT_FILE }),
        COOPERAGE_LISTEN: `127.0.0.1:${port}`,
        COOPERAGE_DELIVERY_LISTEN: `127.0.0.1:${await freePort()}`,
        COOPERAGE_DATA_DIR: world.data,
        COOPERAGE_REGISTRY_HOST: world.registry.host,
        COOPERAGE_REGISTRY_PREFIX: 'images',
        COOPERAGE_REGISTRY_USERNAME: world.registry.username,
        COOPERAGE_REGISTRY_PASSWORD_FILE: join(world.folder, 'registry-password'),
        COOPERAGE_REGISTRY_INSECURE: 'true',
        COOPERAGE_BUILD_UV: uv,
        COOPERAGE_CONDA_CHANNELS: 'conda-forge',
        COOPERAGE_CONDA_CHANNEL_ALIAS: world.channel.alias,
        COOPERAGE_PIP_EXTRA_INDEX_URLS: world.channel.pipIndex,
        ...world.database.settings,
        ...world.engine.settings,
        ...settings,
      };
      await prepare?.(world);
      await world.up();
      if (catalogue) await world.fillCatalogue();
    } catch (error) {
      await world.abandon();
      throw error;
    }
    return world;
  }

  /** Starts the server, or starts it again over the same data. */
  async up() {
    this.server = start(program, ['serve'], { log: join(this.folder, 'server.log'), env: this.environment, cwd: this.folder });
    await until('the server to be ready', async () => {
      if (!this.server.running) throw Object.assign(new Error(`the server ended:\n${this.server.log().slice(-4000)}`), { fatal: true });
      return (await fetch(`${this.url}/readyz`)).status === 200;
    });
    this.api = new Api(this.url, this.environment.COOPERAGE_TOKEN ?? readFileSync(join(this.data, 'token'), 'utf8').trim());
  }

  async fillCatalogue() {
    const { host, username, password } = this.registry;
    await this.api.mutate('createPullSecret', 'PullSecretInput', { name: SECRET, host, username, password }, 'pullSecret { id }');
    await this.api.mutate(
      'createBaseImage',
      'BaseImageInput',
      { name: 'debian', displayName: 'Debian with Python', description: 'Made for the tests', type: 'UNIVERSAL', url: this.base, pullSecret: SECRET },
      'baseImage { id }',
    );
  }

  /** A gate of this world: it ends with it, also when a test fails before it could open it. */
  async gate() {
    const gate = await Gate.start();
    this.gates.push(gate);
    return gate;
  }

  /** An input for create; packages as { apt, conda, pip }. */
  spec(name, packages = {}, more = {}) {
    return { name, baseImage: this.base, pullSecret: SECRET, packages: { apt: [], conda: [], pip: [], ...packages }, ...more };
  }

  /** Creates a spec and waits for its job's success. */
  async build(name, packages, more) {
    const { job } = await this.api.create(this.spec(name, packages, more));
    return this.api.untilStatus(job.id, 'SUCCEEDED');
  }

  /**
   * A base image whose every apt step runs `script` (a shell script) first: the way for a test to stand inside a RUN step.
   * Its log lines are the script's output.
   */
  hookedBase(tag, script) {
    return this.registry.derive(this.base, 'base/hooked', tag, {
      files: {
        'etc/apt/apt.conf.d/90test-hook': 'DPkg::Pre-Invoke { "/bin/sh /opt/test-hook"; };\n',
        'opt/test-hook': `set -eu\n${script}\n`,
      },
    });
  }

  /**
   * A base image of a shell alone, whose apt steps install nothing and run `script`, which fails where a command does: for
   * builds that cost next to nothing. Each is another image: the registry stumbles where one is read and pushed at once.
   */
  lightBase(tag, script) {
    const program = (text) => ({ text, mode: 0o755 });
    const shell = program(readFileSync('/bin/busybox'));
    const files = { 'bin/busybox': shell, 'bin/sh': shell, 'bin/apt-get': program(`#!/bin/sh -eu\ncase " $* " in *" install "*) ;; *) exit 0 ;; esac\n${script}\n`), 'etc/tag': tag, 'tmp/empty': '' };
    return this.registry.make('base/light', tag, files, { Env: ['PATH=/bin'] });
  }

  /** Pulls an image and runs a command in it, as its own user would; returns what it prints. */
  async runIn(image, ...command) {
    const store = join(this.folder, 'check');
    const buildah = (...args) => run('buildah', ['--root', store, '--runroot', join(this.folder, 'check-run'), '--storage-driver', 'overlay', ...args]);
    const { username, password } = this.registry;
    const { stdout: container } = await buildah('from', '--quiet', '--tls-verify=false', '--creds', `${username}:${password}`, image);
    try {
      return (await buildah('run', '--isolation', 'chroot', container.trim(), '--', ...command)).stdout;
    } finally {
      await buildah('rm', container.trim());
    }
  }

  /** `cooperage` with the server's settings. */
  command(...args) {
    return run(program, args, { env: this.environment, cwd: this.folder, maxBuffer: 1 << 26 });
  }

  /** What builds of this world run now: processes on the local engine, pods on Kubernetes. */
  builds() {
    return this.engine.builds();
  }

  /** Waits until nothing of a build runs any more. */
  untilBuildsEnded(options) {
    return until('what builds run to be gone', async () => (await this.builds()).length === 0, options);
  }

  /** Ends everything; fails when jobs are not terminal, or processes or mounts are left. */
  async stop() {
    const problems = [];
    const attempt = async (action) => {
      try {
        await action();
      } catch (error) {
        problems.push(error);
      }
    };
    await attempt(() => this.#assertJobsEnded());
    for (const gate of this.gates) await attempt(() => gate.stop());
    await attempt(() => this.engine.assertNothingLeft());
    await attempt(() => this.server.stop('SIGINT'));
    for (const part of ['engine', 'database']) {
      await attempt(() => this[part].stop());
      this[part] = null;
    }
    await attempt(() => this.registry.stop());
    await attempt(() => this.channel.stop());
    await attempt(() => until('all processes of the test to be gone', () => processesOf(this.folder).length === 0, { timeout: 5_000 }).catch(() => assert.deepEqual(processesOf(this.folder), [], 'processes left behind')));
    await attempt(() => assert.deepEqual(mountsOf(this.folder), [], 'mounts left behind'));
    await this.abandon();
    if (problems.length > 0) throw new AggregateError(problems, problems.map(({ message }) => message).join('\n'));
  }

  async #assertJobsEnded() {
    if (!this.server.running) await this.up();
    const going = [];
    for (const { name } of await this.api.specs()) {
      const { imageSpec } = await this.api.query('query($name: String!) { imageSpec(name: $name) { jobs(first: 50) { nodes { number status } } } }', { name });
      going.push(...imageSpec.jobs.nodes.filter(({ status }) => ['QUEUED', 'RUNNING'].includes(status)).map((job) => ({ name, ...job })));
    }
    assert.deepEqual(going, [], 'jobs left running');
  }

  /** Ends whatever is there, by its own id, and removes the folder. */
  async abandon() {
    for (const program of [this.server, this.registry?.process]) if (program?.running) await program.stop('SIGKILL').catch(() => {});
    for (const gate of this.gates) await gate.stop().catch(() => {});
    for (const part of [this.engine, this.database]) await part?.stop().catch((error) => console.error(error));
    await this.channel?.stop().catch(() => {});
    for (const { pid } of processesOf(this.folder)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    }
    for (const point of mountsOf(this.folder).reverse()) await run('umount', ['-l', point]).catch(() => {});
    if (process.env.COOPERAGE_TEST_KEEP) console.error(`kept: ${this.folder}`);
    else rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export { root };
