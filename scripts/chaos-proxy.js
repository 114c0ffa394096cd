/** A TCP proxy between the clients and the server of scripts/chaos-4d.js. It cuts connections, and delays bytes. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class CuttingProxy {
  /** The port of the server. 0 means that there is no server. Then the proxy accepts each connection and closes it at once. */
  target = 0;
  port = 0;
  #server = createServer({ allowHalfOpen: true }, (socket) => this.#onClient(socket));
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #random;

  /** @param {{ pick<T>(list: readonly T[]): T | undefined }} random */
  constructor(random) {
    this.#random = random;
  }

  /** @param {{ pick<T>(list: readonly T[]): T | undefined }} random */
  static async start(random) {
    const proxy = new CuttingProxy(random);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    const address = proxy.#server.address();
    proxy.port = typeof address === 'object' && address !== null ? address.port : 0;
    return proxy;
  }

  /** @param {import('node:net').Socket} client */
  #onClient(client) {
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ]) {
      if (one === undefined || other === undefined) continue;
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroySoon();
      });
      one.pipe(other);
    }
  }

  /** Resets one connection, which is chosen at random. */
  cut() {
    const socket = this.#random.pick([...this.#sockets]);
    if (socket === undefined) return;
    // If we have already ended our side of the socket, the operating system refuses to reset it (EINVAL), and Node 20 never exits.
    if (socket.connecting || socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }

  /** Delays the bytes of one direction of a random connection. @param {number} milliseconds */
  hold(milliseconds) {
    const socket = this.#random.pick([...this.#sockets]);
    if (socket === undefined) return;
    socket.pause();
    setTimeout(() => socket.resume(), milliseconds);
  }

  async stop() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
