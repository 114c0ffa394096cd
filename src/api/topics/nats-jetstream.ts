/** The parts of the package `@nats-io/jetstream` that a bus uses. Also recognizes errors of this package. */

/** The settings of a stream that a bus creates. The names are the names that NATS uses. */
export interface NatsStreamConfig {
  readonly name: string;
  readonly subjects: string[];
  readonly max_msgs_per_subject: number;
  /** The time in nanoseconds for which a message is kept. */
  readonly max_age: number;
  /** The time in nanoseconds in which NATS looks for duplicates. */
  readonly duplicate_window: number;
  readonly republish: { readonly src: string; readonly dest: string };
}

/** A message in a stream of JetStream. */
export interface NatsStoredMessage {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** The result of `await jetstreamManager(connection)` of the package `@nats-io/jetstream`, or another object with the same methods. */
export interface NatsJetStream {
  readonly streams: {
    info(
      stream: string,
      options?: { subjects_filter: string },
    ): Promise<{
      readonly config: {
        readonly subjects?: readonly string[];
        readonly max_msgs_per_subject: number;
        readonly max_age: number;
        readonly republish?: { readonly src: string; readonly dest: string };
      };
      readonly state: { readonly last_seq: number; readonly subjects?: Readonly<Record<string, number>> };
    }>;
    add(config: NatsStreamConfig): Promise<unknown>;
    update(name: string, config: Omit<NatsStreamConfig, 'name'>): Promise<unknown>;
    getMessage(
      stream: string,
      query: { seq: number; next_by_subj?: string } | { last_by_subj: string },
    ): Promise<NatsStoredMessage | null>;
  };
  jetstream(): { publish(subject: string, payload: Uint8Array): Promise<unknown> };
}

/** True if a value has the members that `NatsJetStream` requires. */
export function isJetStream(value: unknown): value is NatsJetStream {
  if (typeof value !== 'object' || value === null) return false;
  const { streams, jetstream } = value as Partial<Record<string, unknown>>;
  if (typeof jetstream !== 'function' || typeof streams !== 'object' || streams === null) return false;
  return ['info', 'add', 'update', 'getMessage'].every(
    (name) => typeof (streams as Record<string, unknown>)[name] === 'function',
  );
}

/**
 * True if this error means that JetStream does not answer, or that a stream does not answer. There are three possible reasons: JetStream is
 * starting, the stream has no leader, or the stream does not exist.
 */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'JetStreamNotEnabled' || error.name === 'TimeoutError' || statusOf(error) === 503;
}

/** True if the server has answered that the stream does not exist. */
export function isStreamMissing(error: unknown): boolean {
  return codeOf(error) === 10_059;
}

/** True if this error means that a stream with the same name, but with other settings, already exists. */
export function isNameInUse(error: unknown): boolean {
  return codeOf(error) === 10_058;
}

/** True if this error means that another stream already receives some of the subjects. */
export function isOverlap(error: unknown): boolean {
  return codeOf(error) === 10_065;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function statusOf(error: unknown): unknown {
  return (error as { status?: unknown }).status;
}

/** The connection was lost before NATS answered a call. */
export class NatsConnectionLost extends Error {}

/**
 * The calls to NATS that wait for an answer. If the connection is lost, the answer would come too late or never. The client does not reject
 * these calls, so this class rejects them.
 */
export class NatsCalls {
  readonly #pending = new Set<(error: Error) => void>();

  run<Reply>(call: () => Promise<Reply>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      const settle = (): void => void this.#pending.delete(reject);
      call().then(resolve, reject).finally(settle);
    });
  }

  /** Rejects all waiting calls. Is called when the connection is lost, and when the bus is closed. */
  lost(error: Error): void {
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }
}
