/** How long a close may take, how a shutdown is cut short, and dropping a connection with a TCP reset. */
import { afterEach, describe, expect, test } from 'vitest';
import { type CloseInfo, type Connection, MemoryBudget } from '../../src/index.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { codeOf, type RawPeer } from '../transport/wire.ts';

afterEach(closeServers);

/** A server with one connection whose peer never answers. */
async function mute(
  options: Parameters<typeof startServer>[1] = {},
  kind: Parameters<typeof startServer>[2] = 'listen',
) {
  const errors: Error[] = [];
  let opened: (connection: Connection) => void = () => {};
  const open = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  const started = await startServer(
    { open: (connection) => opened(connection), error: (_connection, error) => void errors.push(error) },
    options,
    kind,
  );
  const peer: RawPeer = await started.peer().open();
  return { ...started, peer, errors, connection: await open };
}

describe('close with a timeout of its own', () => {
  test('is over sooner than closeTimeout', async () => {
    const { connection, peer } = await mute({ closeTimeout: Number.POSITIVE_INFINITY });
    const closed: CloseInfo = await connection.close(3000, 'bye', 1);
    expect(closed).toMatchObject({ code: 1006, wasClean: false });
    await peer.answer();
    expect(codeOf(peer.frames[0]!)).toBe(3000);
  });

  test('can shorten a close that began, and not prolong it', async () => {
    const { connection } = await mute({ closeTimeout: Number.POSITIVE_INFINITY });
    connection.close();
    connection.close(1000, '', 1);
    expect(await connection.close(1000, '', Number.POSITIVE_INFINITY)).toMatchObject({ code: 1006 });
  });

  test('refuses what is no time, before any byte', async () => {
    const { connection } = await mute();
    expect(() => connection.close(1000, '', 0)).toThrow(RangeError);
    expect(() => connection.close(1005, '', 1)).toThrow(RangeError);
    expect(connection.state).toBe('open');
  });
});

describe('shutdown', () => {
  test('waits for its grace, not for closeTimeout, and what it drops then is no error', async () => {
    const { server, peer, connection, errors } = await mute({ closeTimeout: 1 });
    const over = server.shutdown({ grace: 120_000 });
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1001);
    // A later connection's closing, bounded by the same closeTimeout of 1 ms, would be over by now.
    const other = await mute({ closeTimeout: 1 });
    await other.connection.close();
    expect(connection.state).toBe('closing');
    server.shutdown({ grace: 1 });
    await over;
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
    expect(errors).toEqual([]);
  });

  test('a later call does not prolong it', async () => {
    const { server } = await mute();
    const over = server.shutdown({ grace: 1 });
    expect(server.shutdown({ grace: 3_600_000 })).toBe(over);
    await over;
  });
});

describe('reset', () => {
  test('drops TCP without a Close frame and without FIN', async () => {
    const { connection, peer } = await mute({ memoryBudget: new MemoryBudget(1_048_576) });
    connection.reset();
    expect(connection.state).toBe('closing');
    expect(connection.send('late')).toBe(false);
    await peer.gone();
    expect(peer.frames).toEqual([]);
    expect(peer.ended).toBe(false);
    expect(peer.error?.code).toBe('ECONNRESET');
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
    connection.reset();
  });

  test('with bytes waiting for a peer that does not read', async () => {
    const { connection, peer, errors } = await mute();
    peer.socket.pause();
    while (connection.bufferedAmount < 1_048_576) connection.send(Buffer.alloc(262_144));
    connection.reset();
    expect(await connection.closed).toMatchObject({ code: 1006 });
    expect(errors).toEqual([]);
  });

  test('over TLS it is a drop', async () => {
    const { connection, peer } = await mute({}, 'listen over TLS');
    connection.reset();
    expect(await connection.closed).toMatchObject({ code: 1006 });
    await peer.answer();
    expect(peer.frames).toEqual([]);
  });
});
