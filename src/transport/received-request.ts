/**
 * A request as handshake/ reads it, together with the socket that it came on. The address of the other end is a system call, and
 * memory for as long as the socket lives: it is looked up when the application asks.
 */

import { Socket } from 'node:net';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';

/** What has an address: a socket of node:net or node:tls, or what stands for one. */
export type Addressed = Partial<Pick<Socket, 'remoteAddress' | 'remotePort'>>;

/** A request, and where it came from. */
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
    // Only of Node's sockets is it known that they answer later as well.
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
