/**
 * Opens many connections with compression, and sends the same messages on each connection, in stages. A connection sends its next message
 * after the echo of the previous message. After a stage, the additional memory of the server is the memory of its compression contexts.
 */
import { compress, FrameCounter, maskedFrame, open } from './compressed-frames.js';
import { jsonMessages } from './messages.js';

/** @typedef {{ port: number, connections: number, stages: { size: number, count: number }[] }} Order */

// The number of connections that send at the same time. This number is small, so that the server's queues do not change the result.
const AT_ONCE = 50;

/** @template T @param {readonly T[]} list @param {(one: T) => Promise<void>} run */
async function inTurn(list, run) {
  for (let at = 0; at < list.length; at += AT_ONCE) await Promise.all(list.slice(at, at + AT_ONCE).map(run));
}

/** @param {Order} order */
async function run({ port, connections, stages }) {
  const messages = stages.map(({ size, count }) => jsonMessages(size, count));
  const frames = (await compress(messages.flat(), true)).map(maskedFrame);
  /** @type {import('node:net').Socket[]} */
  const sockets = [];
  await inTurn(Array.from({ length: connections }), async () => {
    sockets.push(await open(port, true));
  });
  process.send?.({ stage: 'open' });
  let first = 0;
  for (const { count } of stages) {
    await new Promise((resolve) => process.once('message', resolve));
    const part = frames.slice(first, first + count);
    await inTurn(sockets, async (socket) => {
      const counter = new FrameCounter();
      for (const frame of part) {
        const reply = new Promise((resolve) => {
          socket.on('data', function onData(chunk) {
            if (counter.push(chunk) === 0) return;
            socket.off('data', onData);
            resolve(null);
          });
        });
        socket.write(frame);
        await reply;
      }
    });
    first += count;
    process.send?.({ stage: 'done' });
  }
}

process.once('message', (order) => {
  run(/** @type {Order} */ (order)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit());
