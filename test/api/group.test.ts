/** `Group` is a set of connections. The tests check its members, and the connections that receive a broadcast to the group. */
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { type Connection, coreOf } from '../../src/api/connection.ts';
import { Dispatch } from '../../src/api/dispatch.ts';
import { Group } from '../../src/api/group.ts';
import { readValues } from '../../src/api/option-spec.ts';
import { connectionSpecs, toLimits } from '../../src/api/options.ts';
import { DeflateCodec } from '../../src/deflate/codec.ts';
import { FakeSocket, turn } from '../transport/fake-socket.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { framesOf } from '../transport/wire.ts';
import { pair, until } from './pair.ts';

const opened: Connection[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const connection of opened.splice(0)) connection.terminate();
  await closeServers();
});

/** Returns a server's connection on a fake socket. */
function line(): { socket: FakeSocket; connection: Connection } {
  const socket = new FakeSocket();
  const info = { url: '/', subprotocol: '', extensions: [], headers: [] };
  const dispatch = new Dispatch<undefined>({
    socket: socket as Duplex,
    handlers: { message() {} },
    info: { ...info, remoteAddress: undefined, remotePort: undefined },
    options: { role: 'server', limits: toLimits(readValues({}, connectionSpecs, 'server')) },
    codec: null,
    data: undefined,
    owner: null,
  });
  dispatch.start(Buffer.alloc(0));
  opened.push(dispatch.connection);
  return { socket, connection: dispatch.connection };
}

const textsOf = (socket: FakeSocket): string[] =>
  framesOf(socket.bytes)
    .filter(({ opcode }) => opcode === 1)
    .map(({ payload }) => payload.toString());

test('a connection that is added twice is one member of the group, and one call of `delete` removes it', () => {
  const [one, two] = [line().connection, line().connection];
  const group = new Group([one]);
  expect([group.size, group.has(one), group.has(two)]).toEqual([1, true, false]);
  expect([group.add(one), group.add(two), group.size]).toEqual([true, true, 2]);
  expect([...group]).toEqual([one, two]);
  expect([group.delete(one), group.delete(one), group.size]).toEqual([true, false, 1]);
  group.clear();
  expect([group.size, [...group]]).toEqual([0, []]);
  expect([one.state, two.state]).toEqual(['open', 'open']);
  expect(inspect(new Group([two]))).toBe('Group { size: 1 }');
});

test('a group throws for every value that is not a connection', () => {
  const group = new Group();
  for (const wrong of [null, undefined, {}, 'connection', new Group()]) {
    expect(() => group.add(wrong as unknown as Connection)).toThrow(TypeError);
  }
  expect(() => new Group([{} as Connection])).toThrow('a group holds connections, not');
  expect(() => group.broadcast({} as string)).toThrow(TypeError);
  expect(() => group.broadcast('x', { excpet: null } as object)).toThrow('did you mean "except"?');
});

test('a connection keeps a list of its groups only while it is a member of a group', () => {
  const { connection } = line();
  const core = coreOf(connection);
  expect(core.memberships).toBeNull();
  const groups = Array.from({ length: 3 }, () => new Group([connection]));
  expect(core.memberships?.size).toBe(3);
  groups[0]!.delete(connection);
  groups[1]!.clear();
  expect(core.memberships?.size).toBe(1);
  groups[2]!.delete(connection);
  expect(core.memberships).toBeNull();
});

test('when a connection closes for any reason, it leaves every group before its `close` handler is called', async () => {
  const rooms = [new Group(), new Group()];
  const seen: (readonly number[])[] = [];
  const { server, url } = await startServer({
    open: (connection) => rooms.forEach((room) => void room.add(connection)),
    close: () => void seen.push(rooms.map(({ size }) => size)),
  });
  const address = url.replace('localhost', '127.0.0.1');
  const clients = await Promise.all([connect(address), connect(address), connect(address), connect(address)]);
  await until(() => server.connections.size === 4);
  const [cleanly, dropped, byServer, stays] = clients as [Connection, Connection, Connection, Connection];
  await cleanly.close();
  await until(() => seen.length === 1);
  dropped.terminate();
  await until(() => seen.length === 2);
  await byServer.close(4000);
  await until(() => seen.length === 3);
  expect(seen).toEqual([
    [3, 3],
    [2, 2],
    [1, 1],
  ]);
  const [left] = rooms[0]!;
  await stays.close();
  await until(() => seen.length === 4);
  expect([rooms[0]!.size, rooms[0]!.add(left!), rooms[0]!.has(left!)]).toEqual([0, false, false]);
  expect(coreOf(left!).memberships).toBeNull();
});

test('broadcast sends to the connections of the group that the options select, and returns their number', async () => {
  const lines = Array.from({ length: 5 }, line);
  const [one, two, three, four] = lines.map(({ connection }) => connection) as [
    Connection,
    Connection,
    Connection,
    Connection,
  ];
  const outside = lines[4]!.connection;
  const group = new Group([one, two, three, four]);
  expect(group.broadcast('all')).toBe(4);
  expect(group.broadcast('but one', { except: one })).toBe(3);
  expect(group.broadcast('but a set', { except: new Set([one, two]) })).toBe(2);
  expect(group.broadcast('but a group', { except: new Group([three, four]) })).toBe(2);
  expect(group.broadcast('chosen', { filter: (connection) => connection === two })).toBe(1);
  expect(group.broadcast('named', { to: [one, outside, one] })).toBe(1);
  expect(group.broadcast(Buffer.from('bytes'), { compress: false })).toBe(4);
  void four.close();
  expect(group.broadcast('open only')).toBe(3);
  expect(group.size).toBe(4);
  await turn();
  expect(textsOf(lines[0]!.socket)).toEqual(['all', 'but a group', 'named', 'open only']);
  expect(textsOf(lines[1]!.socket)).toEqual(['all', 'but one', 'but a group', 'chosen', 'open only']);
  expect(textsOf(lines[3]!.socket)).toEqual(['all', 'but one', 'but a set']);
  expect(textsOf(lines[4]!.socket)).toEqual([]);
});

test('messages that groups send to a connection in one turn of the event loop leave in one write', async () => {
  const lines = Array.from({ length: 3 }, line);
  const groups = [0, 1].map(() => new Group(lines.map(({ connection }) => connection)));
  for (let index = 0; index < 16; index++) groups[index % 2]!.broadcast(`${index}`);
  await turn();
  for (const { socket } of lines) {
    expect(socket.writes).toBe(1);
    expect(textsOf(socket)).toEqual(Array.from({ length: 16 }, (_, index) => `${index}`));
  }
});

test('if a filter closes, deletes or adds connections, or throws, the other connections still receive the message', async () => {
  const lines = Array.from({ length: 4 }, line);
  const [one, two, three, four] = lines.map(({ connection }) => connection) as [
    Connection,
    Connection,
    Connection,
    Connection,
  ];
  const group = new Group([one, two, three]);
  const filter = (connection: Connection): boolean => {
    if (connection === one) one.terminate();
    if (connection === two) group.delete(three);
    group.add(four);
    return true;
  };
  expect(group.broadcast('kept', { filter })).toBe(2);
  await turn();
  expect(lines.map(({ socket }) => textsOf(socket))).toEqual([[], ['kept'], [], ['kept']]);
  const fail = (): boolean => {
    throw new Error('no');
  };
  expect(() => group.broadcast('not sent', { filter: fail })).toThrow('no');
  expect(group.broadcast('after it')).toBe(2);
});

test('P7, P26: a broadcast message is compressed once for all connections that do not use context takeover', async () => {
  const { server, url } = await startServer({}, { compression: { serverNoContextTakeover: true } });
  const address = url.replace('localhost', '127.0.0.1');
  const clients = await Promise.all([1, 2, 3].map(() => connect(address, { compression: true })));
  await until(() => server.connections.size === 3);
  const group = new Group(server.connections);
  const compressNow = vi.spyOn(DeflateCodec.prototype, 'compressNow');
  const message = 'the same for all of them '.repeat(100);
  expect(group.broadcast(message)).toBe(3);
  expect(compressNow).toHaveBeenCalledTimes(1);
  for (const client of clients) {
    expect((await client[Symbol.asyncIterator]().next()).value).toBe(message);
  }
});

test('F1: a group may contain client connections, and each client connection masks its frames separately', async () => {
  const received: unknown[] = [];
  const { left, right } = await pair({ message: (_, message) => void received.push(message) });
  const client = right as Connection<undefined>;
  const group = new Group([client, left]);
  expect(group.broadcast('both ways')).toBe(2);
  expect(group.broadcast(Buffer.alloc(10_000, 1), { to: [client], compress: false })).toBe(1);
  expect((await right[Symbol.asyncIterator]().next()).value).toBe('both ways');
  await until(() => received.length === 2);
  expect(received).toEqual(['both ways', Buffer.alloc(10_000, 1)]);
});
