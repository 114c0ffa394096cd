/**
 * Next with a custom server, in development mode. Our server accepts the WebSocket /chat. Next accepts another WebSocket, which reloads
 * changed pages. Install the packages with `npm install next react react-dom rfc6455`. This example creates the application, a folder with
 * one page, next to this file.
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
// This page is served for every path.
const page = (text) =>
  writeFileSync(join(dir, 'app', '[[...path]]', 'page.js'), `export default () => '${text}';\n`);
page('a page');

process.env.NEXT_TELEMETRY_DISABLED = '1';
// Next adds its 'upgrade' listener to this server, which never listens on a port. On the real server, this listener would end the sockets
// of /chat.
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
// Next reports the change on its WebSocket.
for await (const message of reload) if (JSON.parse(message).type === 'serverComponentChanges') break;
console.log(await text());
await Promise.all([reload.close(), chat.shutdown(), app.close()]);
server.close();
server.closeAllConnections();
await once(server, 'close');
console.log('closed');
// Next's file watchers still run, so the program must exit explicitly.
process.exit();
