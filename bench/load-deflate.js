/**
 * The load generator for compressed messages, in a separate process. It compresses its messages in advance, and sends the same cycle of
 * messages again and again. A cycle has more than 32 KiB of text, so at its end the window contains only text of this cycle. The generator
 * compresses the cycle twice in one context, and sends the bytes of the second time: they are valid for every repetition. It counts
 * replies, and does not decompress them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { compress, FrameCounter, maskedFrame, open } from './compressed-frames.js';
import { jsonMessages } from './messages.js';

/**
 * @typedef {{ port: number, connections: number, size: number, corpus: 'users' | 'trades', context: boolean, milliseconds: number,
 * warmUp: number }} Order
 */

/** @param {Order} order */
async function run(order) {
  const { port, connections, size, corpus, context, milliseconds, warmUp } = order;
  const cycle = jsonMessages(size, Math.ceil(65_536 / size) + 1, corpus);
  const compressed = await compress([...cycle, ...cycle], context);
  const frames = compressed.map(maskedFrame);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port, context)));
  process.send?.({ ready: true });
  await new Promise((resolve) => process.once('message', resolve));
  let measuring = true;
  const counters = sockets.map((socket) => {
    const counter = new FrameCounter();
    let next = 0;
    const send = () => {
      socket.write(/** @type {Buffer} */ (frames[next]));
      if (++next === frames.length) next = cycle.length;
    };
    socket.on('data', (chunk) => {
      if (counter.push(chunk) > 0 && measuring) send();
    });
    send();
    return counter;
  });
  const count = () => {
    let replies = 0;
    let payload = 0;
    for (const counter of counters) {
      replies += counter.frames;
      payload += counter.payload;
    }
    return { replies, payload };
  };
  await sleep(warmUp);
  const start = performance.now();
  const before = count();
  process.send?.({ warm: true });
  await sleep(milliseconds);
  const after = count();
  measuring = false;
  process.send?.({
    replies: after.replies - before.replies,
    payload: after.payload - before.payload,
    milliseconds: performance.now() - start,
  });
  for (const socket of sockets) socket.destroy();
}

process.on('message', (order) => {
  if (typeof order === 'object' && order !== null && 'port' in order) {
    run(/** @type {Order} */ (order)).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  }
});
process.on('disconnect', () => process.exit());
