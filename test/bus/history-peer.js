/**
 * One process of the scenarios with a history. It runs a server with `Topics`, and clients. The clients move from server to server with the
 * offsets of their topics. Each message contains the process that published it, and a number that counts the messages of this process to
 * the topic. With this number, every client detects missing, repeated and reordered messages on any server. The test sends commands over
 * the channel of child_process.fork, and receives the answers over the same channel.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { load, makeBus } from './make-bus.js';

const [folder = '', kind = '', port = '', options = '{}', own = ''] = process.argv.slice(2);
const index = Number(own);
const topicCount = 20;
const clientCount = 50;
const topicsEach = 3;
const processCount = 4;

const { connect, WebSocketServer } = await load(folder, 'index.js');
const { Topics } = await load(folder, 'topics.js');

const report = {
  received: 0,
  gaps: 0,
  moves: 0,
  unpublished: 0,
  lost: /** @type {string[]} */ ([]),
  sent: new Array(topicCount).fill(0),
  faults: /** @type {string[]} */ ([]),
};
const lost = new Set();

/** @param {string} text */
function fault(text) {
  if (report.faults.length < 20) report.faults.push(text);
}

// ---- the server ----

let isUp = true;
const topics = new Topics({
  bus: await makeBus(folder, kind, port, options),
  maxSubscribeRate: Number.POSITIVE_INFINITY,
  handlers: {
    gap(/** @type {string} */ topic, /** @type {any[]} */ connections) {
      for (const connection of connections) connection.send(JSON.stringify({ gap: topic }));
    },
    state(/** @type {boolean} */ up) {
      isUp = up;
    },
    slow: () => fault('a client was too slow'),
    // Errors are expected, because the test makes the engine fail.
    error() {},
  },
});
const server = new WebSocketServer({
  message(/** @type {any} */ connection, /** @type {string} */ message) {
    const { join, ask } = JSON.parse(message);
    for (const [topic, after] of join ?? []) topics.subscribe(connection, topic, { after });
    if (ask !== undefined) {
      const offsets = ask.map((/** @type {string} */ topic) => topics.offsetOf(connection, topic));
      connection.send(JSON.stringify({ offsets }));
    }
  },
});
const address = await server.listen({ host: '127.0.0.1' });

// ---- the clients ----

/** The ports of all servers that are alive. @type {number[]} */
let ports = [address.port];
let isMoving = true;

// Generates the same random numbers in every run of the test.
let state = index + 1;
const random = () => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};

class Client {
  /** @param {number} number the number of the client in this process */
  constructor(number) {
    this.topics = Array.from({ length: topicsEach }, (_, j) => (number * 7 + j * 11) % topicCount);
    /** For each topic and each process, the number of the last message; null before the first message. */
    this.last = this.topics.map(() => new Array(processCount).fill(null));
    /** For each topic and each process, whether a gap was reported after the last message. */
    this.mayMiss = this.topics.map(() => new Array(processCount).fill(false));
    /** @type {(string | null)[]} */
    this.offsets = this.topics.map(() => null);
    /**
     * For each topic and each process, whether a connection ended before the client received a new offset. In this case, the messages after
     * the old offset arrive again.
     */
    this.repeats = this.topics.map(() => new Array(processCount).fill(false));
  }

  async open() {
    this.isLeaving = false;
    const target = ports[Math.floor(random() * ports.length)];
    try {
      this.connection = await connect(`ws://127.0.0.1:${target}/`, {
        handlers: {
          message: (
            /** @type {any} */ connection,
            /** @type {any} */ message,
            /** @type {boolean} */ isBinary,
          ) => {
            if (this.isLeaving) return;
            if (isBinary) this.receive(message);
            else this.said(connection, JSON.parse(message));
          },
          close: () => {
            if (!this.isLeaving) for (const each of this.repeats) each.fill(true);
            setTimeout(() => this.open(), 20 * random());
          },
          error() {},
        },
      });
    } catch {
      setTimeout(() => this.open(), 50);
      return;
    }
    const join = this.topics.map((topic, slot) => [`room/${topic}`, this.offsets[slot]]);
    // Without an offset the client subscribes like a new client, so it may miss messages.
    for (const [slot, offset] of this.offsets.entries()) if (offset === null) this.mayMiss[slot]?.fill(true);
    this.connection.send(JSON.stringify({ join }));
    if (isMoving) setTimeout(() => this.ask(), 100 + 400 * random());
  }

  ask() {
    if (this.connection?.state === 'open')
      this.connection.send(JSON.stringify({ ask: this.topics.map((topic) => `room/${topic}`) }));
  }

  /** @param {any} connection @param {{ gap?: string, offsets?: (string | null)[] }} answer */
  said(connection, { gap, offsets }) {
    if (gap !== undefined) {
      report.gaps++;
      this.mayMiss[this.topics.indexOf(Number(gap.slice('room/'.length)))]?.fill(true);
      return;
    }
    if (offsets === undefined || !isMoving) return;
    if (offsets.includes(null)) {
      setTimeout(() => this.ask(), 50);
      return;
    }
    this.offsets = offsets;
    this.isLeaving = true;
    report.moves++;
    connection.terminate();
  }

  /** @param {Buffer} bytes */
  receive(bytes) {
    const publisher = bytes.readUInt8(0);
    const topic = bytes.readUInt8(1);
    const number = bytes.readUInt32BE(2);
    const slot = this.topics.indexOf(topic);
    const last = this.last[slot]?.[publisher] ?? null;
    if (last !== null && number <= last) {
      if (!this.repeats[slot]?.[publisher]) fault(`${topic}: ${number} of ${publisher} after ${last}`);
      return;
    }
    if (last !== null && number > last + 1) {
      if (!this.mayMiss[slot]?.[publisher])
        fault(`${topic}: no gap for ${last} to ${number} of ${publisher}`);
      for (let at = last + 1; at < number; at++) lost.add(`${publisher} ${topic} ${at}`);
    }
    report.received++;
    const all = this.last[slot];
    if (all !== undefined) all[publisher] = number;
    for (const each of [this.mayMiss[slot], this.repeats[slot]])
      if (each !== undefined) each[publisher] = false;
  }

  /** @param {readonly { index: number, sent: readonly number[] }[]} totals */
  hasAll(totals) {
    return totals.every(({ index: publisher, sent }) =>
      this.topics.every((topic, slot) => this.last[slot]?.[publisher] === sent[topic]),
    );
  }
}

const clients = Array.from({ length: clientCount }, (_, number) => new Client(number));

/** @param {number} topic */
function publish(topic) {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt8(index, 0);
  bytes.writeUInt8(topic, 1);
  bytes.writeUInt32BE(++report.sent[topic], 2);
  topics.publish(`room/${topic}`, bytes);
}

/** @param {number} count */
async function publishMany(count) {
  for (let done = 0; done < count; done++) {
    publish(Math.floor(random() * topicCount));
    if (done === Math.floor(count / 2)) process.send?.('half');
    if (done % 20 === 19) await delay(20);
  }
}

/** @param {() => boolean} condition */
async function until(condition) {
  while (!condition()) await delay(10);
}

process.on('message', async (/** @type {[string, any]} */ [command, value]) => {
  if (command === 'ports') ports = value;
  if (command === 'open') await Promise.all(clients.map((client) => client.open()));
  if (command === 'publish') await publishMany(value);
  if (command === 'up') await until(() => isUp);
  if (command === 'stay') isMoving = false;
  if (command === 'finish') for (let topic = 0; topic < topicCount; topic++) publish(topic);
  if (command === 'settle') await until(() => clients.every((client) => client.hasAll(value)));
  report.unpublished = topics.counts.unpublished;
  report.lost = [...lost].map(String);
  process.send?.(command === 'report' ? { ...report, index, port: address.port } : command);
});
process.send?.('ready');
