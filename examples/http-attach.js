/**
 * One HTTP server on one port, with a normal web page and two WebSocket endpoints.
 *
 *     node examples/http-attach.js          then open http://127.0.0.1:8080/
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'rfc6455';

const page = `<!doctype html>
<meta charset="utf-8">
<title>rfc6455</title>
<p>The server says it is <output id="time">…</output></p>
<form><input name="text" value="hello"><button>Echo</button> <output id="echo"></output></form>
<script>
  const clock = new WebSocket('/time');
  clock.onmessage = ({ data }) => { document.querySelector('#time').textContent = data; };
  const echo = new WebSocket('/echo');
  echo.onmessage = ({ data }) => { document.querySelector('#echo').textContent = data; };
  document.querySelector('form').onsubmit = (event) => {
    event.preventDefault();
    echo.send(event.target.text.value);
  };
</script>
`.replaceAll("new WebSocket('", "new WebSocket('ws://' + location.host + '");

const http = createServer((request, response) => {
  const found = request.url === '/';
  response.writeHead(found ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(found ? page : '<p>Nothing here');
});

const echo = new WebSocketServer({
  message: (connection, message) => {
    connection.send(message);
  },
});
const time = new WebSocketServer({
  open: (connection) => {
    connection.send(new Date().toISOString());
  },
  // This handler ignores messages from clients. Without a `message` handler, they would wait for a `for await` loop.
  message: () => {},
});

// Paths are compared character by character. If the path of an upgrade request is different, other listeners of the HTTP server can accept
// the request. If no listener accepts it, the answer is 404.
echo.attach(http, { path: '/echo' });
time.attach(http, { path: '/time' });
const clock = setInterval(() => time.broadcast(new Date().toISOString()), 1_000);

http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const address = http.address();
  if (address !== null && typeof address === 'object') {
    console.log(`listening on http://127.0.0.1:${address.port}/`);
  }
});

process.once('SIGINT', async () => {
  clearInterval(clock);
  // `shutdown` closes the WebSocket connections, and detaches from the HTTP server. It does not close the HTTP server.
  await Promise.all([echo.shutdown(), time.shutdown()]);
  http.close();
  http.closeAllConnections();
});
