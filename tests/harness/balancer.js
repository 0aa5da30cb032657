// A TCP port in front of several servers: each connection goes to one that answers, and may be cut.
import { connect, createServer } from 'node:net';

export class Balancer {
  /** `ports`: those of the servers, on loopback; they may be told later. */
  static async start(ports = []) {
    const balancer = new Balancer();
    balancer.ports = ports;
    balancer.turn = 0;
    balancer.open = new Set();
    balancer.server = createServer((client) => balancer.#serve(client));
    await new Promise((resolve) => balancer.server.listen(0, '127.0.0.1', resolve));
    balancer.port = balancer.server.address().port;
    balancer.url = `http://127.0.0.1:${balancer.port}`;
    return balancer;
  }

  /** Joins a client to the first server, from the next in turn on, that takes the connection. */
  #serve(client, tried = 0) {
    const stop = () => client.destroy();
    if (tried === 0) {
      this.#keep(client);
      client.on('error', stop);
    }
    if (tried === this.ports.length) return stop();
    const server = connect(this.ports[this.turn++ % this.ports.length], '127.0.0.1');
    server.once('error', () => this.#serve(client, tried + 1));
    server.once('connect', () => {
      server.removeAllListeners('error');
      this.#keep(server);
      server.on('error', stop);
      server.on('close', stop);
      client.on('close', () => server.destroy());
      client.pipe(server).pipe(client);
    });
    return undefined;
  }

  #keep(socket) {
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
  }

  /** Cuts every connection that is open now; tells how many ends there were. */
  cut() {
    const ends = [...this.open];
    for (const end of ends) end.destroy();
    return ends.length;
  }

  async stop() {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
  }
}
