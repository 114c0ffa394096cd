/** Simulates Redis in memory, and clients with the methods of node-redis and ioredis. A test can cut their connections. */
import { EventEmitter } from 'node:events';
import { FakeStreams } from './fake-streams.ts';

type Deliver = (kind: 'channel' | 'glob' | 'shard', name: string, channel: string, bytes: Buffer) => void;

/** Simulates the server: its channels, its globs, and its open connections. */
export class FakeRedis {
  readonly clients = new Set<FakeClient>();
  /** If false, no client can connect. */
  isUp = true;
  /** The error with which the server answers the next PUBLISH command or the next run of the script. */
  refusal: Error | null = null;
  readonly streams = new FakeStreams();
  /** All published messages, each with its channel and its text. */
  readonly published: [string, string][] = [];

  /** If the test has set `refusal`, throws this error once. */
  refuse(): void {
    const { refusal } = this;
    this.refusal = null;
    if (refusal !== null) throw refusal;
  }

  publish(channel: string, bytes: Buffer, sharded: boolean): void {
    this.published.push([channel, bytes.toString()]);
    for (const client of this.clients) {
      for (const key of client.subscribed) {
        const kind = key.slice(0, key.indexOf(' ')) as 'channel' | 'glob' | 'shard';
        const name = key.slice(kind.length + 1);
        const isMeant = kind === 'glob' ? !sharded && globToRegExp(name).test(channel) : name === channel;
        if (isMeant && (kind === 'shard') === sharded) client.deliver(kind, name, channel, bytes);
      }
    }
  }

  /** Cuts all connections. Commands that wait for an answer do not get an answer. */
  cut(): void {
    for (const client of [...this.clients]) client.lose();
  }
}

function globToRegExp(glob: string): RegExp {
  const source = glob.replace(/\\(.)|(\*)|([^\w])/g, (_, escaped, star, other) =>
    star ? '.*' : `\\${escaped ?? other}`.replace(/^\\(\w)$/, '$1'),
  );
  return new RegExp(`^${source}$`, 's');
}

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The common part of both clients. After a lost connection, a client connects again as soon as the server is up. */
export abstract class FakeClient extends EventEmitter {
  readonly redis: FakeRedis;
  readonly subscribed = new Set<string>();
  readonly deliver: Deliver;
  isReady = false;
  isDone = false;
  /** Each function rejects a command that waits for an answer. */
  readonly unanswered = new Set<(error: Error) => void>();

  constructor(redis: FakeRedis, deliver: (client: FakeClient) => Deliver) {
    super();
    this.redis = redis;
    this.deliver = deliver(this);
  }

  abstract lose(): void;

  /** Returns the error of a command that cannot be sent because there is no connection. */
  abstract offline(): Error;

  async open(): Promise<void> {
    while (!this.isDone) {
      await later();
      if (!this.redis.isUp) continue;
      if (this.isDone) return;
      this.redis.clients.add(this);
      this.isReady = true;
      this.emit('ready');
      return;
    }
  }

  /** Answers a command in a microtask. If the connection is lost before that, the command gets no answer. */
  answer(run: () => unknown): Promise<unknown> {
    if (!this.isReady) return Promise.reject(this.offline());
    return new Promise((resolve, reject) => {
      this.unanswered.add(reject);
      queueMicrotask(() => {
        if (!this.unanswered.has(reject)) return;
        try {
          const value = run();
          this.unanswered.delete(reject);
          resolve(value);
        } catch (error) {
          this.unanswered.delete(reject);
          reject(error);
        }
      });
    });
  }

  execute(args: readonly (string | Buffer)[]): unknown {
    const [command, channel, bytes] = args;
    const { streams } = this.redis;
    if (streams.isCommand(String(command))) {
      return streams.execute(args, this.redis);
    }
    if (command !== 'PUBLISH' && command !== 'SPUBLISH') throw new Error(`unknown command ${command}`);
    this.redis.refuse();
    this.redis.publish(String(channel), Buffer.from(bytes!), command === 'SPUBLISH');
    return 1;
  }

  change(kind: string, name: string, isOn: boolean): void {
    if (isOn) this.subscribed.add(`${kind} ${name}`);
    else this.subscribed.delete(`${kind} ${name}`);
  }
}

type Listener = (bytes: Buffer, channel: Buffer) => void;

/** node-redis also has an error class with this name. */
class ClientOfflineError extends Error {}

/** A client with the methods of node-redis. After a reconnection, it renews its subscriptions. */
export class FakeNodeRedis extends FakeClient {
  readonly #listeners = new Map<string, Listener>();

  constructor(redis: FakeRedis) {
    super(redis, (client) => (kind, name, channel, bytes) => {
      const listener = (client as FakeNodeRedis).#listeners.get(`${kind} ${name}`);
      queueMicrotask(() => listener?.(bytes, Buffer.from(channel)));
    });
  }

  duplicate(): FakeNodeRedis {
    return new FakeNodeRedis(this.redis);
  }

  async connect(): Promise<void> {
    await this.open();
  }

  destroy(): void {
    this.isDone = true;
    this.isReady = false;
    this.redis.clients.delete(this);
  }

  override offline(): Error {
    return new ClientOfflineError('The client is offline');
  }

  override lose(): void {
    this.isReady = false;
    this.redis.clients.delete(this);
    const error = new Error('Socket closed unexpectedly');
    this.emit('error', error);
    for (const reject of this.unanswered) reject(error);
    this.unanswered.clear();
    this.emit('reconnecting');
    void this.open();
  }

  sendCommand(args: (string | Buffer)[]): Promise<unknown> {
    return this.answer(() => this.execute(args));
  }

  #subscribe(kind: string, name: string, listener: Listener): Promise<unknown> {
    return this.answer(() => {
      this.#listeners.set(`${kind} ${name}`, listener);
      this.change(kind, name, true);
    });
  }

  #unsubscribe(kind: string, name: string): Promise<unknown> {
    return this.answer(() => this.change(kind, name, false));
  }

  subscribe = (name: string, listener: Listener): Promise<unknown> =>
    this.#subscribe('channel', name, listener);
  pSubscribe = (name: string, listener: Listener): Promise<unknown> =>
    this.#subscribe('glob', name, listener);
  sSubscribe = (name: string, listener: Listener): Promise<unknown> =>
    this.#subscribe('shard', name, listener);
  unsubscribe = (name: string): Promise<unknown> => this.#unsubscribe('channel', name);
  pUnsubscribe = (name: string): Promise<unknown> => this.#unsubscribe('glob', name);
  sUnsubscribe = (name: string): Promise<unknown> => this.#unsubscribe('shard', name);
}

const eventNames = { channel: 'messageBuffer', glob: 'pmessageBuffer', shard: 'smessageBuffer' } as const;

/**
 * A client with the methods of ioredis, and with the options that the bus sets. With these options, the client does not send unanswered
 * commands again after a lost connection.
 */
export class FakeIoRedis extends FakeClient {
  readonly status: string;
  readonly options: object;

  constructor(redis: FakeRedis, options: object = {}) {
    super(redis, (client) => (kind, name, channel, bytes) => {
      const args = [Buffer.from(channel), bytes];
      if (kind === 'glob') args.unshift(Buffer.from(name));
      queueMicrotask(() => client.emit(eventNames[kind], ...args));
    });
    this.status = 'wait';
    this.options = options;
  }

  duplicate(override: object): FakeIoRedis {
    return new FakeIoRedis(this.redis, { ...this.options, ...override });
  }

  async connect(): Promise<void> {
    await this.open();
  }

  disconnect(): void {
    this.isDone = true;
    this.isReady = false;
    this.redis.clients.delete(this);
    this.emit('close');
    this.emit('end');
  }

  override offline(): Error {
    return new Error("Stream isn't writeable and enableOfflineQueue options is false");
  }

  override lose(): void {
    this.isReady = false;
    this.redis.clients.delete(this);
    this.subscribed.clear();
    this.unanswered.clear();
    this.emit('close');
    this.emit('reconnecting');
    void this.open();
  }

  callBuffer(...args: (string | Buffer)[]): Promise<unknown> {
    return this.answer(() => this.execute(args));
  }

  #change(kind: string, name: string, isOn: boolean): Promise<unknown> {
    return this.answer(() => this.change(kind, name, isOn));
  }

  subscribe = (name: string): Promise<unknown> => this.#change('channel', name, true);
  psubscribe = (name: string): Promise<unknown> => this.#change('glob', name, true);
  ssubscribe = (name: string): Promise<unknown> => this.#change('shard', name, true);
  unsubscribe = (name: string): Promise<unknown> => this.#change('channel', name, false);
  punsubscribe = (name: string): Promise<unknown> => this.#change('glob', name, false);
  sunsubscribe = (name: string): Promise<unknown> => this.#change('shard', name, false);
}
