/** Simulates the streams of a Redis server in memory, and the script with which the bus writes into the streams. */

interface Entry {
  readonly id: string;
  readonly previous: string;
  readonly bytes: Buffer;
  readonly kind: string;
}

/** The other parts of the simulated server that the script uses. */
interface Channels {
  /** If the test has set an error, throws this error. */
  refuse(): void;
  publish(channel: string, bytes: Buffer, isSharded: boolean): void;
}

/** An error in an answer of Redis. In both packages, the class of such an error has a similar name. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

export class FakeStreams {
  readonly #streams = new Map<string, Entry[]>();
  /** The time in milliseconds. A test advances it. */
  time = 1_000;
  isLoaded = false;
  /** All commands that read a stream, for example 'XRANGE rfc6455/a 0-0 + 9'. */
  readonly asked: string[] = [];
  /** The error with which Redis answers a command, by the name of the command. */
  readonly refusals = new Map<string, Error>();

  isCommand(command: string): boolean {
    return ['SCRIPT', 'EVALSHA', 'EXISTS', 'XRANGE', 'XREVRANGE'].includes(command);
  }

  execute(args: readonly (string | Buffer)[], channels: Channels): unknown {
    const [command = '', ...rest] = args;
    const texts = rest.map(String);
    const refusal = this.refusals.get(String(command));
    if (refusal !== undefined) throw refusal;
    if (command === 'EXISTS') return 0;
    if (command === 'SCRIPT') {
      this.isLoaded = true;
      return Buffer.from('name of the script');
    }
    if (command === 'EVALSHA') return this.#publish(texts, rest.at(-1) as Buffer, channels);
    this.asked.push([command, ...texts].join(' '));
    const [key = '', from = '', to = '', , count = ''] = texts;
    return command === 'XRANGE' ? this.#range(key, from, Number(count)) : this.#last(key, from, to);
  }

  /** Returns the ids of all messages in a stream. */
  idsOf(key: string): string[] {
    return (this.#streams.get(key) ?? []).map(({ id }) => id);
  }

  /** Deletes a stream, as if it had expired or had been lost. */
  delete(key: string): void {
    this.#streams.delete(key);
  }

  /** Removes the last messages of a stream, as if Redis had crashed and had lost these messages. */
  loseLast(key: string, count: number): void {
    this.#streams.get(key)?.splice(-count);
  }

  trim(key: string, size: number): void {
    const stream = this.#streams.get(key) ?? [];
    stream.splice(0, stream.length - size);
  }

  add(key: string, bytes: Buffer, size = Number.POSITIVE_INFINITY, kind = 'm'): Entry {
    const stream = this.#streams.get(key) ?? [];
    this.#streams.set(key, stream);
    const previous = stream.at(-1)?.id ?? '0-0';
    const [time = 0, number = 0] = previous.split('-').map(Number);
    const id = this.time > time ? `${this.time}-0` : `${time}-${number + 1}`;
    const entry = { id, previous, bytes, kind };
    stream.push(entry);
    if (stream.length > size) stream.splice(0, stream.length - size);
    return entry;
  }

  #publish(texts: readonly string[], bytes: Buffer, channels: Channels): Buffer {
    if (!this.isLoaded) throw new ReplyError('NOSCRIPT No matching script.');
    const [, , key = '', size, , command, kind = ''] = texts;
    channels.refuse();
    const { id, previous } = this.add(key, Buffer.from(bytes), Number(size), kind);
    const published = Buffer.concat([Buffer.from(`${id} ${previous} ${kind}`), bytes]);
    channels.publish(key, published, command === 'SPUBLISH');
    return Buffer.from(id);
  }

  #range(key: string, from: string, count: number): unknown {
    const [time = 0, number = 0] = from.split('-').map(Number);
    const found = (this.#streams.get(key) ?? []).filter(({ id }) => {
      const [ofTime = 0, ofNumber = 0] = id.split('-').map(Number);
      return ofTime > time || (ofTime === time && ofNumber >= number);
    });
    return found.slice(0, count).map(reply);
  }

  #last(key: string, from: string, to: string): unknown {
    if (from !== '+' || to !== '-') throw new Error(`unexpected range ${from} ${to}`);
    return (this.#streams.get(key) ?? []).slice(-1).map(reply);
  }
}

function reply({ id, previous, bytes, kind }: Entry): unknown {
  return [Buffer.from(id), [Buffer.from('p'), Buffer.from(previous), Buffer.from(kind), bytes]];
}
