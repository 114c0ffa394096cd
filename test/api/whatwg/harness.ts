/** Helpers for the tests of `WebSocket`: servers that send what a test chooses, and a list of the events of a `WebSocket`. */
import type { Socket } from 'node:net';
import { type CloseEvent, type ErrorEvent, type MessageEvent, WebSocket } from '../../../src/websocket.ts';
import { closeScripted, scripted } from '../../transport/scripted.ts';
import { closeServers } from '../../transport/servers.ts';
import { frame, Op, RawPeer } from '../../transport/wire.ts';

const sockets: WebSocket[] = [];
const raw: Socket[] = [];

/** Closes all WebSockets and servers of a test. Call it in `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const socket of sockets.splice(0)) {
    if (socket.readyState === WebSocket.CLOSED) continue;
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.close();
    for (const server of raw.splice(0)) server.destroy();
    await closed;
  }
  raw.length = 0;
  await closeServers();
  await closeScripted();
}

/** Creates a `WebSocket` that `closeAll` closes. */
export function open(...given: ConstructorParameters<typeof WebSocket>): WebSocket {
  return track(new WebSocket(...given));
}

export function track(socket: WebSocket): WebSocket {
  sockets.push(socket);
  return socket;
}

export interface RawServer {
  readonly url: string;
  /** The head of each request that the server received. */
  readonly requests: readonly string[];
  /** The server's end of the first connection. The Promise resolves after the handshake. */
  readonly peer: Promise<RawPeer>;
}

/**
 * Starts a server that answers each handshake as RFC 6455 requires.
 * @param extra header lines of the response
 * @param first frames that are sent together with the response
 */
export async function rawServer(extra = '', first: Buffer = Buffer.alloc(0)): Promise<RawServer> {
  let found: (peer: RawPeer) => void = () => {};
  const peer = new Promise<RawPeer>((resolve) => {
    found = resolve;
  });
  const server = await scripted((request) => {
    const { socket } = request;
    raw.push(socket);
    const connected = new RawPeer(socket);
    socket.write(Buffer.concat([Buffer.from(request.accept(extra), 'latin1'), first]));
    found(connected);
  });
  return { url: `ws://127.0.0.1:${server.port}/`, requests: server.requests, peer };
}

/** Returns a text or binary frame as a server sends it. */
export function message(payload: string | Uint8Array): Buffer {
  return frame(typeof payload === 'string' ? Op.Text : Op.Binary, payload, { mask: false });
}

/** Records the events of a `WebSocket` in order. */
export class Events {
  readonly all: Event[] = [];
  /** The data of all `message` events. */
  readonly data: unknown[] = [];
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket) {
    for (const type of ['open', 'message', 'error', 'close']) {
      socket.addEventListener(type, (event: Event) => {
        this.all.push(event);
        if (type === 'message') this.data.push((event as MessageEvent).data);
        for (const wake of this.#waiting.splice(0)) wake();
      });
    }
  }

  get types(): string[] {
    return this.all.map(({ type }) => type);
  }

  of(type: string): Event[] {
    return this.all.filter((event) => event.type === type);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async opened(): Promise<this> {
    await this.until(() => this.of('open').length > 0);
    return this;
  }

  async messages(count: number): Promise<unknown[]> {
    await this.until(() => this.data.length >= count);
    return this.data;
  }

  async closed(): Promise<CloseEvent> {
    await this.until(() => this.of('close').length > 0);
    return this.of('close')[0] as CloseEvent;
  }

  /** Waits for the `close` event. @returns the `error` event, which comes before it */
  async failed(): Promise<ErrorEvent> {
    await this.closed();
    return this.of('error')[0] as ErrorEvent;
  }
}

/** Creates a `WebSocket` and records its events. */
export function watch(...given: ConstructorParameters<typeof WebSocket>): {
  socket: WebSocket;
  events: Events;
} {
  const socket = open(...given);
  return { socket, events: new Events(socket) };
}

/**
 * Calls `step`. @returns the name of the DOMException or error that it throws, or '' if it does not throw
 */
export function thrownBy(step: () => unknown): string {
  try {
    step();
    return '';
  } catch (error) {
    return (error as Error).name;
  }
}

/** Waits for the next task. */
export function task(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
