// Several servers of one database, behind one port for the API and one for deliveries. Each may be killed, frozen and started
// again. A world of its own gives them database, engine and registry.
import { join } from 'node:path';
import { Api } from './api.js';
import { Balancer } from './balancer.js';
import { hex } from './engine-kubernetes.js';
import { freePort, program } from './machine.js';
import { start } from './process.js';
import { until } from './wait.js';
import { World } from './world.js';

export class Replicas {
  /** Starts `count` servers; `prepare(world)` comes before that, `options` are the world's. */
  static async start(count, { settings, prepare, ...options } = {}) {
    const replicas = new Replicas();
    replicas.servers = [];
    try {
      replicas.deliveries = await Balancer.start();
      replicas.front = await Balancer.start();
      // What replicas share.
      const shared = {
        COOPERAGE_TOKEN: 'the-token-of-every-replica-0123456789',
        COOPERAGE_SECRET_KEY: '07'.repeat(32),
        COOPERAGE_DELIVERY_URL: replicas.deliveries.url,
      };
      replicas.world = await World.start({ ...options, database: 'postgres', settings: { ...shared, ...settings } });
      await prepare?.(replicas.world);
      // From here on the world's own server is not needed until the end.
      await replicas.world.server.stop('SIGTERM');
      for (let n = 0; n < count; n++) replicas.servers.push(await replicas.#server(n));
      replicas.deliveries.ports = replicas.servers.map(({ delivery }) => delivery);
      replicas.front.ports = replicas.servers.map(({ port }) => port);
      await Promise.all(replicas.servers.map((server) => replicas.up(server)));
      replicas.api = new Api(replicas.front.url, shared.COOPERAGE_TOKEN);
    } catch (error) {
      await replicas.stop().catch(() => {});
      throw error;
    }
    return replicas;
  }

  async #server(n) {
    const { folder, environment } = this.world;
    const [port, delivery] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    return {
      n,
      port,
      delivery,
      url,
      api: new Api(url, environment.COOPERAGE_TOKEN),
      environment: {
        ...environment,
        COOPERAGE_LISTEN: `127.0.0.1:${port}`,
        COOPERAGE_DELIVERY_LISTEN: `127.0.0.1:${delivery}`,
        COOPERAGE_DATA_DIR: join(folder, `data-${n}`),
      },
    };
  }

  /** Starts a server, or starts it again. */
  async up(server) {
    const { folder } = this.world;
    server.process = start(program, ['serve'], { log: join(folder, `server-${server.n}.log`), env: server.environment, cwd: folder });
    await until(`server ${server.n} to be ready`, async () => {
      if (!server.process.running) throw Object.assign(new Error(`server ${server.n} ended:\n${server.process.log().slice(-4000)}`), { fatal: true });
      return (await fetch(`${server.url}/readyz`)).status === 200;
    });
  }

  /** SIGKILLs a server and starts it again. */
  async kill(server) {
    await server.process.stop('SIGKILL');
    await this.up(server);
  }

  /** The server that looks after a job, as the database has it: `{ owner, fence }`. */
  async holder(job) {
    return (await this.world.database.query(`SELECT lease_owner AS owner, fence FROM build_jobs WHERE id = '${hex(job)}'`))[0];
  }

  /** The ends of all logs of servers, for messages. */
  logs() {
    return this.servers.map(({ n, process }) => `server ${n}:\n${process.log().slice(-3000)}`).join('\n');
  }

  async stop() {
    try {
      for (const { process } of this.servers) if (process?.running) await process.stop('SIGTERM');
      await this.world?.stop();
    } finally {
      // They would keep the test's process alive.
      await this.front?.stop();
      await this.deliveries?.stop();
    }
  }
}
