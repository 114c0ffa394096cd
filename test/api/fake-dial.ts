/**
 * A fake clock and a fake network for tests of reconnection. The test advances the clock and decides how each attempt ends. There are no
 * real sockets and no real timers.
 */
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import type { Connection, ConnectionState } from '../../src/api/connection.ts';
import type { ConnectionHandlers } from '../../src/api/handlers.ts';
import type { Message, SendOptions } from '../../src/api/message.ts';
import type { ReconnectClock } from '../../src/api/reconnect-options.ts';
import { HandshakeError } from '../../src/handshake/error.ts';

export class FakeClock implements ReconnectClock {
  now = 0;
  /** The delays of all timers, in the order in which they were set. */
  readonly delays: number[] = [];
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  setTimeout(callback: () => void, delay: number): unknown {
    const timer = { at: this.now + delay, callback };
    this.delays.push(delay);
    this.#timers.push(timer);
    return timer;
  }

  elapsed(): number {
    return this.now;
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Runs the callback of the next timer. @returns false if there is no timer */
  next(): boolean {
    const [timer] = this.#timers.sort((one, other) => one.at - other.at);
    if (timer === undefined) return false;
    this.clearTimeout(timer);
    this.now = Math.max(this.now, timer.at);
    timer.callback();
    return true;
  }
}

/** The part of `Connection` that `Reconnection` uses. */
export class FakeConnection<Data> {
  state: ConnectionState = 'open';
  readonly sent: Message[] = [];
  /** The options of each message in `sent`. */
  readonly options: (SendOptions | undefined)[] = [];
  readonly url = 'ws://fake.example/path?query';
  readonly headers = ['X-Fake', 'yes'];
  readonly bufferedAmount = 0;
  readonly lastWireSize = 0;
  data: Data;
  readonly #handlers: ConnectionHandlers<Data>;
  #byPeer = false;
  readonly #network: FakeNetwork<Data>;

  constructor(network: FakeNetwork<Data>, options: ConnectOptions<Data>) {
    this.#network = network;
    this.#handlers = options.handlers ?? {};
    this.data = options.data as Data;
  }

  get real(): Connection<Data> {
    return this as unknown as Connection<Data>;
  }

  open(): void {
    void this.#handlers.open?.(this.real);
  }

  send(message: Message, options?: SendOptions): boolean {
    this.sent.push(message);
    this.options.push(options);
    return true;
  }

  receive(message: string): void {
    void this.#handlers.message?.(this.real, message, false, message.length);
  }

  close(code: number, reason: string): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    void this.#handlers.closing?.(this.real, false);
    this.#network.closing.push(() => this.end(code, reason, true));
  }

  terminate(): void {
    if (this.state === 'closed') return;
    this.state = 'closing';
    this.#network.closing.push(() => this.end(1006, '', false));
  }

  /** Acts as if the peer had sent a Close frame. */
  closeByPeer(code: number, reason: string): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.#byPeer = true;
    void this.#handlers.closing?.(this.real, true);
    this.#network.closing.push(() => this.end(code, reason, true));
  }

  end(code: number, reason: string, wasClean: boolean): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#network.connections.delete(this);
    const info = {
      code,
      reason,
      wasClean,
      byPeer: this.#byPeer,
      sentCode: null,
      sentReason: '',
      error: null,
    };
    void this.#handlers.close?.(this.real, code, reason, wasClean, info);
  }
}

interface Attempt<Data> {
  readonly options: ConnectOptions<Data>;
  readonly url: string;
  resolve(connection: unknown): void;
  reject(error: unknown): void;
}

export function refused(): HandshakeError {
  return new HandshakeError('ECONNREFUSED', 'connect ECONNREFUSED', { stage: 'tcp' });
}

/** A server that is up or down, and the attempts to reach it. An attempt ends only when the test calls `settle` or aborts it. */
export class FakeNetwork<Data> {
  isUp = true;
  /** The number of attempts. */
  dials = 0;
  readonly attempts: Attempt<Data>[] = [];
  readonly connections = new Set<FakeConnection<Data>>();
  /** Functions that end the connections which are closing. `settleClosing` calls these functions. */
  closing: (() => void)[] = [];
  /** If this function returns true, an abort does not end the attempt, so the attempt can still succeed. */
  ignoresAborts: () => boolean = () => false;

  readonly dial = (url: string | URL, options: ConnectOptions<Data>): Promise<unknown> => {
    this.dials++;
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const onAbort = (): void => {
        if (this.ignoresAborts() || !this.attempts.includes(attempt)) return;
        this.attempts.splice(this.attempts.indexOf(attempt), 1);
        reject(signal?.reason);
      };
      const attempt = {
        options,
        url: String(url),
        resolve: (connection: unknown) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(connection);
        },
        reject: (error: unknown) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      this.attempts.push(attempt);
      signal?.addEventListener('abort', onAbort);
    });
  };

  /** Ends the oldest pending attempt. @returns the connection, or null if there is no attempt or the attempt failed */
  settle(error: Error = refused()): FakeConnection<Data> | null {
    const attempt = this.attempts.shift();
    if (attempt === undefined) return null;
    if (!this.isUp) {
      attempt.reject(error);
      return null;
    }
    const connection = new FakeConnection(this, attempt.options);
    this.connections.add(connection);
    connection.open();
    attempt.resolve(connection);
    return connection;
  }

  /** Ends all connections that are closing. */
  settleClosing(): void {
    for (const end of this.closing.splice(0)) end();
  }

  /** Takes the server down, and ends its connections without a Close frame. */
  kill(): void {
    this.isUp = false;
    for (const connection of [...this.connections]) connection.end(1006, '', false);
  }
}

/** Waits until pending callbacks of Promises and of setImmediate have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
