/**
 * A chat with several rooms. The path of the URL is the room, and the query contains the name of the visitor:
 *
 *     node examples/chat.js
 *     npx rfc6455 connect 'ws://127.0.0.1:8080/garden?name=Ann'
 */
import { Group, reject, WebSocketServer } from 'rfc6455';

/** @typedef {{ name: string, room: string }} Visitor */

/** @type {Map<string, Group<Visitor>>} */
const rooms = new Map();

// If at least this number of bytes waits to be sent to a visitor, the visitor does not receive new lines. This limits the memory for a slow
// visitor.
const TOO_FAR_BEHIND = 1_048_576;

/** @param {string} room @param {string} line */
function tell(room, line) {
  rooms.get(room)?.broadcast(line, { filter: ({ bufferedAmount }) => bufferedAmount < TOO_FAR_BEHIND });
}

/** @type {WebSocketServer<Visitor>} */
const server = new WebSocketServer(
  {
    upgrade(request) {
      const room = request.path.slice(1);
      const name = new URLSearchParams(request.query).get('name') ?? '';
      // These values come from the peer, so they are checked before they are used.
      if (!/^[a-z]{1,20}$/.test(room)) return reject(404, 'A room is 1 to 20 small letters\n');
      if (!/^[\p{L}\p{N} ]{1,20}$/u.test(name))
        return reject(400, 'Who are you? Add ?name=Ann to the address\n');
      return { data: { name, room } };
    },

    open(member) {
      const { room, name } = member.data;
      const members = rooms.get(room) ?? new Group();
      rooms.set(room, members);
      members.add(member);
      tell(room, `* ${name} came, ${members.size} here`);
    },

    message(member, message, isBinary) {
      if (isBinary) {
        member.close(1003, 'text only');
        return;
      }
      tell(member.data.room, `${member.data.name}: ${message}`);
    },

    // `close` is called exactly once for each member. The member has already left the group.
    close(member) {
      const { room, name } = member.data;
      if (rooms.get(room)?.size === 0) rooms.delete(room);
      tell(room, `* ${name} left`);
    },
  },
  { maxMessageSize: 2_000 },
);

const { address, port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ws://${address}:${port}/`);

process.once('SIGINT', () => server.shutdown({ reason: 'the chat is closing' }));
