/**
 * Sends a large file no faster than the client takes it, and shows that it never lay in memory as a whole.
 *
 *     node examples/backpressure.js [file]          the default is the node program itself
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
    // False: more than `highWaterMark` (64 KiB) waits, and `drain` will be called. Or the connection is gone.
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
  // A rejection of what a handler returns closes the connection with 1011 and is reported to `error`.
  open: (connection) => sendFile(connection),
  drain: (connection) => connection.data.goOn(),
  close: (connection) => connection.data.goOn(),
  error: (_connection, error) => console.error(error),
});
const { port } = await server.listen();

// `for await` pauses reading when 16 messages or 64 KiB wait for the loop: TCP tells the server.
const connection = await connect(`ws://127.0.0.1:${port}/`);
let received = 0;
for await (const message of connection) {
  // A slow reader, who takes a second for the first message.
  await setTimeout(received === 0 ? 1000 : 2);
  received += message.length;
}

const { size } = await stat(file);
console.log(`received ${received} of ${size} bytes`);
console.log(`waited ${waits} times for drain; at most ${mostWaiting} bytes waited to be sent`);
await server.shutdown();
