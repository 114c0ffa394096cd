/**
 * A request in the form that handshake/ uses, together with its socket. Node makes a system call to find the address of the peer, and then
 * keeps the address in memory until the socket closes. So we read the address only when it is needed.
 */

import { Socket } from 'node:net';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';

/** An object with the address of the peer. It is a socket of node:net or node:tls, or an object that replaces a socket. */
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

  /** @param secure true if the connection uses TLS */
  constructor(head: Omit<HandshakeRequest, 'remote'>, socket: Addressed, secure: boolean) {
    this.method = head.method;
    this.target = head.target;
    this.httpVersion = head.httpVersion;
    this.headers = head.headers;
    this.#socket = socket;
    this.#secure = secure;
    // A socket of Node still has the address later. Any other object might lose the address, so we read the address now.
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
