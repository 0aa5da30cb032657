// Stands between servers and the Kubernetes apiserver and does, where told, what an apiserver in trouble does.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';

/** What the apiserver itself would say. */
const status = (code, reason, message) => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message });
const EXPIRED = status(410, 'Expired', 'too old resource version');
const TOO_MANY = status(429, 'TooManyRequests', 'the server has received too many requests and has asked us to try again later');

export class ApiServerProxy {
  /** `kubeconfig`: a file as JSON, with one cluster and one user with a token; `folder`: where the one that names the proxy goes. */
  static async start(kubeconfig, folder) {
    const { clusters, users, contexts } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    const { server, 'certificate-authority': authority } = clusters[0].cluster;
    const proxy = new ApiServerProxy();
    proxy.upstream = { url: new URL(server), ca: readFileSync(authority), token: users[0].user.token };
    proxy.pending = { 410: 0, 429: 0, EOF: 0 };
    proxy.injected = { 410: 0, 429: 0, EOF: 0 };
    proxy.watches = new Set();
    proxy.server = createServer((incoming, outgoing) => proxy.#pass(incoming, outgoing));
    proxy.server.requestTimeout = 0;
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.kubeconfig = join(folder, 'proxied-kubeconfig');
    const cluster = { server: `http://127.0.0.1:${proxy.server.address().port}` };
    const { namespace } = contexts[0].context;
    writeFileSync(
      proxy.kubeconfig,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'proxied',
        clusters: [{ name: 'proxied', cluster }],
        users: [{ name: 'proxied', user: {} }],
        contexts: [{ name: 'proxied', context: { cluster: 'proxied', user: 'proxied', namespace } }],
      }),
      { mode: 0o600 },
    );
    return proxy;
  }

  /**
   * Makes trouble once. 410: a watch, one that is open or else the next, is told that it is too old. 429: the next request is.
   * EOF: the next request is carried out, but its connection ends in place of the answer.
   */
  inject(fault) {
    this.pending[fault] += 1;
    const [watch] = this.watches;
    if (fault === '410' && watch) this.#expire(watch);
  }

  #takes(fault) {
    if (this.pending[fault] === 0) return false;
    this.pending[fault] -= 1;
    this.injected[fault] += 1;
    return true;
  }

  #expire(watch) {
    if (!this.#takes('410')) return;
    this.watches.delete(watch);
    watch.answer.unpipe(watch.outgoing);
    watch.outgoing.end(`${JSON.stringify({ type: 'ERROR', object: EXPIRED })}\n`);
  }

  #pass(incoming, outgoing) {
    if (this.#takes('429')) {
      outgoing.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': '1' }).end(JSON.stringify(TOO_MANY));
      return;
    }
    const isCut = this.#takes('EOF');
    const { url, ca, token } = this.upstream;
    const { 'accept-encoding': _, ...headers } = incoming.headers;
    const sent = { host: url.hostname, port: url.port, ca, method: incoming.method, path: incoming.url, headers: { ...headers, host: url.host, authorization: `Bearer ${token}` } };
    const forward = request(sent, (answer) => {
      if (isCut) {
        outgoing.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
      if (answer.statusCode === 200 && /[?&]watch=(true|1)\b/.test(incoming.url)) {
        const watch = { answer, outgoing };
        this.watches.add(watch);
        outgoing.once('close', () => this.watches.delete(watch));
        this.#expire(watch);
      }
    });
    forward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forward.destroy());
    incoming.pipe(forward);
  }

  async stop() {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
