/** What `terminate` of a server sends: Close frames and FIN, or nothing for terminate(0). After a time limit, connections are dropped. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from '../../../src/4d.ts';
import { closeFrame, codeOf, frame, Op } from '../../transport/wire.ts';
import {
  certificateFolder,
  closeAll,
  Journal,
  openPeer,
  peerOf,
  request,
  serve,
  startWeb,
  tlsPeerOf,
} from './harness.ts';

afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
});

/** Starts a server that records the end of each connection and the end of the server. */
async function observed(options: Parameters<typeof serve>[1] = {}) {
  const journal = new Journal();
  const served = await serve(
    {
      onMessage() {},
      onTerminate: (_ws, { code, reason }) => journal.note([code, reason]),
      onError: (_ws, { errors }) => journal.note(errors[0]?.message),
    },
    options,
    { onTerminate: () => journal.note('server') },
  );
  return { ...served, journal };
}

/** Replaces the clock of timers with a fake clock. Sockets still work. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
}

describe('terminate()', () => {
  test('B-terminate-default, B-terminate-code, B-wss-terminate, C78: terminate() sends Close frames with 1001, then FIN, and then the connections end', async () => {
    const { web, wss, journal } = await observed();
    const peers = [await openPeer(web), await openPeer(web)];
    const over = wss.terminate();
    expect(wss.connections.map(({ status }) => status)).toEqual(['Closing', 'Closing']);
    for (const peer of peers) {
      await peer.until(() => peer.frames.length === 1);
      expect(peer.frames.map(({ opcode }) => opcode)).toEqual([Op.Close]);
      expect(codeOf(peer.frames[0]!)).toBe(1001);
      // The server sends no FIN before the peer has answered.
      expect(peer.ended).toBe(false);
      peer.write(closeFrame(1001));
      await peer.until(() => peer.ended);
      expect(peer.error).toBe(null);
      expect(peer.frames).toHaveLength(1);
    }
    expect(wss.terminated).toBe(false);
    for (const peer of peers) peer.socket.end();
    await over;
    expect(wss.terminated).toBe(true);
    expect(journal.entries).toEqual([[1001, undefined], [1001, undefined], 'server']);
  });

  test('C78: terminate() waits 30 seconds for a peer that never answers, and then drops the connection', async () => {
    const { web, wss, journal } = await observed();
    const peer = await openPeer(web);
    stopTime();
    const over = wss.terminate();
    await peer.until(() => peer.frames.length === 1);
    await vi.advanceTimersByTimeAsync(29_999);
    // By now a second connection has sent and received a message. So a FIN on the first connection would already have arrived.
    await roundTrip();
    expect([peer.ended, wss.terminated, wss.connections[0]?.status]).toEqual([false, false, 'Closing']);
    await vi.advanceTimersByTimeAsync(1);
    await peer.answer();
    await over;
    expect(peer.frames).toHaveLength(1);
    expect(journal.entries).toEqual([[1006, undefined], 'server']);
  });

  test('C78: the option closeTimeout replaces the limit of 30 seconds of terminate()', async () => {
    const { web, wss, journal } = await observed({ closeTimeout: 1 });
    const peer = await openPeer(web);
    await wss.terminate();
    await peer.answer();
    expect(peer.frames.map(codeOf)).toEqual([1001]);
    expect(journal.entries).toEqual([[1006, undefined], 'server']);
  });

  test('B-terminate-again, C78: a second call of terminate can shorten the wait of the first call, but it cannot prolong the wait', async () => {
    const { web, wss, journal } = await observed();
    const peer = await openPeer(web);
    const over = wss.terminate();
    expect(wss.terminate()).toBe(over);
    expect(wss.terminate(3600)).toBe(over);
    await peer.until(() => peer.frames.length === 1);
    expect(wss.terminated).toBe(false);
    wss.terminate(0);
    await over;
    await wss.terminate();
    expect(peer.frames).toHaveLength(1);
    expect(journal.entries).toEqual([[1006, undefined], 'server']);
  });

  test('C78: if a server has no connections, terminate() finishes in the next tick and not earlier', async () => {
    const { wss, journal } = await observed();
    const over = wss.terminate();
    expect([wss.terminated, journal.entries]).toEqual([false, []]);
    await over;
    expect(wss.terminated).toBe(true);
    expect(await journal.length(1)).toEqual(['server']);
  });

  test('while a server terminates, it answers new requests with 503', async () => {
    const { web, wss } = await observed();
    await openPeer(web);
    wss.terminate();
    expect(await request(peerOf(web))).toBe(503);
  });
});

describe('terminate(seconds)', () => {
  test('B-terminate-timeout: terminate(seconds) sends Close frames, and after this time it drops the connections whose peers have not answered', async () => {
    const { web, wss, journal } = await observed();
    const [mute, polite] = [await openPeer(web), await openPeer(web)];
    stopTime();
    const over = wss.terminate(2);
    for (const peer of [mute, polite]) {
      await peer.until(() => peer.frames.length === 1);
      expect(codeOf(peer.frames[0]!)).toBe(1001);
    }
    polite.write(closeFrame(1001));
    await polite.until(() => polite.ended);
    polite.socket.end();
    await journal.length(1);
    await vi.advanceTimersByTimeAsync(1_999);
    await roundTrip();
    expect([mute.ended, mute.closed, wss.terminated]).toEqual([false, false, false]);
    await vi.advanceTimersByTimeAsync(1);
    await mute.answer();
    await over;
    expect(mute.frames).toHaveLength(1);
    expect(journal.entries).toEqual([[1001, undefined], [1006, undefined], 'server']);
  });

  test('C78: terminate(seconds) waits this number of seconds, even if closeTimeout is shorter', async () => {
    const { web, wss } = await observed({ closeTimeout: 1 });
    const peer = await openPeer(web);
    stopTime();
    const over = wss.terminate(60);
    await peer.until(() => peer.frames.length === 1);
    await vi.advanceTimersByTimeAsync(59_999);
    await roundTrip();
    expect(peer.ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await over;
  });

  test('terminate throws a RangeError for an invalid time, and the connections stay open', async () => {
    const { web, wss } = await observed();
    await openPeer(web);
    for (const timeout of [-1, Number.NaN, '2', {}]) {
      expect(() => wss.terminate(timeout as number)).toThrow(RangeError);
    }
    expect(wss.connections.map(({ status }) => status)).toEqual(['Connected']);
  });
});

describe('terminate(0)', () => {
  test('B-terminate-zero: terminate(0) resets all connections immediately, and sends no frame and no FIN', async () => {
    const { web, wss, journal } = await observed();
    const peers = [await openPeer(web), await openPeer(web)];
    peers[1]?.write(frame(Op.Text, 'unfinished', { fin: false }));
    await wss.terminate(0);
    for (const peer of peers) {
      await peer.gone();
      expect(peer.frames).toEqual([]);
      expect(peer.ended).toBe(false);
      expect(peer.error?.code).toBe('ECONNRESET');
    }
    expect(wss.terminated).toBe(true);
    expect(journal.entries).toEqual([[1006, undefined], [1006, undefined], 'server']);
  });

  test('B-terminate-zero: messages that were sent immediately before terminate(0) are lost', async () => {
    const { web, wss } = await observed();
    const peer = await openPeer(web);
    wss.connections[0]?.send('too late');
    await wss.terminate(0);
    await peer.gone();
    expect(peer.frames).toEqual([]);
  });

  test('B-terminate-zero: terminate(0) over TLS sends no frame', async () => {
    const web = await startWeb({ certificateFolder: certificateFolder() });
    const wss = new WebSocketServer({ onConnection: () => ({ onMessage() {} }) }, { server: web });
    const peer = tlsPeerOf(web);
    expect(await request(peer)).toBe(101);
    await wss.terminate(0);
    await peer.answer();
    expect(peer.frames).toEqual([]);
  });
});

/** Sends a message over a new connection and waits for its echo. By then, bytes of other connections have also arrived. */
async function roundTrip(): Promise<void> {
  const { web } = await serve({
    onMessage(ws, { data }) {
      ws.send(data);
    },
  });
  const peer = await openPeer(web);
  peer.write(frame(Op.Text, 'x'));
  await peer.until(() => peer.frames.length === 1);
}
