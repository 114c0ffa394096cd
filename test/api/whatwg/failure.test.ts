/**
 * Tests connections that fail. The standard gives no reason for a failure, but here the `error` event has the reason. The limits of
 * `connect` also apply to a `WebSocket`.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { ConnectionError, HandshakeError, ProtocolError } from '../../../src/index.ts';
import { closeScripted, scripted } from '../../transport/scripted.ts';
import { closeFrame, codeOf, frame, Op } from '../../transport/wire.ts';
import { closeAll, rawServer, watch } from './harness.ts';

afterEach(async () => {
  await closeAll();
  await closeScripted();
});

const lost = { code: 1006, reason: '', wasClean: false };

describe('a handshake that fails', () => {
  async function answered(answer: (accept: (extra?: string) => string) => string) {
    const server = await scripted(({ socket, accept }) => {
      socket.end(answer(accept), 'latin1');
    });
    const { socket, events } = watch(`ws://127.0.0.1:${server.port}/path`);
    const event = await events.failed();
    expect(events.types).toEqual(['error', 'close']);
    expect(await events.closed()).toMatchObject(lost);
    expect(socket.readyState).toBe(3);
    expect(event.error).toBeInstanceOf(HandshakeError);
    return event;
  }

  test('if the server refuses the handshake, the error event contains the stage, status, headers and body of the refusal', async () => {
    const event = await answered(
      () => 'HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nno token!',
    );
    const error = event.error as HandshakeError;
    expect([error.stage, error.status]).toEqual(['http', 401]);
    expect(Buffer.from(error.body ?? '').toString()).toBe('no token!');
    expect(event.message).toBe(error.message);
    expect(event.message).toMatch(/401/);
  });

  test('the connection fails if the response has a wrong accept key or status, is incomplete, or is not HTTP', async () => {
    const wrong = await answered((accept) => accept().replace(/Accept: ./, 'Accept: !'));
    expect(wrong.error).toMatchObject({ stage: 'http' });
    await answered(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await answered(() => 'FOO BAR BAZ\r\n\r\n');
    await answered(() => '');
  });

  test('the connection fails if the server accepts an extension that was not offered', async () => {
    const event = await answered((accept) => accept('Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    expect(event.error).toMatchObject({ stage: 'extensions' });
  });

  test('by default, a redirect fails the connection', async () => {
    const target = await rawServer();
    const redirect = await scripted(({ socket }) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${target.url}\r\nContent-Length: 0\r\n\r\n`);
    });
    const url = `ws://127.0.0.1:${redirect.port}/`;
    const refused = watch(url);
    expect((await refused.events.failed()).error).toMatchObject({ status: 302 });
    const followed = watch(url, [], { redirects: 1 });
    await followed.events.opened();
    expect(followed.socket.url).toBe(url);
  });

  test('if there is no server, the error has the stage tcp', async () => {
    const server = await scripted(() => {});
    await closeScripted();
    const { events } = watch(`ws://127.0.0.1:${server.port}/`);
    expect((await events.failed()).error).toMatchObject({ stage: 'tcp' });
  });

  test('if the server does not answer, the attempt ends after handshakeTimeout', async () => {
    const server = await scripted(() => {});
    const { events } = watch(`ws://127.0.0.1:${server.port}/`, [], { handshakeTimeout: 20 });
    expect((await events.failed()).error).toMatchObject({ stage: 'timeout' });
  });
});

describe('an open connection that fails', () => {
  async function opened(options = {}) {
    const server = await rawServer();
    const { socket, events } = watch(server.url, [], options);
    await events.opened();
    return { socket, events, peer: await server.peer };
  }

  test('if the peer breaks a rule, the peer gets a Close frame, and the close event has the code 1006', async () => {
    const { events, peer } = await opened();
    peer.write(frame(Op.Text, Uint8Array.of(0xff), { mask: false }));
    await peer.until(() => peer.frames.length > 0);
    expect(codeOf(peer.frames[0]!)).toBe(1007);
    peer.socket.end();
    const event = await events.failed();
    expect(event.error).toBeInstanceOf(ProtocolError);
    expect(event.error).toMatchObject({ closeCode: 1007 });
    expect(await events.closed()).toMatchObject(lost);
    expect(events.types).toEqual(['open', 'error', 'close']);
  });

  test('if TCP ends without a Close frame, the connection fails (RFC 6455 §7.2.1)', async () => {
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const { events, peer } = await opened();
      peer.socket[end]();
      const event = await events.failed();
      expect(event.error).toBeInstanceOf(ConnectionError);
      expect(await events.closed()).toMatchObject(lost);
      expect(events.types).toEqual(['open', 'error', 'close']);
    }
  });

  test('if TCP ends in the middle of a message, the connection fails', async () => {
    const { events, peer } = await opened();
    peer.write(frame(Op.Text, 'half', { mask: false, fin: false }));
    peer.socket.end();
    expect((await events.failed()).error).toBeInstanceOf(Error);
    expect(events.data).toEqual([]);
  });

  test('if a message exceeds maxMessageSize (16 MiB by default), the connection fails before the message is buffered', async () => {
    const { events, peer } = await opened({ maxMessageSize: 10 });
    peer.write(frame(Op.Text, 'x'.repeat(10), { mask: false }));
    await events.messages(1);
    peer.write(frame(Op.Text, 'x'.repeat(11), { mask: false }));
    await peer.until(() => peer.frames.length > 0);
    expect(codeOf(peer.frames[0]!)).toBe(1009);
    peer.socket.end();
    expect((await events.failed()).error).toMatchObject({ code: 'WS_MESSAGE_TOO_BIG' });
    const byDefault = await opened();
    // The test sends only a frame header. The library refuses the length in this header.
    byDefault.peer.write(Buffer.from([0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1]));
    await byDefault.peer.until(() => byDefault.peer.frames.length > 0);
    expect(codeOf(byDefault.peer.frames[0]!)).toBe(1009);
    byDefault.peer.socket.end();
    await byDefault.events.failed();
  });

  test('if the peer sends nothing, the heartbeat fails the connection', async () => {
    const { events, peer } = await opened({ heartbeat: { interval: 20, timeout: 20 } });
    expect((await events.failed()).error).toMatchObject({ code: 'WS_HEARTBEAT_TIMEOUT' });
    expect(peer.frames[0]!.opcode).toBe(Op.Ping);
  });

  test('a WebSocket answers a ping with a pong', async () => {
    const { peer } = await opened();
    peer.write(frame(Op.Ping, 'abc', { mask: false }));
    await peer.until(() => peer.frames.length > 0);
    expect([peer.frames[0]!.opcode, peer.frames[0]!.payload.toString()]).toEqual([Op.Pong, 'abc']);
  });

  test('if the peer does not answer our Close frame, the connection fails after closeTimeout', async () => {
    const { socket, events } = await opened({ closeTimeout: 20 });
    socket.close(1000);
    expect((await events.failed()).error).toMatchObject({ code: 'WS_CLOSE_TIMEOUT' });
    expect(await events.closed()).toMatchObject(lost);
  });

  test('if more than sendCap bytes wait, the connection fails, and bufferedAmount still counts the lost bytes', async () => {
    const { socket, events, peer } = await opened({ sendCap: 1_000_000 });
    peer.socket.pause();
    for (let n = 0; n < 400 && socket.readyState === 1; n++) socket.send(new Uint8Array(65_536));
    expect((await events.failed()).error).toMatchObject({ code: 'WS_SEND_CAP' });
    expect(socket.bufferedAmount).toBeGreaterThan(0);
  });

  test('if a connection ends with a closing handshake, no error event is fired', async () => {
    const { events, peer } = await opened();
    peer.write(closeFrame(1011, 'server fault', { mask: false }));
    await peer.until(() => peer.frames.length > 0);
    peer.socket.end();
    expect(await events.closed()).toMatchObject({ code: 1011, reason: 'server fault', wasClean: true });
    expect(events.of('error')).toEqual([]);
  });
});
