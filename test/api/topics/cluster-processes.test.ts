/**
 * Tests the bus of a real node:cluster with three workers and real WebSockets. One worker is killed and replaced while all workers publish
 * messages. cluster-bus.test.ts tests the details with a simulated cluster in memory.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../src/api/client.ts';
import type { Connection } from '../../../src/api/connection.ts';
import { until } from '../pair.ts';

const topicCount = 6;
const rounds = 400;

/** The numbers of the messages from one sender to one topic. The key is a result of `keyOf`. */
type Numbers = Map<string, number[]>;
const keyOf = (sender: number, topic: number): string => `${sender} to ${topic}`;

/** A client that subscribes to three topics. It numbers the messages that it sends to each topic. */
class Client {
  readonly id: number;
  readonly topics: readonly number[];
  /** The id of the worker that serves this client. */
  worker = 0;
  /** For each topic, the number of messages that this client has sent. */
  readonly sent = new Array<number>(topicCount).fill(0);
  readonly received: Numbers = new Map();
  gaps = 0;
  connection!: Connection;
  /** A copy of `sent` from the last call of `begin`. */
  #begun: readonly number[] = [];

  private constructor(id: number) {
    this.id = id;
    this.topics = [id, id + 1, id + 3].map((topic) => topic % topicCount);
  }

  static async join(port: number, id: number): Promise<Client> {
    const client = new Client(id);
    client.connection = await connect(`ws://127.0.0.1:${port}/`, {
      handlers: {
        message: (_, message, isBinary) => {
          if (isBinary) client.#receive(message);
          else if (message === 'gap') client.gaps++;
          else client.worker = Number(message);
        },
      },
    });
    client.connection.send(JSON.stringify(client.topics));
    await until(() => client.worker > 0);
    return client;
  }

  /** From now on, the test checks the messages that this client sends and receives. */
  begin(): void {
    this.#begun = [...this.sent];
    this.received.clear();
  }

  publish(topic: number): void {
    if (this.connection.state !== 'open') return;
    const bytes = Buffer.alloc(7);
    bytes.writeUInt8(topic, 0);
    bytes.writeUInt16BE(this.id, 1);
    bytes.writeUInt32BE(this.sent[topic]!++, 3);
    this.connection.send(bytes);
  }

  #receive(message: Buffer): void {
    const key = keyOf(message.readUInt16BE(1), message.readUInt8(0));
    const numbers = this.received.get(key) ?? [];
    numbers.push(message.readUInt32BE(3));
    this.received.set(key, numbers);
  }

  /** Returns the numbers of the messages that this client has sent to a topic since the last call of `begin`. */
  sentSince(topic: number): number[] {
    const first = this.#begun[topic]!;
    return Array.from({ length: this.sent[topic]! - first }, (_, at) => first + at);
  }

  numbersOf(sender: Client, topic: number): readonly number[] {
    return this.received.get(keyOf(sender.id, topic)) ?? [];
  }
}

const children = new Set<ChildProcess>();
afterEach(async () => {
  for (const child of children) {
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
  }
  children.clear();
});

/** In each round, each client publishes one message to its next topic. */
async function publish(clients: readonly Client[], during?: () => void): Promise<void> {
  for (const client of clients) client.begin();
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) client.publish((client.id + round) % topicCount);
    if (round === rounds / 2) during?.();
    if (round % 10 === 9) await turn();
  }
}

/**
 * Checks that each client has received the messages that all other clients have sent since `begin`, once and in order. A client does not
 * receive its own messages.
 */
async function expectAll(clients: readonly Client[]): Promise<void> {
  for (const receiver of clients) {
    for (const sender of clients) {
      for (const topic of receiver.topics) {
        const expected = receiver === sender ? [] : sender.sentSince(topic);
        await until(() => receiver.numbersOf(sender, topic).length >= expected.length);
        expect(receiver.numbersOf(sender, topic)).toEqual(expected);
      }
    }
  }
}

test('if a worker is killed and replaced, all messages of the other workers still arrive once and in order', async () => {
  const primary = fork(fileURLToPath(new URL('cluster-process.js', import.meta.url)));
  children.add(primary);
  const ports: number[] = [];
  primary.on('message', (port) => void ports.push(port as number));
  await until(() => ports.length === 3);
  const [port = 0] = ports;

  const clients: Client[] = [];
  while (clients.length < 12) clients.push(await Client.join(port, clients.length));
  // All workers listen at the same port, and the primary distributes the connections among them.
  expect(new Set(clients.map(({ worker }) => worker)).size).toBe(3);
  await publish(clients);
  await expectAll(clients);

  const { worker: killed } = clients[0]!;
  const lost = clients.filter(({ worker }) => worker === killed);
  const others = clients.filter(({ worker }) => worker !== killed);
  await publish(clients, () => primary.send(killed));
  await Promise.all(lost.map(({ connection }) => connection.closed));
  await expectAll(others);
  // The killed worker has published only the first messages of its clients. The other clients have received these messages in order.
  for (const receiver of others) {
    for (const sender of lost) {
      for (const topic of receiver.topics) {
        const numbers = receiver.numbersOf(sender, topic);
        expect(numbers).toEqual(sender.sentSince(topic).slice(0, numbers.length));
      }
    }
  }

  await until(() => ports.length === 4);
  expect(ports[3]).toBe(port);
  const joined: Client[] = [];
  while (joined.filter(({ worker }) => worker > 3).length < 4) {
    joined.push(await Client.join(port, clients.length + joined.length));
  }
  await publish([...others, ...joined]);
  await expectAll([...others, ...joined]);
  expect([...others, ...joined].filter(({ gaps }) => gaps > 0)).toEqual([]);
});
