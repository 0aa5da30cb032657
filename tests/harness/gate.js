// Holds builds at a point of the test's choosing: a RUN step asks the gate and waits for its answer.
import { createServer } from 'node:http';

export class Gate {
  static async start() {
    const gate = new Gate();
    gate.waiting = [];
    gate.arrivals = 0;
    gate.isOpen = false;
    gate.server = createServer((request, response) => {
      gate.arrivals += 1;
      if (gate.isOpen) response.end('open');
      else {
        gate.waiting.push(response);
        response.on('close', () => (gate.waiting = gate.waiting.filter((one) => one !== response)));
      }
    });
    gate.server.requestTimeout = 0;
    await new Promise((resolve) => gate.server.listen(0, '127.0.0.1', resolve));
    gate.url = `http://127.0.0.1:${gate.server.address().port}/`;
    return gate;
  }

  /** Shell words that wait here. */
  get wait() {
    return `python3 -c 'import urllib.request; urllib.request.build_opener(urllib.request.ProxyHandler({})).open("${this.url}").read()'`;
  }

  /** The same, on a base without Python. */
  get waitByWget() {
    return `busybox wget -q -O /dev/null ${this.url}`;
  }

  open() {
    this.isOpen = true;
    for (const response of this.waiting) response.end('open');
  }

  close() {
    this.isOpen = false;
  }

  async stop() {
    if (!this.server.listening) return;
    this.open();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
