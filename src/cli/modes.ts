/** Implements the two modes of `rfc6455 serve`: echo sends each message back, and chat sends each message to all clients. */

import type { ServerHandlers, ServerOptions, WebSocketServer } from '../index.ts';

/** The handlers of a server, and the form in which its `message` handler receives text. */
export interface Mode {
  readonly handlers: ServerHandlers<undefined, string | Buffer>;
  readonly text: NonNullable<ServerOptions['text']>;
}

/** Sends each message back unchanged: a text message as text, and a binary message as binary. */
export const echo: Mode = {
  // With 'bytes', the library checks that a text is UTF-8, but does not decode the text. So the echo needs no encoding.
  text: 'bytes',
  handlers: {
    message(connection, message, isBinary) {
      if (isBinary) connection.send(message);
      else connection.sendText(message as Buffer);
    },
  },
};

/**
 * Sends each message unchanged to all clients, including its sender. A page in a browser cannot send pings, so the page measures how long
 * its message takes to come back. When a client joins or leaves, the other clients receive a line that starts with `* `.
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
