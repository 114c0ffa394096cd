/** Servers and proxies that follow a script of the test. They send any bytes over TCP or TLS. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { acceptOf } from './wire.ts';

export interface ScriptedRequest {
  readonly socket: Socket;
  /** The head of the request, exactly as it arrived. */
  readonly head: string;
  /** The bytes that have arrived after the head. */
  readonly rest: Buffer;
  readonly key: string;
  /** Returns a correct answer to this request. */
  accept(extra?: string): string;
}

export interface Scripted {
  readonly port: number;
  /** The heads of all requests so far. */
  readonly requests: string[];
  /** The connections that are still open. */
  readonly open: ReadonlySet<Socket>;
  /** The number of connections so far. */
  readonly count: number;
}

const servers: { server: Server; sockets: Set<Socket> }[] = [];

export async function closeScripted(): Promise<void> {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Starts a server. It calls `connected` for each connection, and `script` for the head of each request. */
export async function scripted(
  script: (request: ScriptedRequest) => void,
  options: { tls?: TlsOptions; connected?: (socket: Socket) => void } = {},
): Promise<Scripted> {
  const sockets = new Set<Socket>();
  const open = new Set<Socket>();
  const requests: string[] = [];
  let count = 0;
  const onConnection = (socket: Socket): void => {
    count++;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    options.connected?.(socket);
    let received = Buffer.alloc(0);
    socket.on('data', function onData(chunk) {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', onData);
      const head = received.toString('latin1', 0, end + 4);
      requests.push(head);
      const key = /Sec-WebSocket-Key: (\S+)/.exec(head)?.[1] ?? '';
      script({
        socket,
        head,
        key,
        rest: received.subarray(end + 4),
        accept: (extra = '') =>
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${extra}\r\n`,
      });
    });
  };
  const server =
    options.tls === undefined
      ? createServer({ allowHalfOpen: true }, onConnection)
      : createTlsServer({ allowHalfOpen: true, ...options.tls }, onConnection);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ server, sockets });
  return {
    port: (server.address() as { port: number }).port,
    requests,
    open,
    get count() {
      return count;
    },
  };
}
