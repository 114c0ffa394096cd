/**
 * A request in the form that handshake/ reads, together with the socket that it came on. Reading the address of the other end costs a system
 * call, and memory until the socket closes. So the address is read only when the application asks for it.
 */

import { Socket } from 'node:net';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';

/** An object with an address: a socket of node:net or node:tls, or a substitute for one. */
export type Addressed = Partial<Pick<Socket, 'remoteAddress' | 'remotePort'>>;

/** A request, and the socket that it came from. */
export class ReceivedRequest implements HandshakeRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: readonly string[];
  readonly #socket: Addressed;
  readonly #secure: boolean;
  #remote: HandshakeRequest['remote'] | null = null;

  /** @param secure whether the connection is TLS */
  constructor(head: Omit<HandshakeRequest, 'remote'>, socket: Addressed, secure: boolean) {
    this.method = head.method;
    this.target = head.target;
    this.httpVersion = head.httpVersion;
    this.headers = head.headers;
    this.#socket = socket;
    this.#secure = secure;
    // Only Node's sockets are known to give the address later as well. From any other object we read the address now.
    if (!(socket instanceof Socket)) this.#remote = this.#find();
  }

  get remote(): HandshakeRequest['remote'] {
    this.#remote ??= this.#find();
    return this.#remote;
  }

  #find(): HandshakeRequest['remote'] {
    const { remoteAddress: address, remotePort: port } = this.#socket;
    return { address, port, secure: this.#secure };
  }
}
