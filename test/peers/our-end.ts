/**
 * Our end of an exchange: a connection of our client or of our server. The server has its own listener, or is attached to an HTTP server.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConnectionOptions as TlsConnectionOptions, TlsOptions } from 'node:tls';
import {
  type Connection,
  type ConnectionHandlers,
  connect,
  type ServerHandlers,
  type UpgradeRequest,
  WebSocketServer,
} from '../../src/index.ts';
import { type End, type Ending, Inbox, type Message, type OpenOptions, Pongs } from './end.ts';

/** Our connection, and the data that it has received. */
export class OurEnd implements End {
  /** This property is set when the connection is open. */
  connection!: Connection<OurEnd>;
  /** The request, if this end is a server. */
  request: UpgradeRequest | null = null;
  /** The number of received frames without FIN. */
  fragments = 0;
  drains = 0;
  /** The size of the last received message on the wire, after compression. */
  wireSize = 0;
  readonly pings: string[] = [];
  readonly errors: Error[] = [];
  readonly inbox: Inbox = new Inbox();
  readonly pongs: Pongs = new Pongs();

  get subprotocol(): string {
    return this.connection.subprotocol;
  }

  get closed(): Promise<Ending> {
    return this.inbox.closed;
  }

  send(message: Message): void {
    this.connection.send(message);
  }

  sendFragments(message: Message, size: number): void {
    this.connection.send(message, { fragmentSize: size });
  }

  ping(payload: string): Promise<string> {
    return this.pongs.expect(payload, () => this.connection.ping(Buffer.from(payload)));
  }

  close(code?: number, reason?: string): void {
    this.connection.close(code, reason);
  }

  abort(): void {
    this.connection.terminate();
  }

  next(): Promise<Message> {
    return this.inbox.next();
  }
}

export const handlers: ConnectionHandlers<OurEnd> = {
  open(connection) {
    connection.data.connection = connection;
  },
  message({ data }, message, _isBinary, wireSize) {
    data.wireSize = wireSize;
    data.inbox.push(message);
  },
  fragment({ data }) {
    data.fragments++;
  },
  ping({ data }, payload) {
    data.pings.push(payload.toString());
  },
  pong({ data }, payload) {
    data.pongs.push(payload.toString());
  },
  drain({ data }) {
    data.drains++;
  },
  error({ data }, error) {
    data.errors.push(error);
  },
  close({ data }, code, reason, wasClean) {
    data.inbox.end({ code, reason, wasClean });
  },
};

/** Our server for a single connection. */
export interface OurServer {
  readonly url: string;
  readonly server: WebSocketServer<OurEnd>;
  /** Resolves with the first connection. */
  readonly opened: Promise<OurEnd>;
  release(): Promise<void>;
}

export interface OurServerOptions extends OpenOptions {
  /** True if the server is attached to a `node:http` server. Otherwise it has its own listener. */
  readonly attached?: boolean;
  readonly tls?: TlsOptions;
  /** The host name in `url`. */
  readonly hostname?: string;
}

/** Header fields that our server adds to its 101 response. */
export const responseHeaders = { 'X-Answer': 'of the server', 'Set-Cookie': 'session=1; HttpOnly' };

export async function startOurServer(options: OurServerOptions = {}): Promise<OurServer> {
  const { maxMessageSize, ourMaxMessageSize = maxMessageSize, tls, hostname = '127.0.0.1' } = options;
  let onOpen: (end: OurEnd) => void = () => {};
  const opened = new Promise<OurEnd>((resolve) => {
    onOpen = resolve;
  });
  const serverHandlers: ServerHandlers<OurEnd> = {
    ...handlers,
    upgrade(request) {
      const data = new OurEnd();
      data.request = request;
      return { data, headers: responseHeaders };
    },
    open(connection) {
      connection.data.connection = connection;
      onOpen(connection.data);
    },
  };
  const server = new WebSocketServer(serverHandlers, {
    ...(options.subprotocols === undefined ? null : { subprotocols: options.subprotocols.supported }),
    ...(ourMaxMessageSize === undefined ? null : { maxMessageSize: ourMaxMessageSize }),
    ...(options.ourCompression === undefined ? null : { compression: options.ourCompression }),
  });
  let port: number;
  let http: Server | null = null;
  if (options.attached === true) {
    http = createServer();
    server.attach(http);
    await new Promise<void>((resolve) => http!.listen(0, '127.0.0.1', resolve));
    port = (http.address() as AddressInfo).port;
  } else {
    port = (await server.listen(tls === undefined ? {} : { tls })).port;
  }
  return {
    url: `${tls === undefined ? 'ws' : 'wss'}://${hostname}:${port}/path?query`,
    server,
    opened,
    async release() {
      for (const connection of [...server.connections]) connection.terminate();
      await server.shutdown();
      if (http !== null) await new Promise((resolve) => http!.close(resolve));
    },
  };
}

/** Connects our client. */
export async function connectOurs(
  url: string,
  options: OpenOptions & { readonly tls?: TlsConnectionOptions } = {},
): Promise<OurEnd> {
  const { subprotocols, headers, maxMessageSize, ourMaxMessageSize = maxMessageSize, tls } = options;
  const end = new OurEnd();
  await connect<OurEnd>(url, {
    handlers,
    data: end,
    ...(subprotocols === undefined ? null : { subprotocols: subprotocols.offered }),
    ...(headers === undefined ? null : { headers }),
    ...(ourMaxMessageSize === undefined ? null : { maxMessageSize: ourMaxMessageSize }),
    ...(options.ourCompression === undefined ? null : { compression: options.ourCompression }),
    ...(tls === undefined ? null : { tls }),
  });
  return end;
}
