// Where a world's server keeps its state.
import { chmodSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, root, run } from './machine.js';
import { start } from './process.js';
import { until } from './wait.js';

class Sqlite {
  static async start(world) {
    const database = new Sqlite();
    database.world = world;
    database.settings = {};
    return database;
  }

  /** Everything that is stored, as bytes. */
  async contents() {
    const files = readdirSync(this.world.data).filter((name) => name.startsWith('cooperage.db'));
    return Buffer.concat(files.map((name) => readFileSync(join(this.world.data, name))));
  }

  async stop() {}
}

/** A PostgreSQL of the world's own, run by scripts/postgres.sh. */
class Postgres {
  static async start(world) {
    const database = new Postgres();
    database.folder = join(world.folder, 'postgres');
    database.port = await freePort();
    chmodSync(world.folder, 0o711); // PostgreSQL runs as another user
    await database.up();
    const password = readFileSync(join(database.folder, 'password'), 'utf8').trim();
    database.url = `postgres://cooperage:${password}@127.0.0.1:${database.port}/postgres`;
    database.settings = { COOPERAGE_DATABASE_URL: database.url };
    return database;
  }

  /** Starts it, or starts it again over the same data. */
  async up() {
    this.process = start('bash', [script, 'run', this.folder, String(this.port)], { log: `${this.folder}.log` });
    await until('PostgreSQL', async () => {
      if (!this.process.running) throw Object.assign(new Error(this.process.log()), { fatal: true });
      await program('pg_isready', '-q', '-h', '127.0.0.1', '-p', String(this.port));
      return true;
    });
  }

  /** Ends it in the middle of what it does, and starts it again. */
  async restart() {
    await this.process.stop('SIGTERM');
    await this.up();
  }

  /** What one statement answers, each row as an object. */
  async query(statement) {
    const { stdout } = await program('psql', this.url, '--no-psqlrc', '--tuples-only', '--no-align', '--command', `SELECT coalesce(json_agg(row), '[]') FROM (${statement}) AS row`);
    return JSON.parse(stdout);
  }

  async contents() {
    return Buffer.from((await program('pg_dump', this.url)).stdout);
  }

  /** Carries out statements, beside the server. */
  async execute(statements) {
    await program('psql', '--quiet', '--set=ON_ERROR_STOP=1', '--command', statements, this.url);
  }

  async stop() {
    await this.process.stop('SIGTERM');
  }
}

const script = join(root, 'scripts/postgres.sh');
const program = (name, ...args) =>
  run('bash', ['-c', '. "$1"; shift; name=$1; shift; exec "$(postgres_programs)/$name" "$@"', 'bash', script, name, ...args], { maxBuffer: 1 << 28 });

const DATABASES = { sqlite: Sqlite, postgres: Postgres };

/** The class of a database, by its name. */
export function database(name) {
  if (!DATABASES[name]) throw new Error(`COOPERAGE_TEST_DATABASE is one of ${Object.keys(DATABASES).join(', ')}, not ${name}`);
  return DATABASES[name];
}
