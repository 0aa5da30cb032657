// What the tests need of this machine; scripts/test-env.sh finds or makes it.
import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const run = promisify(execFile);

const names = ['COOPERAGE_BIN', 'COOPERAGE_TEST_UV', 'COOPERAGE_TEST_BASE', 'COOPERAGE_TEST_PY_RATTLER', 'COOPERAGE_TEST_CHROMIUM'];

function find() {
  if (names.every((name) => process.env[name])) return process.env;
  const lines = execFileSync('bash', [`${root}/scripts/test-env.sh`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return Object.fromEntries(lines.trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
}
const found = find();

/** The server program under test. */
export const program = found.COOPERAGE_BIN;
/** The static uv that builds install Pip requirements with. */
export const uv = found.COOPERAGE_TEST_UV;
/** A base image, Debian with Python, as an OCI image layout. */
export const baseLayout = found.COOPERAGE_TEST_BASE;
/** PYTHONPATH of py-rattler. */
export const pyRattler = found.COOPERAGE_TEST_PY_RATTLER;
/** The browser. */
export const chromium = found.COOPERAGE_TEST_CHROMIUM;

/** A port on loopback that is free now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
