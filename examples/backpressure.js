/**
 * Sends a large file as fast as the client reads it. The output shows that the whole file was never in memory.
 *
 *     node examples/backpressure.js [file]          the default file is the program `node`
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { connect, WebSocketServer } from 'rfc6455';

const [file = process.execPath] = process.argv.slice(2);

let mostWaiting = 0;
let waits = 0;

/**
 * @typedef {{ goOn: () => void }} Sender
 * @param {import('rfc6455').Connection<Sender>} connection
 */
async function sendFile(connection) {
  for await (const chunk of createReadStream(file, { highWaterMark: 262_144 })) {
    // `send` returns false if more than `highWaterMark` bytes (64 KiB) wait to be sent. In this case, `drain` is called later. `send` also
    // returns false if the connection is not open.
    if (!connection.send(chunk)) {
      if (connection.state !== 'open') return;
      mostWaiting = Math.max(mostWaiting, connection.bufferedAmount);
      waits++;
      await new Promise((resolve) => {
        connection.data.goOn = () => resolve(undefined);
      });
    }
  }
  connection.close(1000);
}

/** @type {WebSocketServer<Sender>} */
const server = new WebSocketServer({
  upgrade: () => ({ data: { goOn: () => {} } }),
  // `open` returns a Promise. If it rejects, the connection closes with 1011, and the `error` handler receives the reason.
  open: (connection) => sendFile(connection),
  drain: (connection) => connection.data.goOn(),
  close: (connection) => connection.data.goOn(),
  error: (_connection, error) => console.error(error),
});
const { port } = await server.listen();

// While 16 messages or 64 KiB wait for this loop, `for await` does not read from the socket. Then TCP stops the server from sending more.
const connection = await connect(`ws://127.0.0.1:${port}/`);
let received = 0;
for await (const message of connection) {
  // This reader is slow: the first message takes one second.
  await setTimeout(received === 0 ? 1000 : 2);
  received += message.length;
}

const { size } = await stat(file);
console.log(`received ${received} of ${size} bytes`);
console.log(`waited ${waits} times for drain; at most ${mostWaiting} bytes waited to be sent`);
await server.shutdown();
