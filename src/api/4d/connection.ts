/**
 * Implements the members of `WebSocketConnection`: the connection of one client to a `WebSocketServer`. link.ts handles the events of the
 * native connection. The exported class `WebSocketConnection` is in server.ts, because its types need server.ts.
 */

import type { DataType, Sendable } from './data.ts';
import { Link, type TerminateOptions, terminateArguments } from './link.ts';
import type { Worker } from './worker.ts';

/** The states of a server's connection. 4D: WebSocketConnection, `.status`. */
export type ConnectionStatus = 'Connected' | 'Closing' | 'Closed';

/** A connection of a server. `Server` is the type of the server. */
export class ServerConnection<Server extends { readonly dataType: DataType }, Handler extends object> {
  readonly #wss: Server;
  readonly #handler: Handler;
  readonly #link: Link;

  /** @internal Only the library calls this constructor. @param own receives the `Link` of the new connection */
  constructor(wss: Server, handler: Handler, worker: Worker, own: (link: Link) => void) {
    this.#wss = wss;
    this.#handler = handler;
    this.#link = new Link(handler, this, wss.dataType, worker, 'connection', null);
    own(this.#link);
  }

  /** The handler that `onConnection` returned. 4D: WebSocketConnection, `.handler`. */
  get handler(): Handler {
    return this.#handler;
  }

  /** The number of this connection, which is unique in the process. The first number is 1. 4D: WebSocketConnection, `.id`. */
  get id(): number {
    return this.#link.id;
  }

  /** The state of the connection. 4D: WebSocketConnection, `.status`. */
  get status(): ConnectionStatus {
    return this.#link.status as ConnectionStatus;
  }

  /** The server that the connection belongs to. 4D: WebSocketConnection, `.wss`. */
  get wss(): Server {
    return this.#wss;
  }

  /**
   * Sends a message. The type of the argument decides whether the message is text or binary. The server's dataType has no effect. 4D:
   * WebSocketConnection, `.send()`.
   * @returns false if the status is not "Connected" before or after the call. In this case, the message is lost. In 4D, `.send()` returns
   * nothing.
   * @throws {TypeError} for a function, or for an object that JSON cannot represent, such as an object with a cycle
   */
  send(message: Sendable): boolean {
    return this.#link.send(message);
  }

  /**
   * Closes the connection. With a code from 3001 to 4999, the client receives the code and the message. Otherwise the client receives 1000
   * and no message. 4D: WebSocketConnection, `.terminate()`.
   * @param code a close code, or an object `{ code, message }`
   * @param message is cut to 123 bytes
   */
  terminate(code?: number | TerminateOptions | null, message?: string | null): void {
    const given = terminateArguments(code, message);
    // C61: 4D says "must be > 3000, otherwise the message isn't sent". The codes of §7.4.2 end at 4999.
    const isSent = Number.isInteger(given.code) && given.code! > 3000 && given.code! < 5000;
    if (isSent) this.#link.close(given.code!, given.reason);
    else this.#link.close(1000, '');
  }
}
