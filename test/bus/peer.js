/**
 * One process of the scenarios. It has a bus over a real engine, 500 subscribers with 5 of 50 topics each, and a publisher to random
 * topics. Each message contains its publisher, and a number that counts the messages of this publisher to the topic. With this number,
 * every subscriber detects missing, repeated and reordered messages. The test sends commands over the channel of child_process.fork, and
 * receives the answers over the same channel.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { makeBus } from './make-bus.js';

const [folder = '', kind = '', port = '', options = '{}', own = ''] = process.argv.slice(2);
const index = Number(own);
const topics = 50;
const connections = 500;
const topicsEach = 5;
const publishers = 4;

/** The state of one subscriber in one topic. */
class Subscriber {
  /** For each publisher, the number of its last message. */
  last = new Array(publishers).fill(0);
  /** For each publisher, whether a gap was reported after its last message. */
  mayMiss = new Array(publishers).fill(false);
}

/** @type {Subscriber[][]} */
const subscribers = Array.from({ length: topics }, () => []);
for (let i = 0; i < connections; i++) {
  for (let j = 0; j < topicsEach; j++) subscribers[(i * 7 + j * 11) % topics]?.push(new Subscriber());
}

const report = {
  received: 0,
  gaps: 0,
  missed: 0,
  rejected: 0,
  published: 0,
  finals: 0,
  /** The messages that did not arrive, as 'publisher topic number'. Each message is listed once. */
  lost: /** @type {string[]} */ ([]),
  /** The messages of this process that the bus refused, as 'publisher topic number'. */
  refused: /** @type {string[]} */ ([]),
  faults: /** @type {string[]} */ ([]),
};

/** @param {number} topic @param {Uint8Array} bytes */
function receive(topic, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const publisher = view.getUint8(0);
  const number = view.getUint32(1);
  // The process ignores its own messages, because `Topics` would deliver them without the engine.
  if (publisher === index) return;
  if (view.getUint8(5) === 1) report.finals++;
  for (const subscriber of subscribers[topic] ?? []) {
    const missing = number - (subscriber.last[publisher] ?? 0) - 1;
    report.received++;
    if (missing > 0) report.missed += missing;
    for (let at = number - missing; missing > 0 && at < number; at++) lost.add(`${publisher} ${topic} ${at}`);
    if (missing < 0) fault(`${topic}: ${number} of ${publisher} after ${subscriber.last[publisher]}`);
    if (missing > 0 && !subscriber.mayMiss[publisher])
      fault(`${topic}: no gap for ${missing} of ${publisher}`);
    subscriber.last[publisher] = number;
    subscriber.mayMiss[publisher] = false;
  }
}

/** @type {Set<string>} */
const lost = new Set();

/** @param {string} text */
function fault(text) {
  if (report.faults.length < 20) report.faults.push(text);
}

const numbers = new Array(topics).fill(0);
/** @param {number} topic @param {boolean} isFinal */
function message(topic, isFinal) {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt8(index, 0);
  bytes.writeUInt32BE(++numbers[topic], 1);
  bytes.writeUInt8(isFinal ? 1 : 0, 5);
  return bytes;
}

const bus = await makeBus(folder, kind, port, options);
let isUp = true;
bus.onState((/** @type {boolean} */ up) => {
  isUp = up;
});
await Promise.all(
  subscribers.map((some, topic) =>
    bus.subscribe(`room/${topic}`, {
      message: (/** @type {string} */ _, /** @type {Uint8Array} */ bytes) => receive(topic, bytes),
      gap: () => {
        report.gaps++;
        for (const subscriber of some) subscriber.mayMiss.fill(true);
      },
    }),
  ),
);

// Generates the same random numbers in every run of the test.
let state = index + 1;
const random = () => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};

/** @param {number} count @param {boolean} isSlow true if there are pauses, so that a failure can happen while messages are published */
async function publish(count, isSlow) {
  for (let done = 0; done < count; ) {
    const batch = [];
    const names = [];
    for (let i = 0; i < 250 && done < count; i++, done++) {
      const topic = Math.floor(random() * topics);
      batch.push(bus.publish(`room/${topic}`, message(topic, false)));
      names.push(`${index} ${topic} ${numbers[topic]}`);
    }
    if (done >= count / 2 && done - batch.length < count / 2) process.send?.('half');
    for (const [at, { status }] of (await Promise.allSettled(batch)).entries()) {
      if (status === 'fulfilled') report.published++;
      else {
        report.rejected++;
        report.refused.push(names[at] ?? '');
      }
    }
    await turn();
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Publishes a last message to each topic again and again, until the engine accepts one. */
async function finish() {
  for (let topic = 0; topic < topics; topic++) {
    for (;;) {
      const isDone = await bus.publish(`room/${topic}`, message(topic, true)).then(
        () => true,
        () => false,
      );
      if (isDone) break;
      report.refused.push(`${index} ${topic} ${numbers[topic]}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** @param {() => boolean} condition */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

process.on('message', async (/** @type {[string, number, boolean]} */ [command, count, isSlow]) => {
  if (command === 'publish') await publish(count, isSlow);
  if (command === 'up') await until(() => isUp);
  if (command === 'finish') await finish();
  if (command === 'report') await until(() => report.finals >= count * topics);
  report.lost = [...lost];
  process.send?.(command === 'report' ? report : command);
  if (command === 'close') {
    await bus.close();
    process.exit();
  }
});
process.send?.('ready');
