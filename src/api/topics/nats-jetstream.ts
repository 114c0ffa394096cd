/** The members of the package `@nats-io/jetstream` that a bus uses, and the errors of this package that the bus recognizes. */

/** The settings of a stream that a bus creates. The names of the settings are those of NATS. */
export interface NatsStreamConfig {
  readonly name: string;
  readonly subjects: string[];
  readonly max_msgs_per_subject: number;
  /** Nanoseconds. */
  readonly max_age: number;
  /** Nanoseconds. */
  readonly duplicate_window: number;
  readonly republish: { readonly src: string; readonly dest: string };
}

/** A message that a stream keeps. */
export interface NatsStoredMessage {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** What `jetstreamManager(connection)` of the package `@nats-io/jetstream` returns, or any other object with these members. */
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
      readonly state: { readonly subjects?: Readonly<Record<string, number>> };
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

/** Whether a value has the members of `NatsJetStream`. */
export function isJetStream(value: unknown): value is NatsJetStream {
  if (typeof value !== 'object' || value === null) return false;
  const { streams, jetstream } = value as Partial<Record<string, unknown>>;
  if (typeof jetstream !== 'function' || typeof streams !== 'object' || streams === null) return false;
  return ['info', 'add', 'update', 'getMessage'].every(
    (name) => typeof (streams as Record<string, unknown>)[name] === 'function',
  );
}

/**
 * Whether the error means that no server answers for JetStream or for a stream. There are three possible reasons: JetStream is starting,
 * the stream has no leader, or the stream does not exist.
 */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'JetStreamNotEnabled' || error.name === 'TimeoutError' || statusOf(error) === 503;
}

/** Whether the server has answered that the stream does not exist. */
export function isStreamMissing(error: unknown): boolean {
  return codeOf(error) === 10_059;
}

/** Whether a stream could not be created, because a stream of this name exists with other settings. */
export function isNameInUse(error: unknown): boolean {
  return codeOf(error) === 10_058;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function statusOf(error: unknown): unknown {
  return (error as { status?: unknown }).status;
}

/** The error of a call whose connection was lost before the answer. */
export class NatsConnectionLost extends Error {}

/**
 * The calls that wait for an answer. After a loss of the connection, the answers would come too late or never. The client does not reject
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

  /** Rejects all calls that wait. Is called when the connection is lost, or the bus is closed. */
  lost(error: Error): void {
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }
}
