// Builds as processes of this machine, below the server's data folder.
import { processesOf } from './leftovers.js';

export class LocalEngine {
  static async start(world) {
    const engine = new LocalEngine();
    engine.world = world;
    engine.settings = {};
    return engine;
  }

  /** What builds of this world run now. */
  async builds() {
    return processesOf(this.world.data).filter(({ pid }) => pid !== this.world.server.pid);
  }

  /** Kills the one builder that runs, without a word. */
  async killBuilder() {
    const agents = (await this.builds()).filter(({ command }) => /\bbuild --job /.test(command));
    const first = agents.find(({ ppid }) => !agents.some(({ pid }) => pid === ppid));
    if (!first) throw new Error('no builder runs');
    process.kill(first.pid, 'SIGKILL');
  }

  /** Processes and mounts are looked for by the world itself. */
  async assertNothingLeft() {}

  async stop() {}
}
