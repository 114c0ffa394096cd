/** Makes connections for tests. A connection is an endpoint on a fake socket. The test controls the socket and moves the clock. */
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { ConnectionError } from '../../src/frame/connection-error.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { type ConnectionLimits, clientLimits, serverLimits } from '../../src/transport/limits.ts';
import { bindSocket, type ConnectionEvents, type SocketConnection } from '../../src/transport/socket.ts';
import { useFakeClock, useRealClock } from './fake-clock.ts';
import { FakeSocket, turn } from './fake-socket.ts';
import { framesOf, type WireFrame } from './wire.ts';

beforeEach(() => {
  // The test moves only the clock. Streams and turns of the event loop run in real time.
  useFakeClock();
  // The clock starts above 0, because the clock of a real process is never 0.
  vi.advanceTimersByTime(1_000);
});

const opened: SocketConnection[] = [];

afterEach(async () => {
  for (const connection of opened.splice(0)) connection.endpoint.terminate();
  await turn();
  const left = vi.getTimerCount();
  useRealClock();
  // All connections share one timer wheel. When no connection is open, the wheel must have no deadline.
  expect(left).toBe(0);
});

export type Reported = [name: string, ...values: unknown[]];

/** A connection on a fake socket, and the events that the connection reported. */
export interface Line {
  readonly socket: FakeSocket;
  readonly connection: SocketConnection;
  readonly reported: Reported[];
  /** The reported errors and the reported close. */
  end(): Reported[];
  frames(): WireFrame[];
  /** Passes bytes of the peer to the fake socket. */
  receive(...chunks: Buffer[]): Promise<void>;
  pass(milliseconds: number): Promise<void>;
}

/** @param beforeStart is called after the connection is made and before it starts, like an `open` handler */
export function setUp(
  role: 'client' | 'server' = 'server',
  limits: Partial<ConnectionLimits> = {},
  handlers: Partial<ConnectionEvents> = {},
  beforeStart: (connection: SocketConnection) => void = () => {},
  socket: FakeSocket = new FakeSocket(),
): Line {
  const reported: Reported[] = [];
  const events: ConnectionEvents = {
    onText: (text) => reported.push(['text', text]),
    onBinary: (payload) => reported.push(['binary', payload.length]),
    onFragment: () => reported.push(['fragment']),
    onPing: (payload) => reported.push(['ping', payload.toString()]),
    onPong: (payload) => reported.push(['pong', payload.toString()]),
    onClosing: (byPeer) => reported.push(['closing', byPeer]),
    onClose: ({ code, reason, wasClean, byPeer }) => reported.push(['close', code, reason, wasClean, byPeer]),
    onError: (error) => reported.push(['error', (error as ConnectionError).code ?? error.message]),
    onDrain: () => reported.push(['drain']),
    ...handlers,
  };
  const connection = bindSocket(socket, events, {
    role,
    limits: {
      ...(role === 'server' ? serverLimits : clientLimits),
      memoryBudget: new MemoryBudget(),
      ...limits,
    },
  });
  opened.push(connection);
  beforeStart(connection);
  connection.start(Buffer.alloc(0));
  return {
    socket,
    connection,
    reported,
    end: () => reported.filter(([name]) => name === 'close' || name === 'error'),
    frames: () => framesOf(socket.bytes),
    receive: async (...chunks) => {
      for (const chunk of chunks) socket.push(chunk);
      await turn();
    },
    pass: async (milliseconds) => {
      // The time passes in steps, so that the effects of one deadline happen before the next deadline.
      for (let left = milliseconds; left > 0; left -= 1_000) {
        vi.advanceTimersByTime(Math.min(left, 1_000));
        await turn();
      }
    },
  };
}

export function opcodes(frames: readonly WireFrame[]): number[] {
  return frames.map(({ opcode }) => opcode);
}
