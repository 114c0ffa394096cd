/**
 * A request in the form that handshake/ reads, together with the socket that it arrived on. Reading the address of the other end costs a
 * system call, and memory until the socket closes. So the address is read only if it is needed.
 */

import { Socket } from 'node:net';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';

/** An object with the address of the other end: a socket of node:net or node:tls, or a replacement for one. */
export type Addressed = Partial<Pick<Socket, 'remoteAddress' | 'remotePort'>>;

/** A request, and the socket that it arrived on. */
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
    // A socket of Node still has the address later. Any other object may lose the address, so we read it now.
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
