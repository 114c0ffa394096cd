/** Simulates NATS in memory: a server with subjects and pongs, and connections that a test can cut. */
import type { NatsClient } from '../../../src/api/topics/nats-bus.ts';

type Headers = ReadonlyMap<string, string>;
type Callback = (
  error: Error | null,
  message: { subject: string; data: Uint8Array; headers?: { get(name: string): string } | undefined },
) => void;
type Pong = { resolve: () => void; reject: (error: Error) => void };

/** Simulates the server. */
export class FakeNats {
  readonly connections = new Set<FakeNatsConnection>();
  readonly published: [string, string][] = [];

  connect(): FakeNatsConnection {
    const connection = new FakeNatsConnection(this);
    this.connections.add(connection);
    return connection;
  }

  publish(subject: string, data: Uint8Array, headers?: Headers): void {
    this.published.push([subject, Buffer.from(data).toString()]);
    for (const connection of this.connections) connection.deliver(subject, data, headers);
  }
}

function isMatch(pattern: string, subject: string): boolean {
  const source = pattern.replace(/[.*>]|[^\w]/g, (one) =>
    one === '*' ? '[^.]+' : one === '>' ? '.+' : `\\${one}`,
  );
  return new RegExp(`^${source}$`, 's').test(subject);
}

export class FakeNatsConnection implements NatsClient {
  readonly #nats: FakeNats;
  readonly subscriptions = new Map<object, [string, Callback]>();
  #isUp = true;
  #isClosed = false;
  /** Commands that the client has written and that the server has not read yet. Each function executes one command. */
  #written: (() => void)[] = [];
  #pongs: Pong[] = [];
  #statuses: { type: string }[] = [];
  #wake: () => void = () => {};
  #end: () => void = () => {};
  readonly #closed = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(nats: FakeNats) {
    this.#nats = nats;
  }

  #write(run: () => void): void {
    if (!this.#isUp) return;
    this.#written.push(run);
    setImmediate(() => {
      for (const each of this.#written.splice(0)) each();
    });
  }

  publish(subject: string, payload: Uint8Array): void {
    if (payload.length > 1_000_000) throw new Error('max_payload size exceeded');
    const data = new Uint8Array(payload);
    this.#write(() => this.#nats.publish(subject, data));
  }

  subscribe(subject: string, { callback }: { callback: Callback }): { unsubscribe(): void } {
    const key = {};
    this.#write(() => this.subscriptions.set(key, [subject, callback]));
    return {
      unsubscribe: () => {
        this.subscriptions.delete(key);
        this.#write(() => this.subscriptions.delete(key));
      },
    };
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const pong = { resolve, reject };
      this.#pongs.push(pong);
      this.#write(() => {
        this.#pongs.splice(this.#pongs.indexOf(pong), 1);
        resolve();
      });
    });
  }

  /**
   * Sends a request to the server. If the connection is lost before the answer, the Promise stays pending. With the real package, the
   * Promise would reject after a timeout.
   */
  request<Reply>(run: () => Reply): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#write(() => {
        try {
          const reply = run();
          setImmediate(() => {
            if (this.#isUp) resolve(reply);
          });
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  deliver(subject: string, data: Uint8Array, headers?: Headers): void {
    if (!this.#isUp) return;
    const message = { subject, data, headers: headers && { get: (name: string) => headers.get(name) ?? '' } };
    for (const [pattern, callback] of [...this.subscriptions.values()]) {
      if (isMatch(pattern, subject)) queueMicrotask(() => callback(null, message));
    }
  }

  /** Ends the subscriptions to this subject, as if the server did not permit them. */
  refuse(subject: string): void {
    for (const [key, [pattern, callback]] of [...this.subscriptions]) {
      if (pattern !== subject) continue;
      this.subscriptions.delete(key);
      callback(new Error('Permissions Violation'), {} as never);
    }
  }

  async *status(): AsyncGenerator<{ type: string }> {
    while (!this.#isClosed) {
      while (this.#statuses.length > 0) yield this.#statuses.shift()!;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #report(type: string): void {
    this.#statuses.push({ type });
    this.#wake();
  }

  /** Cuts the connection. Commands that the server has not read are lost. */
  lose(): void {
    this.#isUp = false;
    this.#written = [];
    this.#report('disconnect');
  }

  /** Connects again, and rejects the pings that were sent before the loss. The real package also rejects them only then. */
  back(): void {
    this.#isUp = true;
    for (const { reject } of this.#pongs.splice(0)) reject(new Error('connection disconnected'));
    this.#report('reconnect');
  }

  closed(): Promise<void> {
    return this.#closed;
  }

  isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    this.#end();
    this.#wake();
  }
}
