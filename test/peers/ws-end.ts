/** The package `ws` as a peer, both as client and as server. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { type End, type Ending, Inbox, type Message, type OpenOptions, Pongs, partsOf } from './end.ts';

export class WsEnd implements End {
  readonly socket: WebSocket;
  /**
   * The header fields that this end received. A server receives the fields of the request. A client receives the fields of the 101
   * response.
   */
  headers: Readonly<Record<string, string | string[] | undefined>> = {};
  readonly pings: string[] = [];
  readonly errors: Error[] = [];
  readonly #inbox = new Inbox();
  readonly #pongs = new Pongs();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary) => this.#inbox.push(isBinary ? data : data.toString()));
    socket.on('ping', (payload) => this.pings.push(payload.toString()));
    socket.on('pong', (payload) => this.#pongs.push(payload.toString()));
    socket.on('upgrade', ({ headers }) => {
      this.headers = headers;
    });
    // The 'close' event follows, and it has the code.
    socket.on('error', (error) => this.errors.push(error));
    socket.on('close', (code, reason) => this.#inbox.end({ code, reason: reason.toString() }));
  }

  get subprotocol(): string {
    return this.socket.protocol;
  }

  get closed(): Promise<Ending> {
    return this.#inbox.closed;
  }

  send(message: Message): void {
    this.socket.send(message);
  }

  sendFragments(message: Message, size: number): void {
    const parts = partsOf(message, size);
    const binary = typeof message !== 'string';
    for (const [index, part] of parts.entries()) {
      this.socket.send(part, { binary, fin: index === parts.length - 1 });
    }
  }

  ping(payload: string): Promise<string> {
    return this.#pongs.expect(payload, () => this.socket.ping(payload));
  }

  close(code?: number, reason?: string): void {
    this.socket.close(code, reason);
  }

  abort(): void {
    this.socket.terminate();
  }

  next(): Promise<Message> {
    return this.#inbox.next();
  }
}

/** Connects a client of `ws` with its default options. So the client offers permessage-deflate. */
export async function connectWs(
  url: string,
  options: OpenOptions & Pick<ClientOptions, 'ca'> = {},
): Promise<WsEnd> {
  const { subprotocols, headers, maxMessageSize, ca } = options;
  const end = new WsEnd(
    new WebSocket(url, [...(subprotocols?.offered ?? [])], {
      ...(headers === undefined ? null : { headers }),
      ...(maxMessageSize === undefined ? null : { maxPayload: maxMessageSize }),
      ...(ca === undefined ? null : { ca }),
      ...(options.peerCompression === undefined ? null : { perMessageDeflate: options.peerCompression }),
    }),
  );
  await once(end.socket, 'open');
  return end;
}

/** A server of `ws` for a single connection. */
export interface WsServer {
  readonly url: string;
  /** Resolves with the first connection. */
  readonly opened: Promise<WsEnd>;
  release(): Promise<void>;
}

export async function startWs(options: OpenOptions & { readonly tls?: TlsOptions } = {}): Promise<WsServer> {
  const { subprotocols, maxMessageSize, tls } = options;
  const common = {
    ...(options.peerCompression === undefined ? null : { perMessageDeflate: options.peerCompression }),
    ...(maxMessageSize === undefined ? null : { maxPayload: maxMessageSize }),
    handleProtocols: (offered: Set<string>) =>
      [...offered].find((name) => subprotocols?.supported.includes(name) === true) ?? (false as const),
  };
  let https: Server | null = null;
  let server: WebSocketServer;
  if (tls === undefined) {
    server = new WebSocketServer({ ...common, host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
  } else {
    https = createServer(tls);
    server = new WebSocketServer({ ...common, server: https });
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
  }
  const { port } = server.address() as AddressInfo;
  const opened = new Promise<WsEnd>((resolve) => {
    server.once('connection', (socket, request) => {
      const end = new WsEnd(socket);
      end.headers = request.headers;
      resolve(end);
    });
  });
  return {
    url: `${tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}/path?query`,
    opened,
    async release() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
      if (https !== null) await new Promise((resolve) => https!.close(resolve));
    },
  };
}
