// A small conda channel over loopback HTTP, in place of conda-forge.
import { createServer } from 'node:http';
import { createReadStream, existsSync, mkdirSync, statSync, renameSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
    const base = await folder();
    channel.requests = [];
    channel.server = createServer((request, response) => {
      const path = join(base, normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)));
      channel.requests.push(request.url);
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

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
