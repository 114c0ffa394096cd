/**
 * Listens on TCP or TLS without an HTTP server. Accepts sockets, and begins an opening handshake on each socket (RFC 6455 §4.2, §10.6).
 * handshake/http-head.ts parses the head of the request. upgrade.ts performs the handshake.
 */

import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { refuse } from '../handshake/error.ts';
import { HttpHeadParser } from '../handshake/http-head.ts';
import { answerUnavailable } from './lingering.ts';
import { type PlaceOptions, toPlace } from './listen-place.ts';
import type { PathPattern } from './path-pattern.ts';
import { ReceivedRequest } from './received-request.ts';
import type { Slots } from './slot.ts';
import { type HeadReader, ServerHandshake } from './upgrade.ts';
import type { UpgradeHost, UpgradeOrigin } from './upgrade-host.ts';

/** The options of `listen`. */
export interface ListenOptions extends PlaceOptions {
  /** The port; 0 stands for any free port. @default 0 */
  readonly port?: number | undefined;
  /** The address or the host name to bind. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** The family of the address to use for a host name. @default the family of the first address */
  readonly family?: 4 | 6 | undefined;
  /** If true, the listener does not keep the process alive. Connections still do. @default false */
  readonly unref?: boolean | undefined;
  /** If the signal aborts, the listener stops, or never becomes ready. Open connections stay open. */
  readonly signal?: AbortSignal | undefined;
  /** The path of a Unix domain socket or Windows pipe. It is used instead of host and port. */
  readonly path?: string | undefined;
  /** The options of `tls.createServer`, such as certificate and key. If they are present, the listener serves wss. */
  readonly tls?: TlsOptions | undefined;
}

/** A listener that is ready. */
export interface Listener {
  /** The bound address, or the path of the Unix socket. */
  readonly address: AddressInfo | string;
  /** Whether the listener uses TLS. */
  readonly secure: boolean;
  /** Stops accepting connections. The promise resolves when all handshakes and connections have ended. */
  close(): Promise<void>;
  /** Destroys the sockets that `close` still waits for. Most of their peers still read the answer to a refused handshake. */
  terminate(): void;
}

// If no slot (slot.ts) is free, we complete at most this many TLS handshakes at a time, only to answer 503. We destroy all further sockets.
const MAX_UNAVAILABLE_ANSWERS = 64;

/**
 * Starts a listener, which passes the sockets that it accepts to `host`.
 * @param path the path that is served; requests for other paths get 404
 * @param onStopped called when `signal` stops the listener after it was ready
 * @returns a promise that resolves when the listener is ready. It rejects with the system's error, such as EADDRINUSE, or with the signal's
 *   reason
 */
export async function listen<Context, Result>(
  options: ListenOptions,
  host: UpgradeHost<Context, Result>,
  path: PathPattern,
  onStopped: (listener: Listener) => void,
): Promise<Listener> {
  const { signal } = options;
  signal?.throwIfAborted();
  const address = await resolveHost(options);
  signal?.throwIfAborted();
  const acceptor = new Acceptor(host, path);
  const server = options.tls === undefined ? acceptor.listenPlain() : acceptor.listenSecurely(options.tls);
  await bind(server, options, address);
  if (options.unref === true) server.unref();
  // Accepting may fail for some time, for example if no file descriptor is free. We ignore the error, and the listener continues.
  server.on('error', () => {});
  const listener: Listener = {
    address: server.address()!,
    secure: options.tls !== undefined,
    close: () =>
      new Promise((done) => {
        signal?.removeEventListener('abort', stop);
        server.close(() => done());
      }),
    terminate: () => {
      acceptor.terminate();
    },
  };
  function stop(): void {
    server.close();
    onStopped(listener);
  }
  signal?.addEventListener('abort', stop, { once: true });
  return listener;
}

/** Binds a server. The promise rejects with the system's error, or with the reason of `signal`. */
function bind(server: Server, options: ListenOptions, host: string): Promise<void> {
  const { port = 0, path, signal } = options;
  return new Promise((resolve, reject) => {
    const where = toPlace(path === undefined ? { port, host } : { path }, options);
    function onAbort(): void {
      settle();
      // If Node is still looking up the host name, Node binds the port later, in spite of `close`. So we close the server again then.
      server.on('error', () => {});
      server.on('listening', () => server.close());
      server.close();
      reject(signal?.reason);
    }
    function onError(error: Error): void {
      settle();
      reject(error);
    }
    function settle(): void {
      server.off('error', onError);
      server.off('listening', onListening);
      signal?.removeEventListener('abort', onAbort);
    }
    function onListening(): void {
      settle();
      resolve();
    }
    server.on('error', onError);
    server.on('listening', onListening);
    signal?.addEventListener('abort', onAbort);
    try {
      server.listen(where);
    } catch (error) {
      // `listen` throws if the port or the path is invalid.
      settle();
      reject(error);
    }
  });
}

/**
 * Returns the address to bind. @throws the system's error, such as ENOTFOUND, if the name `host` has no address of `family`. If `host` is
 * an address of the other family, the code is EAFNOSUPPORT
 */
async function resolveHost({ host = '127.0.0.1', family }: ListenOptions): Promise<string> {
  if (family === undefined) return host;
  const found = await lookup(host, { family });
  // `host` is an address, not a name: a lookup cannot change its family.
  if (found.family !== family) {
    throw Object.assign(new Error(`${host} is not an IPv${family} address`), { code: 'EAFNOSUPPORT' });
  }
  return found.address;
}

/** Accepts sockets for a host. Takes a slot (slot.ts), establishes TLS if the listener uses TLS, and reads the head of the request. */
class Acceptor<Context, Result> {
  readonly #host: UpgradeHost<Context, Result>;
  readonly #origin: UpgradeOrigin<Result>;
  readonly #slots: Slots;
  /** The sockets that receive 503 because no slot (slot.ts) was free. */
  readonly #refused = new Set<Socket>();

  constructor(host: UpgradeHost<Context, Result>, path: PathPattern) {
    this.#host = host;
    this.#origin = { path };
    this.#slots = host.slots.part();
  }

  listenPlain(): Server {
    // The socket's own high-water mark is small. So a connection that is not read holds little memory; see `HeldBack`.
    return createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 4096 }, (socket) => {
      if (this.#admit(socket)) this.#readRequest(socket, this.#handshake(socket, true), false);
      else this.#answerUnavailable(socket);
    });
  }

  /** Destroys every socket that this listener accepted. */
  terminate(): void {
    for (const socket of this.#slots.sockets) socket.destroy();
    for (const socket of this.#refused) socket.destroy();
  }

  listenSecurely(tls: TlsOptions): Server {
    // A handshake begins with the TCP socket. When TLS is established, Node reports another socket for the same connection. This map finds
    // the handshake by `connectionKey`, which is equal for both sockets.
    const pending = new Map<string, ServerHandshake<Context, Result>>();
    let unavailable = 0;
    const server = createTlsServer({
      // A TLS client cannot negotiate another protocol on this port (RFC 7301). This prevents cross-protocol attacks.
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: Math.min(this.#host.handshakeTimeout, 2_147_483_647),
      ...tls,
      // `allowHalfOpen` becomes true at 'secureConnection'. If it were true earlier, we would not notice that a peer leaves.
      allowHalfOpen: false,
    });
    server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      const key = connectionKey(socket);
      if (!this.#admit(socket)) {
        this.#watchRefused(socket);
        // A socket without an address is destroyed: at 'secureConnection', we could not distinguish it from a socket that was admitted.
        if (key === null || ++unavailable > MAX_UNAVAILABLE_ANSWERS) socket.destroy();
        if (key !== null) socket.once('close', () => unavailable--);
        return;
      }
      if (key === null) return;
      const handshake = this.#handshake(socket, false);
      pending.set(key, handshake);
      socket.once('close', () => {
        if (pending.get(key) === handshake) pending.delete(key);
      });
    });
    // §4.2.2 (1): if the TLS handshake fails, the server closes the connection. No answer can be sent.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('secureConnection', (socket: TLSSocket) => {
      // §7.1.1: after the peer's FIN we may still have to send a Close frame, so we set `allowHalfOpen` now. During the TLS handshake, it
      // is false. Otherwise, a client that leaves would hold its socket until the deadline.
      socket.allowHalfOpen = true;
      const key = connectionKey(socket);
      if (key === null) {
        // This is a Unix domain socket, for which no handshake was started yet. The deadline of the TLS handshake has ended. The new
        // opening handshake has its own deadline.
        this.#readRequest(socket, this.#handshake(socket, true), true);
        return;
      }
      const handshake = pending.get(key);
      pending.delete(key);
      if (handshake === undefined || handshake.isSettled) {
        this.#answerUnavailable(socket);
        return;
      }
      handshake.moveTo(socket);
      this.#readRequest(socket, handshake, true);
    });
    return server;
  }

  /** Takes a slot (slot.ts) for a new socket. @returns false if the server is closing or no slot is free */
  #admit(socket: Socket): boolean {
    if (!this.#host.isClosing && this.#slots.take(socket)) return true;
    this.#host.refused(refuse('WS_HANDSHAKE_UNAVAILABLE'), null);
    return false;
  }

  #handshake(socket: Socket, speaksHttp: boolean): ServerHandshake<Context, Result> {
    return new ServerHandshake(socket, this.#host, this.#origin, speaksHttp);
  }

  #answerUnavailable(socket: Socket): void {
    this.#watchRefused(socket);
    answerUnavailable(socket);
  }

  #watchRefused(socket: Socket): void {
    this.#refused.add(socket);
    socket.on('close', () => this.#refused.delete(socket));
  }

  /** Reads the head of the request, and passes the request and the bytes after it to the handshake. */
  #readRequest(socket: Socket, handshake: ServerHandshake<Context, Result>, secure: boolean): void {
    handshake.readHead(new RequestReader(socket, handshake, secure));
  }
}

/** The handshake that the request belongs to. */
type Requested = Pick<ServerHandshake<unknown, unknown>, 'receive' | 'refuse'>;

/** Reads the head of one request, which may come in chunks of any size. */
class RequestReader implements HeadReader {
  readonly #parser = new HttpHeadParser('request');
  readonly #socket: Socket;
  readonly #handshake: Requested;
  readonly #secure: boolean;

  constructor(socket: Socket, handshake: Requested, secure: boolean) {
    this.#socket = socket;
    this.#handshake = handshake;
    this.#secure = secure;
  }

  push(chunk: Buffer): void {
    const parser = this.#parser;
    let request: ReceivedRequest;
    try {
      const head = parser.push(chunk);
      if (head === null) return;
      request = new ReceivedRequest(head, this.#socket, this.#secure);
    } catch (error) {
      this.#handshake.refuse(error);
      return;
    }
    this.#handshake.receive(request, parser.rest());
  }
}

/**
 * Returns a text that identifies a TCP connection: the addresses and ports of its two ends. No other connection has the same two ends.
 * Returns null if the ends have no address; this is so for Unix domain sockets.
 */
function connectionKey(socket: Socket): string | null {
  if (socket.remoteAddress === undefined) return null;
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}
