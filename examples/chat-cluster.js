/**
 * A chat with four processes that share one port. A message of a member also reaches the members in other processes. The processes exchange
 * messages over node:cluster. If REDIS_URL or NATS_URL is set, they use Redis or NATS instead. Then the program can also run on several
 * machines.
 *
 *     node examples/chat-cluster.js          then open http://127.0.0.1:8080/ in several windows
 *     npm install redis && REDIS_URL=redis://127.0.0.1:6379 node examples/chat-cluster.js
 *     npm install @nats-io/transport-node @nats-io/jetstream && NATS_URL=127.0.0.1:4222 node examples/chat-cluster.js
 *
 * Each window shows the id of the process that serves it, and the members of the room (presence). If you kill a process, its members
 * reconnect to another process. With Redis or NATS, they receive the lines that they have missed (history). Without these, they receive a
 * notice that lines may be missing.
 *
 * A member sends text. `/name NEW` changes the name of the member. `/offset` asks for the member's offset in the history. Any other text is
 * sent to the room. A member receives JSON:
 *
 *     { line, id }               a line for the room; the id is unique
 *     { line }                   a line for this member only
 *     { people: [member, …] }    all members of the room; this is the first message of each connection
 *     { here: member }           a member has entered, or has a new name
 *     { gone: id }               a member has left
 *     { you: name }              the new name of this member
 *     { offset }                 the position after the last line in the history; null if there is no history
 */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { reject, WebSocketServer } from 'rfc6455';
import { ClusterBus, NatsBus, RedisBus, TopicError, Topics } from 'rfc6455/topics';

/**
 * `after` is the last offset of the member's earlier connection. It is null if the member enters for the first time, and '' if the earlier
 * connection had no offset.
 * @typedef {{ name: string, room: string, after: string | null, people: import('rfc6455/topics').Presence | null }} Visitor
 * @typedef {import('rfc6455').Connection<Visitor>} Member
 */

const PROCESSES = 4;
const { REDIS_URL, NATS_URL } = process.env;
const nameForm = /^[\p{L}\p{N} ]{1,20}$/u;

const page = `<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<form id="enter">
  <input name="name" placeholder="your name" required pattern="[\\p{L}\\p{N} ]{1,20}">
  in the room <input name="room" value="garden" required pattern="[a-z]{1,20}">
  <button>Enter</button>
</form>
<form id="say" hidden>
  <input name="text" required maxlength="500" autocomplete="off"> <button>Say</button> or /name and a new name
</form>
<p></p>
<ol></ol>
<script>
  const [enter, say] = document.forms;
  let socket, offset;
  let hasNews = false;
  let people = new Map();
  const shown = new Set();
  function show(line) {
    document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: line }));
  }
  function receive(message) {
    // After a reconnection, the server may send some lines a second time. So the page shows each id only once.
    if (message.line && !shown.has(message.id)) show(message.line);
    if (message.id) {
      shown.add(message.id);
      hasNews = true;
    }
    if (message.people) people = new Map(message.people.map(({ id, name }) => [id, name]));
    if (message.here) people.set(message.here.id, message.here.name);
    if (message.gone) people.delete(message.gone);
    if (message.you) enter.elements.name.value = message.you;
    // If the new offset is null, the page keeps the earlier offset. This is safe: after a reconnection, the page only receives more lines a
    // second time.
    if (message.offset) offset = message.offset;
    // The Set removes repeated names. A person with two windows is two members. After a process was killed, its members may be listed twice
    // for some time.
    const names = [...new Set(people.values())].sort();
    document.querySelector('p').textContent = 'In the room: ' + names.join(', ');
  }
  function connect() {
    const query = new URLSearchParams(new FormData(enter));
    // The page sends an offset only when it reconnects. The offset is '' if there is no history.
    if (offset !== undefined) query.set('after', offset ?? '');
    socket = new WebSocket('ws://' + location.host + '/chat?' + query);
    socket.onopen = () => (offset ??= null);
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = () => {
      show('* The connection is lost');
      // The delay is random, so that not all members reconnect at the same time after a process has ended.
      setTimeout(connect, 500 + Math.random() * 2_500);
    };
  }
  setInterval(() => {
    if (!hasNews || socket.readyState !== WebSocket.OPEN) return;
    hasNews = false;
    socket.send('/offset');
  }, 1_000);
  enter.onsubmit = () => {
    enter.hidden = true;
    say.hidden = false;
    connect();
    return false;
  };
  say.onsubmit = () => {
    // If there is no connection, the text stays in the input field.
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

/** Runs the primary process. It accepts no connections. It starts the workers, and replaces a worker that has ended. */
function lead() {
  // With node:cluster, the workers exchange messages through the primary. So the primary needs a bus too. With Redis or NATS, it needs no
  // bus.
  const bus = REDIS_URL || NATS_URL ? null : new ClusterBus(cluster);
  let started = 0;
  let isEnding = false;

  cluster.on('listening', (_worker, { port }) => {
    if (++started === PROCESSES) console.log(`listening on http://127.0.0.1:${port}/`);
  });
  cluster.on('exit', (worker, code, signal) => {
    if (isEnding) return;
    console.log(`process ${worker.process.pid} ended: ${signal ?? code}`);
    // If the first workers cannot listen, new workers cannot listen either.
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

/** Runs in each of the four workers. */
async function serve() {
  let isAlone = false;
  const bus = await makeBus();
  const topics = new Topics({
    bus,
    // The presence list contains this info (the name) for each member.
    presence: { member: ({ data }) => /** @type {Visitor} */ (data).name },
    handlers: {
      // Messages from other processes may have been lost. The members are notified.
      gap(_room, members) {
        for (const member of members) send(member, { line: '* Lines may be missing here' });
      },
      state(isUp) {
        isAlone = !isUp;
        const line = isUp ? '* The other processes are here again' : '* The other processes are away';
        server.broadcast(JSON.stringify({ line }));
      },
    },
  });

  /** @param {string} room @param {string} line @param {Member} [except] */
  function publish(room, line, except) {
    topics.publish(room, JSON.stringify({ line, id: randomUUID() }), { except });
  }

  /** Subscribes a member to its room. A member that reconnects first receives the messages that it has missed. @param {Member} member */
  function subscribe(member) {
    const { room, after } = member.data;
    if (after !== null && bus.history !== undefined) {
      try {
        topics.subscribe(member, room, { after });
        return;
      } catch (error) {
        // The offset comes from the peer, so it may be invalid.
        if (!(error instanceof TopicError && error.code === 'WS_TOPIC_OFFSET')) throw error;
      }
    }
    topics.subscribe(member, room);
    if (after !== null) send(member, { line: '* Lines may be missing here' });
  }

  /** Sends the list of the members of the room, and later each change of the list. @param {Member} member */
  function showPeople(member) {
    const here = (/** @type {import('rfc6455/topics').PresenceMember} */ { id, info }) =>
      send(member, { here: { id, name: info } });
    const people = topics.presence(member.data.room, {
      join: here,
      update: here,
      leave: ({ id }) => send(member, { gone: id }),
    });
    member.data.people = people;
    send(member, { people: people.members.map(({ id, info }) => ({ id, name: info })) });
  }

  /** @param {Member} member @param {string} name */
  function rename(member, name) {
    if (!nameForm.test(name)) {
      send(member, { line: '* A name is 1 to 20 letters and digits' });
      return;
    }
    publish(member.data.room, `* ${member.data.name} is now ${name}`);
    member.data.name = name;
    topics.updatePresence(member);
    send(member, { you: name });
  }

  /** @type {WebSocketServer<Visitor>} */
  const server = new WebSocketServer(
    {
      upgrade(request) {
        const query = new URLSearchParams(request.query);
        const room = query.get('room') ?? '';
        const name = query.get('name') ?? '';
        // These values come from the peer, so they are checked before they are used.
        if (!/^[a-z]{1,20}$/.test(room)) return reject(400, 'A room is 1 to 20 small letters\n');
        if (!nameForm.test(name)) return reject(400, 'A name is 1 to 20 letters and digits\n');
        /** @type {Visitor} */
        const data = { name, room: `room/${room}`, after: query.get('after'), people: null };
        return { data };
      },

      async open(member) {
        const { room, name } = member.data;
        showPeople(member);
        subscribe(member);
        publish(room, `* ${name} came`, member);
        if (isAlone) send(member, { line: '* The other processes are away' });
        // After `ready`, the member also receives messages from the other processes.
        await topics.ready();
        send(member, { line: `* You are with process ${process.pid}` });
        send(member, { offset: topics.offsetOf(member, room) });
      },

      message(member, message, isBinary) {
        const { room, name } = member.data;
        if (isBinary) member.close(1003, 'text only');
        else if (message === '/offset') send(member, { offset: topics.offsetOf(member, room) });
        else if (message.startsWith('/name ')) rename(member, message.slice(6).trim());
        else publish(room, `${name}: ${message}`);
      },

      // `close` is called exactly once for each connection that was open.
      close(member) {
        member.data.people?.close();
        publish(member.data.room, `* ${member.data.name} left`);
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

  // Ctrl-C sends SIGINT to all processes. The workers ignore SIGINT. They end when the primary sends SIGTERM.
  process.on('SIGINT', () => {});
  process.once('SIGTERM', async () => {
    http.close();
    await server.shutdown({ reason: 'the chat is closing' });
    http.closeAllConnections();
    await topics.close();
    process.disconnect();
  });
}

/** @param {import('rfc6455').Connection<unknown>} member @param {object} message */
function send(member, message) {
  member.send(JSON.stringify(message));
}

/**
 * Creates the bus: it carries messages between the processes. With Redis or NATS, it also stores the messages for an hour (history).
 * @returns {Promise<import('rfc6455/topics').Bus>}
 */
async function makeBus() {
  if (REDIS_URL) {
    // @ts-expect-error Install this package yourself: it is not a dependency of rfc6455.
    const { createClient } = await import('redis');
    return new RedisBus(createClient({ url: REDIS_URL }), { history: {} });
  }
  if (NATS_URL) {
    // @ts-expect-error This package is not a dependency either.
    const { connect } = await import('@nats-io/transport-node');
    // @ts-expect-error This package is not a dependency either.
    const { jetstreamManager } = await import('@nats-io/jetstream');
    const connection = await connect({ servers: NATS_URL, maxReconnectAttempts: -1 });
    return new NatsBus(connection, { history: { jetstream: await jetstreamManager(connection) } });
  }
  return new ClusterBus(cluster);
}
