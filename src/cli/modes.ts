/** What `rfc6455 serve` does with messages: it sends each one back, or passes it on to all clients. */

import type { ServerHandlers, ServerOptions, WebSocketServer } from '../index.ts';

/** What a server does with messages, and in which form it receives text. */
export interface Mode {
  readonly handlers: ServerHandlers<undefined, string | Buffer>;
  readonly text: NonNullable<ServerOptions['text']>;
}

/** Each message goes back as it came: text as text, binary as binary. */
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
 * Each message goes unchanged to all clients, including its sender: a browser cannot ping, so this shows it the round-trip time. The
 * other clients are notified when a client comes or goes, in lines that start with `* `.
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
