/**
 * Next with a custom server, in development. /chat is a WebSocket of the program, and Next has its own WebSocket, which reloads its pages.
 * `npm install next react react-dom rfc6455`. The application is a folder with one page. This example writes the folder next to itself.
 */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import next from 'next';
import { connect, WebSocketServer } from 'rfc6455';

const dir = join(dirname(fileURLToPath(import.meta.url)), 'next-app');
mkdirSync(join(dir, 'app', '[[...path]]'), { recursive: true });
writeFileSync(
  join(dir, 'app', 'layout.js'),
  "import { createElement } from 'react';\n" +
    "export default ({ children }) => createElement('html', null, createElement('body', null, children));\n",
);
// This page has every path.
const page = (text) =>
  writeFileSync(join(dir, 'app', '[[...path]]', 'page.js'), `export default () => '${text}';\n`);
page('a page');

process.env.NEXT_TELEMETRY_DISABLED = '1';
// Next adds its 'upgrade' listener to this server, which never listens. On the real server, the listener would end sockets whose path is a
// page.
const httpServer = createServer();
const app = next({ dev: true, dir, hostname: '127.0.0.1', httpServer });
await app.prepare();
const handle = app.getRequestHandler();
const server = createServer((request, response) => handle(request, response));

const chat = new WebSocketServer({
  open: (connection) => void connection.send(`${chat.connections.size} here`),
  message: (connection, message) => void chat.broadcast(message, { except: connection }),
});
server.on('upgrade', (request, socket, head) => {
  if (request.url === '/chat') chat.handleUpgrade(request, socket, head);
  else if (!httpServer.emit('upgrade', request, socket, head)) socket.destroy();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const text = async () =>
  (await (await fetch(`http://127.0.0.1:${port}/`)).text()).match(/<body>(?:<[^>]*>)*([^<]+)/)?.[1];
console.log(await text());

const origin = `http://127.0.0.1:${port}`;
const reload = await connect(`ws://127.0.0.1:${port}/_next/hmr?id=1`, { origin });
const [ada, bob] = await Promise.all([1, 2].map(() => connect(`ws://127.0.0.1:${port}/chat`, { origin })));
const messages = bob[Symbol.asyncIterator]();
await messages.next();
ada.send('hello');
console.log((await messages.next()).value);

page('another page');
// Next says so to its own WebSocket.
for await (const message of reload) if (JSON.parse(message).type === 'serverComponentChanges') break;
console.log(await text());
await Promise.all([reload.close(), chat.shutdown(), app.close()]);
server.close();
server.closeAllConnections();
await once(server, 'close');
console.log('closed');
// `close` does not end the file watchers of Next, so the program exits explicitly.
process.exit();
