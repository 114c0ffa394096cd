/**
 * Two clients with the WHATWG interface as peers: the `WebSocket` of the package `undici`, and the `WebSocket` of Node.js 22 and later. The
 * class in Node.js comes from another version of undici. These clients cannot send fragments or drop TCP.
 */

import { channel } from 'node:diagnostics_channel';
import { Agent, ping, WebSocket as UndiciWebSocket } from 'undici';
import { type End, type Ending, Inbox, type Message, type OpenOptions, Pongs } from './end.ts';

/** The members of the WHATWG interface that both clients have. */
interface WhatwgSocket {
  binaryType: string;
  readonly protocol: string;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'message' | 'error' | 'close', listener: (event: never) => void): void;
}

/** The options that both constructors accept instead of a list of subprotocols. */
interface WhatwgInit {
  protocols: string[];
  headers: Record<string, string>;
}

type WhatwgConstructor = new (url: string, init: WhatwgInit) => WhatwgSocket;

/** The built-in WebSocket, or undefined in versions before Node 22. */
export const BuiltinWebSocket: WhatwgConstructor | undefined = globalThis.WebSocket as unknown as
  | WhatwgConstructor
  | undefined;

export class WhatwgEnd implements End {
  readonly socket: WhatwgSocket;
  readonly errors: string[] = [];
  readonly #inbox = new Inbox();

  constructor(socket: WhatwgSocket) {
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: { data: string | ArrayBuffer }) =>
      this.#inbox.push(typeof data === 'string' ? data : Buffer.from(data)),
    );
    socket.addEventListener('error', ({ message }: { message: string }) => this.errors.push(message));
    socket.addEventListener('close', ({ code, reason, wasClean }: Required<Ending>) =>
      this.#inbox.end({ code, reason, wasClean }),
    );
  }

  get subprotocol(): string {
    return this.socket.protocol;
  }

  get closed(): Promise<Ending> {
    return this.#inbox.closed;
  }

  send(message: Message): void {
    this.socket.send(message);
  }

  close(code?: number, reason?: string): void {
    this.socket.close(code, reason);
  }

  next(): Promise<Message> {
    return this.#inbox.next();
  }
}

/** The WebSocket of the undici package. It can send pings, and it publishes each pong that it receives on a diagnostics channel. */
class UndiciEnd extends WhatwgEnd {
  readonly #pongs = new Pongs();
  readonly #socket: UndiciWebSocket;

  constructor(socket: UndiciWebSocket) {
    // In the types of undici, the event of a listener is `any`.
    super(socket as unknown as WhatwgSocket);
    this.#socket = socket;
    const pongs = channel('undici:websocket:pong');
    const onPong = (event: unknown): void => {
      const { payload, websocket } = event as { payload: Uint8Array; websocket: unknown };
      if (websocket === socket) this.#pongs.push(Buffer.from(payload).toString());
    };
    pongs.subscribe(onPong);
    void this.closed.then(() => pongs.unsubscribe(onPong));
  }

  ping(payload: string): Promise<string> {
    return this.#pongs.expect(payload, () => ping(this.#socket, Buffer.from(payload)));
  }
}

/** Resolves when the WebSocket is open, and rejects if it fails. */
function opened<E extends WhatwgEnd>(end: E): Promise<E> {
  return new Promise((resolve, reject) => {
    end.socket.addEventListener('open', () => resolve(end));
    void end.closed.then(({ code }) => reject(new Error(`not opened: ${code} ${end.errors.join(', ')}`)));
  });
}

/** @param ca the trusted certificates, for wss */
export async function connectUndici(
  url: string,
  options: OpenOptions & { readonly ca?: string } = {},
): Promise<WhatwgEnd> {
  const { subprotocols, headers, maxMessageSize, ca } = options;
  const dispatcher = new Agent({
    ...(maxMessageSize === undefined ? null : { webSocket: { maxPayloadSize: maxMessageSize } }),
    ...(ca === undefined ? null : { connect: { ca } }),
  });
  const socket = new UndiciWebSocket(url, {
    protocols: [...(subprotocols?.offered ?? [])],
    headers: { ...headers },
    dispatcher,
  });
  const end = new UndiciEnd(socket);
  void end.closed.then(() => dispatcher.destroy());
  return opened(end);
}

/**
 * Connects the built-in WebSocket of Node.js. The test cannot change its limits, because this would need a dispatcher of the internal
 * undici.
 */
export async function connectBuiltin(url: string, options: OpenOptions = {}): Promise<WhatwgEnd> {
  if (BuiltinWebSocket === undefined) throw new Error('this Node has no WebSocket client');
  const { subprotocols, headers } = options;
  const protocols = [...(subprotocols?.offered ?? [])];
  return opened(new WhatwgEnd(new BuiltinWebSocket(url, { protocols, headers: { ...headers } })));
}
