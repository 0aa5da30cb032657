// A real registry with a password, and a small client of it that the product had no hand in.
import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { freePort } from './machine.js';
import { start } from './process.js';
import { until } from './wait.js';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export class Registry {
  static async start(folder) {
    const registry = new Registry();
    registry.folder = folder;
    registry.port = await freePort();
    registry.host = `127.0.0.1:${registry.port}`;
    registry.username = 'cooperage';
    registry.password = randomBytes(12).toString('hex');
    mkdirSync(folder, { recursive: true });
    const htpasswd = execFileSync('htpasswd', ['-inB', registry.username], { input: registry.password, stdio: ['pipe', 'pipe', 'ignore'] });
    writeFileSync(join(folder, 'htpasswd'), htpasswd);
    writeFileSync(join(folder, 'password'), registry.password, { mode: 0o600 });
    writeFileSync(
      join(folder, 'config.yml'),
      `version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: "${folder}/images" }, delete: { enabled: true } }
http: { addr: "${registry.host}" }
auth: { htpasswd: { realm: cooperage, path: "${folder}/htpasswd" } }
`,
    );
    await registry.up();
    return registry;
  }

  async up() {
    this.process = start('docker-registry', ['serve', join(this.folder, 'config.yml')], { log: join(this.folder, 'log') });
    await until('the registry', async () => {
      if (!this.process.running) throw Object.assign(new Error(this.process.log()), { fatal: true });
      return (await fetch(`http://${this.host}/v2/`)).status === 401;
    });
  }

  async stop() {
    await this.process.stop('SIGTERM');
  }

  /** Each push of a manifest by a tag that the registry has taken so far, as `repository:tag`. */
  pushes() {
    return [...this.process.log().matchAll(/"PUT \/v2\/(\S+)\/manifests\/([^\s:]+) HTTP\/[\d.]+" 201 /g)].map(([, repository, tag]) => `${repository}:${tag}`);
  }

  async request(path, options = {}) {
    const basic = Buffer.from(`${this.username}:${this.password}`).toString('base64');
    const url = path.startsWith('http') ? path : `http://${this.host}/v2/${path}`;
    return fetch(url, { ...options, headers: { Authorization: `Basic ${basic}`, ...options.headers } });
  }

  async #put(path, options) {
    const answer = await this.request(path, { method: 'PUT', ...options });
    if (answer.status !== 201) throw new Error(`the registry answers ${answer.status} to PUT ${path}: ${await answer.text()}`);
    return answer;
  }

  async putBlob(repository, bytes) {
    const begun = await this.request(`${repository}/blobs/uploads/`, { method: 'POST' });
    await this.#put(`${begun.headers.get('location')}&digest=${sha256(bytes)}`, {
      body: bytes,
      headers: { 'Content-Type': 'application/octet-stream' },
    });
    return { digest: sha256(bytes), size: bytes.length };
  }

  async putManifest(repository, tag, manifest) {
    const bytes = Buffer.from(JSON.stringify(manifest));
    await this.#put(`${repository}/manifests/${tag}`, { body: bytes, headers: { 'Content-Type': MANIFEST } });
    return sha256(bytes);
  }

  /** Pushes an OCI image layout; returns the reference. */
  async putLayout(layout, repository, tag) {
    const read = (digest) => readFileSync(join(layout, 'blobs/sha256', digest.slice('sha256:'.length)));
    const manifest = JSON.parse(read(JSON.parse(readFileSync(join(layout, 'index.json'))).manifests[0].digest));
    for (const blob of [manifest.config, ...manifest.layers]) await this.putBlob(repository, read(blob.digest));
    await this.putManifest(repository, tag, manifest);
    return `${this.host}/${repository}:${tag}`;
  }

  /**
   * Pushes a copy of `from` with one more layer and changed settings; returns its reference.
   * `files`: path → text, or { text, mode }; `config`: what changes in the image's config.
   */
  async derive(from, repository, tag, { files = {}, config = {} }) {
    const source = this.parse(from);
    const manifest = await this.manifest(from);
    const image = await this.config(from);
    if (Object.keys(files).length > 0) {
      const tar = this.#tar(files);
      const layer = await this.putBlob(repository, gzipSync(tar));
      manifest.layers.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...layer });
      image.rootfs.diff_ids.push(sha256(tar));
      image.history?.push({ created_by: 'test' });
    }
    image.config = { ...image.config, ...config };
    for (const layer of manifest.layers.slice(0, -1)) {
      const mounted = await this.request(`${repository}/blobs/uploads/?mount=${layer.digest}&from=${source.repository}`, { method: 'POST' });
      if (mounted.status !== 201) await this.putBlob(repository, await this.blob(source.repository, layer.digest));
    }
    if (Object.keys(files).length === 0) {
      const last = manifest.layers.at(-1);
      await this.request(`${repository}/blobs/uploads/?mount=${last.digest}&from=${source.repository}`, { method: 'POST' });
    }
    manifest.config = { ...manifest.config, ...(await this.putBlob(repository, Buffer.from(JSON.stringify(image)))) };
    await this.putManifest(repository, tag, manifest);
    return `${this.host}/${repository}:${tag}`;
  }

  /** Pushes an image of one layer with these files and nothing else; returns its reference. */
  async make(repository, tag, files, config) {
    const tar = this.#tar(files);
    const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...(await this.putBlob(repository, gzipSync(tar))) };
    const image = { architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: [sha256(tar)] }, history: [{ created_by: 'test' }] };
    const described = { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await this.putBlob(repository, Buffer.from(JSON.stringify(image)))) };
    await this.putManifest(repository, tag, { schemaVersion: 2, mediaType: MANIFEST, config: described, layers: [layer] });
    return `${this.host}/${repository}:${tag}`;
  }

  /** The names in a layer's archive. */
  async layerNames(repository, digest) {
    const tar = gunzipSync(await this.blob(repository, digest));
    return execFileSync('tar', ['-tf', '-'], { input: tar, maxBuffer: 1 << 28, encoding: 'utf8' }).trim().split('\n');
  }

  #tar(files) {
    const folder = mkdtempSync(join(this.folder, 'layer-'));
    for (const [path, file] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), file.text ?? file, { mode: file.mode ?? 0o644 });
    }
    const tar = execFileSync('tar', ['-C', folder, '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '-cf', '-', ...readdirSync(folder)], { maxBuffer: 1 << 28 });
    rmSync(folder, { recursive: true });
    return tar;
  }

  /** `host/repository:tag` or `…@digest` → its parts. */
  parse(reference) {
    const [, repository, tag] = reference.slice(this.host.length + 1).match(/^(.*?)[:@](sha256:.*|[^:@]*)$/);
    return { repository, tag };
  }

  async blob(repository, digest) {
    const answer = await this.request(`${repository}/blobs/${digest}`);
    if (!answer.ok) throw new Error(`the registry answers ${answer.status} for blob ${digest} of ${repository}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  async manifest(reference) {
    const { repository, tag } = this.parse(reference);
    const answer = await this.request(`${repository}/manifests/${tag}`, { headers: { Accept: MANIFEST } });
    if (!answer.ok) throw new Error(`the registry answers ${answer.status} for ${reference}`);
    return answer.json();
  }

  /** The digest that the registry answers for a reference, null when it has none. */
  async digest(reference) {
    const { repository, tag } = this.parse(reference);
    const answer = await this.request(`${repository}/manifests/${tag}`, { method: 'HEAD', headers: { Accept: MANIFEST } });
    return answer.ok ? answer.headers.get('docker-content-digest') : null;
  }

  async config(reference) {
    const manifest = await this.manifest(reference);
    return JSON.parse(await this.blob(this.parse(reference).repository, manifest.config.digest));
  }
}
