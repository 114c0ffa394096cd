// Runs our client as an echo client for the judge, in Autobahn's loop: node rfc6455.js <url> [agent]
import { connect } from 'rfc6455';

const [url = 'ws://127.0.0.1:9001', agent = 'rfc6455'] = process.argv.slice(2);
const name = encodeURIComponent(agent);
const options = { compression: true, maxMessageSize: 64 * 1024 * 1024 };

/**
 * Connects, calls back with each message, and waits for the end.
 * @param {string} path
 * @param {(connection: import('rfc6455').Connection, message: string | Buffer) => void} message
 * @returns {Promise<void>}
 */
async function talk(path, message) {
  try {
    const connection = await connect(`${url}${path}`, { ...options, handlers: { message, error() {} } });
    await connection.closed;
  } catch (error) {
    // In some cases the client has to refuse the handshake, so this error is normal.
    if (!path.startsWith('/runCase')) throw error;
  }
}

let count = 0;
await talk('/getCaseCount', (_connection, text) => {
  count = Number(text);
});
for (let number = 1; number <= count; number++) {
  await talk(`/runCase?case=${number}&agent=${name}`, (connection, message) => {
    connection.send(message);
  });
}
await talk(`/updateReports?agent=${name}`, () => {});
