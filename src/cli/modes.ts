/** Implements the two modes of `rfc6455 serve`: the server sends each message back, or sends it to all clients. */

import type { ServerHandlers, ServerOptions, WebSocketServer } from '../index.ts';

/** Says what a server does with messages, and in which form it receives text. */
export interface Mode {
  readonly handlers: ServerHandlers<undefined, string | Buffer>;
  readonly text: NonNullable<ServerOptions['text']>;
}

/** Sends each message back unchanged: a text message as text, and a binary message as binary. */
export const echo: Mode = {
  // Text is checked to be UTF-8, but neither decoded nor encoded again.
  text: 'bytes',
  handlers: {
    message(connection, message, isBinary) {
      if (isBinary) connection.send(message);
      else connection.sendText(message as Buffer);
    },
  },
};

/**
 * Sends each message unchanged to all clients, including its sender. The sender is included because a browser cannot send pings: so the user
 * of a browser sees the round-trip time. The other clients are notified when a client comes or goes, in lines that start with `* `.
 */
export function chat(server: () => Pick<WebSocketServer, 'broadcast' | 'connections'>): Mode {
  return {
    text: 'string',
    handlers: {
      open(connection) {
        const { size } = server().connections;
        server().broadcast(`* a client joined, ${size} here`, connection);
      },
      message(_connection, message) {
        server().broadcast(message);
      },
      close() {
        server().broadcast(`* a client left, ${server().connections.size} here`);
      },
    },
  };
}
