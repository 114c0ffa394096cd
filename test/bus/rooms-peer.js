/**
 * One process of the scenarios with WebSockets. It runs a server with `Topics` over a bus, and 500 clients. Each client has subscribed to 5
 * of 50 topics. When a client sends a message, the server publishes the message to all subscribers of a topic except this client. Each
 * message contains its sender, and a number that counts the messages of this sender to the topic. With this number, every client detects
 * missing, repeated and reordered messages, and its own messages. The test sends commands over the channel of child_process.fork, and
 * receives the answers over the same channel.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { load, makeBus } from './make-bus.js';

const [folder = '', kind = '', port = '', options = '{}', own = ''] = process.argv.slice(2);
const index = Number(own);
const topicCount = 50;
const clientCount = 500;
const topicsEach = 5;
const processCount = 4;

const { connect, WebSocketServer } = await load(folder, 'index.js');
const { Topics } = await load(folder, 'topics.js');

const report = { received: 0, gaps: 0, missed: 0, unpublished: 0, faults: /** @type {string[]} */ ([]) };

/** @param {string} text */
function fault(text) {
  if (report.faults.length < 20) report.faults.push(text);
}

// ---- the server ----

let isUp = true;
/** The number of messages of clients that the server has published. */
let handled = 0;
const topics = new Topics({
  bus: await makeBus(folder, kind, port, options),
  handlers: {
    gap(/** @type {string} */ topic, /** @type {any[]} */ connections) {
      report.gaps++;
      for (const connection of connections) connection.send(topic);
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
  message(/** @type {any} */ connection, /** @type {any} */ message, /** @type {boolean} */ isBinary) {
    if (isBinary) {
      topics.publish(`room/${message[2]}`, message, { except: connection });
      handled++;
    } else {
      for (const topic of JSON.parse(message)) topics.subscribe(connection, topic);
      connection.send('joined');
    }
  },
});
const address = await server.listen({ host: '127.0.0.1' });

// ---- the clients ----

const senders = processCount * clientCount;

class Client {
  /** @param {number} number the number of the client in this process */
  constructor(number) {
    this.id = index * clientCount + number;
    this.joined = Array.from({ length: topicsEach }, (_, j) => (number * 7 + j * 11) % topicCount);
    /** The number of received messages, for each topic of the client. */
    this.counts = new Uint32Array(topicsEach);
    /** The number of messages that the client has sent, by topic. */
    this.sent = new Uint32Array(topicCount);
    /**
     * For each sender and each topic of the client: the number of the last message, and the number of gaps that were reported before this
     * message.
     */
    this.last = new Uint32Array(senders * topicsEach);
    this.gapsThen = new Uint16Array(senders * topicsEach);
    this.gaps = new Uint16Array(topicsEach);
    /** For each topic of the client, one bit for each process. The bit is 1 when the last message of this process has arrived. */
    this.finals = new Uint8Array(topicsEach);
  }

  async open() {
    /** @type {(value?: unknown) => void} */
    let joined = () => {};
    const hasJoined = new Promise((resolve) => {
      joined = resolve;
    });
    this.connection = await connect(`ws://127.0.0.1:${address.port}/`, {
      handlers: {
        message: (/** @type {any} */ _, /** @type {any} */ message, /** @type {boolean} */ isBinary) => {
          if (isBinary) this.receive(message);
          else if (message === 'joined') joined();
          else this.gap(Number(message.slice('room/'.length)));
        },
        close: (/** @type {any} */ _, /** @type {number} */ code) =>
          fault(`a client was closed with ${code}`),
      },
    });
    this.connection.send(JSON.stringify(this.joined.map((topic) => `room/${topic}`)));
    await hasJoined;
  }

  /** @param {number} topic @param {boolean} isFinal */
  send(topic, isFinal) {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16BE(this.id, 0);
    bytes.writeUInt8(topic, 2);
    bytes.writeUInt8(isFinal ? 1 : 0, 3);
    this.sent[topic] = (this.sent[topic] ?? 0) + 1;
    bytes.writeUInt32BE(this.sent[topic] ?? 0, 4);
    this.connection.send(bytes);
  }

  /** @param {number} topic */
  gap(topic) {
    const slot = this.joined.indexOf(topic);
    this.gaps[slot] = (this.gaps[slot] ?? 0) + 1;
  }

  /** @param {Buffer} bytes */
  receive(bytes) {
    const sender = bytes.readUInt16BE(0);
    const topic = bytes.readUInt8(2);
    const number = bytes.readUInt32BE(4);
    const slot = this.joined.indexOf(topic);
    if (slot === -1 || sender === this.id) fault(`${this.id} received ${number} of ${sender} to ${topic}`);
    const at = sender * topicsEach + slot;
    const missing = number - (this.last[at] ?? 0) - 1;
    const isLocal = Math.floor(sender / clientCount) === index;
    if (missing < 0) fault(`${topic}: ${number} of ${sender} after ${this.last[at]}`);
    if (missing > 0) {
      report.missed += missing;
      if (isLocal || this.gapsThen[at] === this.gaps[slot])
        fault(`${topic}: no gap for ${missing} of ${sender}`);
    }
    this.last[at] = number;
    this.gapsThen[at] = this.gaps[slot] ?? 0;
    this.counts[slot] = (this.counts[slot] ?? 0) + 1;
    report.received++;
    if (bytes[3] === 1)
      this.finals[slot] = (this.finals[slot] ?? 0) | (1 << Math.floor(sender / clientCount));
  }

  /** True if the client has received every message to its topics except its own messages. @param {readonly number[]} totals */
  hasAll(totals) {
    return this.joined.every(
      (topic, slot) => this.counts[slot] === (totals[topic] ?? 0) - (this.sent[topic] ?? 0),
    );
  }
}

const clients = Array.from({ length: clientCount }, (_, number) => new Client(number));
for (let at = 0; at < clientCount; at += 50) {
  await Promise.all(clients.slice(at, at + 50).map((client) => client.open()));
}
await topics.ready();

// Generates the same random numbers in every run of the test.
let state = index + 1;
const random = () => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};
/** The number of messages that the clients of this process have sent, by topic. */
const sent = new Array(topicCount).fill(0);
let sentInAll = 0;

/** @param {Client} client @param {number} topic @param {boolean} isFinal */
function send(client, topic, isFinal) {
  client.send(topic, isFinal);
  sent[topic]++;
  sentInAll++;
}

/** @param {number} count @param {boolean} isSlow true if there are pauses, so that a failure can happen while messages are published */
async function publish(count, isSlow) {
  for (let done = 0; done < count; done++) {
    const client = clients[Math.floor(random() * clientCount)];
    if (client !== undefined) send(client, Math.floor(random() * topicCount), false);
    if (done === Math.floor(count / 2)) process.send?.('half');
    if (done % 250 !== 249) continue;
    await turn();
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await until(() => handled === sentInAll);
}

/** Sends a last message to each topic again and again, because the engine may be unreachable. @param {readonly number[]} others */
async function finish(others) {
  const wanted = others.reduce((bits, other) => bits | (1 << other), 0);
  const timer = setInterval(() => {
    for (let topic = 0; topic < topicCount; topic++) {
      const client = clients.find(({ joined }) => !joined.includes(topic));
      if (client !== undefined) send(client, topic, true);
    }
  }, 300);
  await until(() => clients.every(({ finals }) => finals.every((bits) => (bits & wanted) === wanted)));
  // The other processes may not have received these messages, so this process continues to send for ten seconds.
  setTimeout(() => clearInterval(timer), 10_000).unref();
}

/** @param {() => boolean} condition */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

process.on('message', async (/** @type {[string, any, boolean]} */ [command, value, isSlow]) => {
  if (command === 'publish') await publish(value, isSlow);
  if (command === 'up') await until(() => isUp);
  if (command === 'settle') await until(() => clients.every((client) => client.hasAll(value)));
  if (command === 'finish') await finish(value);
  report.unpublished = topics.counts.unpublished;
  process.send?.(command === 'report' ? { ...report, sent } : command);
});
process.send?.('ready');
