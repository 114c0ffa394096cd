/**
 * Express with sessions. Before the server accepts a WebSocket, it checks the session cookie. The client of this example logs in over HTTP,
 * and then connects with the cookie. Install the packages with `npm install express express-session rfc6455`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import session from 'express-session';
import { WebSocket, WebSocketServer } from 'rfc6455/ws';

const app = express();
const sessions = session({ secret: 'a secret of the application', resave: false, saveUninitialized: false });
app.use(sessions);
app.post('/login', (request, response) => {
  request.session.user = 'Ada';
  response.sendStatus(204);
});

const server = createServer(app);
const webSockets = new WebSocketServer({ noServer: true });
webSockets.on('connection', (webSocket, request) => {
  webSocket.on('message', (data) => webSocket.send(`${request.session.user} said ${data}`));
});
server.on('upgrade', (request, socket, head) => {
  // Until `handleUpgrade` is called, the program must handle errors of the socket. To load the session may take some time.
  const ignore = () => {};
  socket.on('error', ignore);
  // express-session does not use the response here, so an empty object is enough. If the session cannot be loaded, `request.session` is
  // undefined.
  sessions(request, {}, () => {
    if (request.session?.user === undefined) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    socket.off('error', ignore);
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSockets.emit('connection', webSocket, request);
    });
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

// The first client has no cookie, and is refused. The second client has the cookie, and is accepted.
const stranger = new WebSocket(`ws://127.0.0.1:${port}`);
const [, refusal] = await once(stranger, 'unexpected-response');
refusal.resume();
console.log(`without a session: ${refusal.statusCode}`);
const login = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' });
const [cookie] = login.headers.getSetCookie();
const user = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { Cookie: cookie } });
await once(user, 'open');
user.send('hello');
const [answer] = await once(user, 'message');
console.log(String(answer));
user.close(1000);
await once(user, 'close');
server.close();
server.closeAllConnections();
