/**
 * A dashboard that sends 1,000 updates a second to each open page. A slow page receives fewer updates, but they are always current.
 *
 *     node examples/dashboard.js          then open http://127.0.0.1:8080/, and tick the box that makes the page slow
 */
import { createServer } from 'node:http';
import { Group, WebSocketServer } from 'rfc6455';

const page = `<!doctype html>
<meta charset="utf-8">
<title>dashboard</title>
<p><output id="rate">0</output> values a second, the last one <output id="age">0</output> ms old</p>
<label><input type="checkbox" id="slow"> This page is busy for 20 ms with each value</label>
<table></table>
<script>
  const rows = new Map();
  let count = 0;
  const socket = new WebSocket('ws://' + location.host + '/values');
  socket.onmessage = ({ data }) => {
    const { name, value, at } = JSON.parse(data);
    let cell = rows.get(name);
    if (cell === undefined) {
      const row = document.querySelector('table').insertRow();
      row.insertCell().textContent = name;
      cell = row.insertCell();
      rows.set(name, cell);
    }
    cell.textContent = value.toFixed(2);
    document.querySelector('#age').textContent = Date.now() - at;
    count++;
    const until = performance.now() + 20;
    while (document.querySelector('#slow').checked && performance.now() < until);
  };
  setInterval(() => {
    document.querySelector('#rate').textContent = count;
    count = 0;
  }, 1_000);
</script>
`;

const names = ['Ankara', 'Berlin', 'Cairo', 'Dublin', 'Fez', 'Genoa', 'Hanoi', 'Izmir', 'Jaffa', 'Kyoto'];
const values = new Map(names.map((name) => [name, 20]));

// The connections of the open pages. A closed connection leaves the group automatically.
const viewers = new Group();
const server = new WebSocketServer({
  open: (connection) => void viewers.add(connection),
  // This handler ignores messages from a page. Without a `message` handler, they would wait for a `for await` loop.
  message: () => {},
});

let next = 0;
let updates = 0;
const started = performance.now();
const clock = setInterval(() => {
  // If the timer is late, the loop sends several updates at once, so that there are still 1,000 updates a second.
  for (; updates < performance.now() - started; updates++) {
    const name = names[next++ % names.length] ?? '';
    const value = (values.get(name) ?? 0) + Math.random() - 0.5;
    values.set(name, value);
    const message = JSON.stringify({ name, value, at: Date.now() });
    // If a page is slow, at most one value per name waits to be sent: a new value replaces the waiting value.
    for (const viewer of viewers) viewer.sendLatest(name, message);
  }
}, 1);

const http = createServer((request, response) => {
  const found = request.url === '/';
  response.writeHead(found ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(found ? page : '<p>Nothing here');
});
server.attach(http, { path: '/values' });
http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const address = http.address();
  if (address !== null && typeof address === 'object') {
    console.log(`listening on http://127.0.0.1:${address.port}/`);
  }
});

process.once('SIGINT', async () => {
  clearInterval(clock);
  await server.shutdown();
  http.close();
  http.closeAllConnections();
});
