/**
 * A chat over four processes that share one port: a message of a member also reaches the members whose connections are in other processes. The
 * messages between the processes go over the channel of node:cluster. If REDIS_URL is set, they go over Redis instead, and the program may run on
 * several machines.
 *
 *     node examples/chat-cluster.js          then open http://127.0.0.1:8080/ in several windows
 *     npm install redis && REDIS_URL=redis://127.0.0.1:6379 node examples/chat-cluster.js
 *
 * Each window shows the id of the process that serves it. If you kill this process, its members connect again to another process, and the other
 * members notice nothing.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { reject, WebSocketServer } from 'rfc6455';
import { ClusterBus, RedisBus, Topics } from 'rfc6455/topics';

/** @typedef {{ name: string, room: string }} Visitor */

const PROCESSES = 4;

const page = `<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<form id="enter">
  <input name="name" placeholder="your name" required pattern="[\\p{L}\\p{N} ]{1,20}">
  in the room <input name="room" value="garden" required pattern="[a-z]{1,20}">
  <button>Enter</button>
</form>
<form id="say" hidden><input name="text" required maxlength="500" autocomplete="off"> <button>Say</button></form>
<ol></ol>
<script>
  const [enter, say] = document.forms;
  let socket;
  function show(line) {
    document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: line }));
  }
  function connect() {
    socket = new WebSocket('ws://' + location.host + '/chat?' + new URLSearchParams(new FormData(enter)));
    socket.onmessage = ({ data }) => show(data);
    socket.onclose = () => {
      show('* The connection is lost');
      // A random time, so that the members of a process that ended do not all come back at once.
      setTimeout(connect, 500 + Math.random() * 2_500);
    };
  }
  enter.onsubmit = () => {
    enter.hidden = true;
    say.hidden = false;
    connect();
    return false;
  };
  say.onsubmit = () => {
    // While there is no connection, the line stays in the input field.
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(say.elements.text.value);
      say.reset();
    }
    return false;
  };
</script>
`;

if (cluster.isPrimary) lead();
else await serve();

/** The primary accepts no connections. It starts the other processes, and replaces each one that ends. */
function lead() {
  // The workers reach each other through the primary, so the primary has a bus as well. With Redis it needs none.
  const bus = process.env.REDIS_URL === undefined ? new ClusterBus(cluster) : null;
  let started = 0;
  let isEnding = false;

  cluster.on('listening', (_worker, { port }) => {
    if (++started === PROCESSES) console.log(`listening on http://127.0.0.1:${port}/`);
  });
  cluster.on('exit', (worker, code, signal) => {
    if (isEnding) return;
    console.log(`process ${worker.process.pid} ended: ${signal ?? code}`);
    // If the first processes cannot listen, others could not listen either.
    if (started < PROCESSES) end(1);
    else setTimeout(() => isEnding || cluster.fork(), 500);
  });

  /** @param {number} status */
  function end(status) {
    isEnding = true;
    process.exitCode = status;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
    void bus?.close();
  }

  for (let count = 0; count < PROCESSES; count++) cluster.fork();
  process.once('SIGINT', () => end(0));
}

/** Runs in each of the four processes. */
async function serve() {
  let isAlone = false;
  const topics = new Topics({
    bus: await makeBus(),
    handlers: {
      // Messages of other processes may be lost. Only the members know whether that matters, so they are notified.
      gap(_room, members) {
        for (const member of members) member.send('* Lines may be missing here');
      },
      state(isUp) {
        isAlone = !isUp;
        server.broadcast(isUp ? '* The other processes are here again' : '* The other processes are away');
      },
    },
  });

  /** @type {WebSocketServer<Visitor>} */
  const server = new WebSocketServer(
    {
      upgrade(request) {
        const query = new URLSearchParams(request.query);
        const room = query.get('room') ?? '';
        const name = query.get('name') ?? '';
        // The peer chooses these values, so they are checked before they are used as names.
        if (!/^[a-z]{1,20}$/.test(room)) return reject(400, 'A room is 1 to 20 small letters\n');
        if (!/^[\p{L}\p{N} ]{1,20}$/u.test(name))
          return reject(400, 'A name is 1 to 20 letters and digits\n');
        return { data: { name, room: `room/${room}` } };
      },

      async open(member) {
        const { room, name } = member.data;
        topics.subscribe(member, room);
        topics.publish(room, `* ${name} came`, { except: member });
        if (isAlone) member.send('* The other processes are away');
        // From here on the member also receives the messages of the other processes.
        await topics.ready();
        member.send(`* You are with process ${process.pid}`);
      },

      message(member, message, isBinary) {
        if (isBinary) member.close(1003, 'text only');
        else topics.publish(member.data.room, `${member.data.name}: ${message}`);
      },

      // This is called exactly once for each connection that was open, however it ended.
      close(member) {
        topics.publish(member.data.room, `* ${member.data.name} left`);
      },
    },
    { maxMessageSize: 2_000 },
  );

  const http = createServer((request, response) => {
    const isFound = request.url === '/';
    response.writeHead(isFound ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(isFound ? page : '<p>Nothing here');
  });
  server.attach(http, { path: '/chat' });
  http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1');

  // Ctrl-C sends SIGINT to all processes. The workers ignore it, and end when the primary sends SIGTERM.
  process.on('SIGINT', () => {});
  process.once('SIGTERM', async () => {
    http.close();
    await server.shutdown({ reason: 'the chat is closing' });
    http.closeAllConnections();
    await topics.close();
    process.disconnect();
  });
}

/** Creates the bus that carries the messages between the processes. */
async function makeBus() {
  const url = process.env.REDIS_URL;
  if (url === undefined) return new ClusterBus(cluster);
  // @ts-expect-error The application installs this package: it is not a dependency of rfc6455.
  const { createClient } = await import('redis');
  return new RedisBus(createClient({ url }));
}
