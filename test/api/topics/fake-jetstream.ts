/** Simulates JetStream in memory: a server with streams, and one manager for each connection. */
import type {
  NatsJetStream,
  NatsStoredMessage,
  NatsStreamConfig,
} from '../../../src/api/topics/nats-jetstream.ts';
import { streamConfig } from '../../../src/api/topics/nats-stream.ts';
import type { FakeNats, FakeNatsConnection } from './fake-nats.ts';

/** An error in an answer of the server. */
export class ApiError extends Error {
  readonly code: number;
  readonly status: number;

  constructor(text: string, code: number, status = 400) {
    super(text);
    this.code = code;
    this.status = status;
  }
}

interface Stored extends NatsStoredMessage {
  readonly subject: string;
}

interface Stream {
  config: NatsStreamConfig;
  messages: Stored[];
  last: number;
  /** The time at which the stream is complete. nats-server 2.9 crashes if a client reads a message earlier. */
  readonly completeAt: number;
}

type Query = { seq: number; next_by_subj?: string } | { last_by_subj: string };

export class FakeJetStream {
  readonly #nats: FakeNats;
  readonly streams = new Map<string, Stream>();
  /** If false, no server answers for JetStream. */
  isUp = true;
  /** The error with which the server answers a call, by the name of the call. */
  readonly refusals = new Map<string, Error>();
  /** The server calls this function before each call that it executes. */
  before: (call: string) => void = () => {};
  /** If true, the server stores published messages, but does not confirm them. */
  isSilent = false;
  /** The number of milliseconds in which the server creates a stream. */
  creationTime = 0;
  /** The number of reads of a stream that was not complete. */
  earlyReads = 0;

  constructor(nats: FakeNats) {
    this.#nats = nats;
  }

  /** The only stream of the server. */
  get stream(): Stream {
    const [stream] = this.streams.values();
    if (stream === undefined) throw new Error('there is no stream');
    return stream;
  }

  manager(connection: FakeNatsConnection): NatsJetStream {
    const call = <Reply>(name: string, run: () => Reply): Promise<Reply> =>
      new Promise((resolve, reject) => {
        connection
          .request(() => {
            this.before(name);
            const refusal = this.refusals.get(name);
            if (refusal !== undefined) throw refusal;
            if (!this.isUp) throw this.#away();
            return run();
          })
          .then((reply) => {
            if (!this.isSilent || name !== 'publish') resolve(reply);
          }, reject);
      });
    return {
      streams: {
        info: (name, options) => call('info', () => this.#info(name, options?.subjects_filter)),
        add: (config) => call('add', () => this.#add(config)),
        update: (name, config) =>
          call('update', () => {
            const stream = this.#get(name);
            stream.config = { ...stream.config, ...config };
          }),
        getMessage: (name, query) =>
          call('getMessage', () => {
            const stream = this.#get(name);
            if (Date.now() < stream.completeAt) this.earlyReads++;
            return this.#find(stream, query);
          }),
      },
      jetstream: () => ({
        publish: (subject, payload) => {
          if (payload.length > 1_000_000) return Promise.reject(new Error('max_payload size exceeded'));
          const data = new Uint8Array(payload);
          return call('publish', () => {
            if (this.streams.size === 0) throw this.#away();
            return { seq: this.add(subject, data) };
          });
        },
      }),
    };
  }

  /** Stores a message. Also publishes it to subscribers if `isPublished` is true. */
  add(subject: string, data: Uint8Array, isPublished = true): number {
    const { stream } = this;
    const previous = stream.messages.findLast((message) => message.subject === subject)?.seq ?? 0;
    const seq = ++stream.last;
    stream.messages.push({ seq, subject, data });
    const same = stream.messages.filter((message) => message.subject === subject);
    const { max_msgs_per_subject: limit, republish } = stream.config;
    const removed = new Set(same.slice(0, Math.max(0, same.length - limit)));
    stream.messages = stream.messages.filter((message) => !removed.has(message));
    const headers = new Map([
      ['Nats-Sequence', String(seq)],
      ['Nats-Last-Sequence', String(previous)],
    ]);
    const start = republish.dest.replace('>', '');
    if (isPublished) this.#nats.publish(start + subject.slice(republish.src.length - 1), data, headers);
    return seq;
  }

  /** Begins to create a stream with the settings that a bus uses by default, as if another process had asked for it. */
  create(name: string): void {
    const config = streamConfig(name.replace('-history', ''), { size: 1_000, ttl: 3_600_000 });
    this.#add(config);
  }

  #away(): Error {
    return Object.assign(new Error('jetstream is not enabled'), { name: 'JetStreamNotEnabled' });
  }

  #get(name: string): Stream {
    const stream = this.streams.get(name);
    if (stream === undefined) throw new ApiError('stream not found', 10_059, 404);
    return stream;
  }

  #add(config: NatsStreamConfig): void {
    const existing = this.streams.get(config.name);
    if (existing === undefined) {
      const completeAt = Date.now() + this.creationTime;
      this.streams.set(config.name, { config, messages: [], last: 0, completeAt });
    } else if (JSON.stringify(existing.config) !== JSON.stringify(config)) {
      throw new ApiError('stream name already in use with a different configuration', 10_058);
    }
  }

  #info(name: string, filter?: string) {
    const { config, messages, last } = this.#get(name);
    const count = messages.filter(({ subject }) => subject === filter).length;
    const subjects = filter === undefined || count === 0 ? {} : { subjects: { [filter]: count } };
    return { config, state: { last_seq: last, ...subjects } };
  }

  #find({ messages }: Stream, query: Query): NatsStoredMessage | null {
    if ('last_by_subj' in query)
      return messages.findLast(({ subject }) => subject === query.last_by_subj) ?? null;
    const { seq, next_by_subj: wanted } = query;
    if (wanted === undefined) return messages.find((message) => message.seq === seq) ?? null;
    return messages.find((message) => message.seq >= seq && message.subject === wanted) ?? null;
  }
}
