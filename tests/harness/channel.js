// A small conda channel over loopback HTTP, in place of conda-forge.
import { createServer } from 'node:http';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { pyRattler, root, run } from './machine.js';

const script = join(root, 'tests/conda-channel/make_channel.py');

// Indexed once for each version of the script, beside py-rattler.
async function folder() {
  const hash = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 16);
  const kept = join(dirname(pyRattler), `conda-channel-${hash}`);
  if (!existsSync(kept)) {
    const part = `${kept}.part-${process.pid}`;
    mkdirSync(part, { recursive: true });
    await run('python3', [script, join(part, 'conda-forge')], { env: { ...process.env, PYTHONPATH: pyRattler } });
    renameSync(part, kept);
  }
  return kept;
}

export class Channel {
  static async start() {
    const channel = new Channel();
    channel.files = new Map();
    const base = await folder();
    channel.server = createServer((request, response) => {
      const made = channel.files.get(request.url);
      if (made) {
        response.writeHead(200, { 'Content-Type': made.type, 'Content-Length': made.bytes.length });
        response.end(request.method === 'HEAD' ? undefined : made.bytes);
        return;
      }
      const path = join(base, normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)));
      if (!path.startsWith(base) || !existsSync(path) || !statSync(path).isFile()) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'Content-Length': statSync(path).size });
      if (request.method === 'HEAD') response.end();
      else createReadStream(path).pipe(response);
    });
    await new Promise((resolve) => channel.server.listen(0, '127.0.0.1', resolve));
    channel.alias = `http://127.0.0.1:${channel.server.address().port}`;
    return channel;
  }

  /** An index of Python packages beside the channel. */
  get pipIndex() {
    return `${this.alias}/pip/simple/`;
  }

  /** Puts a source package into the index; files: path → text. */
  addSourcePackage(name, version, files) {
    const folder = mkdtempSync(join(tmpdir(), 'cooperage-sdist-'));
    try {
      const top = `${name}-${version}`;
      for (const [path, text] of Object.entries({ 'PKG-INFO': `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`, ...files })) {
        mkdirSync(join(folder, top, dirname(path)), { recursive: true });
        writeFileSync(join(folder, top, path), text);
      }
      const bytes = execFileSync('tar', ['-C', folder, '-czf', '-', top]);
      this.files.set(`/pip/${top}.tar.gz`, { type: 'application/gzip', bytes });
      const link = `<!DOCTYPE html><a href="/pip/${top}.tar.gz">${top}.tar.gz</a>`;
      this.files.set(`/pip/simple/${name}/`, { type: 'text/html', bytes: Buffer.from(link) });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
