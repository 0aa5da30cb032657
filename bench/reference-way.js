// Builds as the reference does: an empty store each time, no cache, `FROM`, `USER root`, apt-get, pip, `USER` again, and a
// push compressed by gzip. Written from its documented behaviour.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../tests/harness/machine.js';

/** Builds and pushes; returns the seconds it took. A failed build is an error unless `expectFailure`. */
export async function buildReferenceWay(world, name, { apt, pip }, { expectFailure = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'cooperage-bench-'));
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay'];
  const credentials = ['--tls-verify=false', '--creds', `${world.registry.username}:${world.registry.password}`];
  const quoted = (words) => words.map((word) => `'${word}'`).join(' ');
  writeFileSync(
    join(folder, 'Dockerfile'),
    `FROM ${world.benchBase}
USER root
RUN apt-get update && apt-get install -y --no-install-recommends ${quoted(apt)}
RUN pip install --break-system-packages ${quoted(pip)}
USER 0
`,
  );
  const image = `${world.registry.host}/reference/${name}:1`;
  const started = performance.now();
  try {
    await run('buildah', [...store, 'build', '--isolation', 'chroot', '--network', 'host', ...credentials, '--no-cache', '-t', image, folder], { maxBuffer: 1 << 26, env: environment(folder) });
    if (expectFailure) throw new Error(`${name} was to fail`);
    await run('buildah', [...store, 'push', ...credentials, '--compression-format', 'gzip', image], { maxBuffer: 1 << 26, env: environment(folder) });
  } catch (error) {
    if (!expectFailure || error.message.endsWith('was to fail')) throw error;
  } finally {
    var seconds = (performance.now() - started) / 1000;
    await run('buildah', [...store, 'rm', '--all']).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  }
  return seconds;
}

// Only what the build needs; and its own place for temporary files, so that nothing is shared between two builds.
function environment(folder) {
  return { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, ...(process.env.SSL_CERT_FILE && { SSL_CERT_FILE: process.env.SSL_CERT_FILE }) };
}
