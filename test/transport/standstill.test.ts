/**
 * Tests a process that is suspended for longer than every deadline. The test uses SIGSTOP. A debugger or a paused virtual machine has the
 * same effect. During the suspension, the answers of the peers wait in the kernel. These peers have answered in time, so the process must
 * not drop them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { acceptOf, closeFrame, codeOf, frame, Op, RawPeer, requestHead } from './wire.ts';

// The deadlines of the child process, and the time for which it is stopped, in milliseconds.
const DEADLINE = 3_000;
const STOPPED = 4_500;

const library = new URL('../../dist/index.js', import.meta.url).href;

/** Starts a client, and servers that have one short deadline each. Prints every event as one line of JSON. */
const script = `
  const { connect, WebSocketServer } = await import(${JSON.stringify(library)});
  const print = (...values) => console.log(JSON.stringify(values));
  const deadline = ${DEADLINE};
  const limits = {
    heartbeat: { heartbeat: { interval: 300, timeout: deadline } },
    pings: { pings: { first: 100, interval: 600_000, timeout: deadline } },
    messageTimeout: { messageTimeout: deadline },
    closeTimeout: { closeTimeout: deadline },
    handshakeTimeout: { handshakeTimeout: deadline },
  };
  for (const [name, options] of Object.entries(limits)) {
    const server = new WebSocketServer({
      message(connection, message) {
        if (String(message) === 'close') connection.close(4000);
        else connection.send(String(String(message).length));
      },
      error: (connection, error) => print('error', name, error.code),
      close: (connection, code, reason, wasClean) => print('close', name, code, wasClean),
    }, { heartbeat: { interval: Infinity }, ...options });
    server.listen({ host: '127.0.0.1' }).then(({ port }) => print('port', name, port));
  }
  process.stdin.once('data', (url) => {
    connect(String(url), { handshakeTimeout: deadline, handlers: { message() {} } }).then(
      () => print('open', 'client'),
      (error) => print('failed', 'client', error.code),
    );
  });
`;

let child: ChildProcess | null = null;
let server: Server | null = null;
const peers: RawPeer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  if (child !== null && child.exitCode === null) {
    const exited = new Promise((resolve) => child!.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
});

/** Starts the child process, and collects the events that it prints. */
function start(): { events: unknown[][]; until(matches: (event: unknown[]) => boolean): Promise<unknown[]> } {
  const events: unknown[][] = [];
  let wake = (): void => {};
  child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) events.push(JSON.parse(line) as unknown[]);
    wake();
  });
  const until = async (matches: (event: unknown[]) => boolean): Promise<unknown[]> => {
    for (;;) {
      const found = events.find(matches);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { events, until };
}

// Windows has no signal that suspends a process.
describe.skipIf(process.platform === 'win32')('a process that was suspended', () => {
  test('FAULT-2: after the process was suspended, no deadline drops a peer if the data of the peer arrived in time', async () => {
    const { events, until } = start();
    const names = ['heartbeat', 'pings', 'messageTimeout', 'closeTimeout', 'handshakeTimeout'];
    const ports = new Map<string, number>();
    for (const name of names) {
      const [, , port] = await until(([event, server]) => event === 'port' && server === name);
      ports.set(name, port as number);
    }
    const peer = (name: string): RawPeer => {
      const one = RawPeer.to(ports.get(name)!);
      peers.push(one);
      return one;
    };

    // The test brings each connection to the point at which the child process waits for an answer.
    const target = createServer((socket) => sockets.push(socket));
    server = target;
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const handshaking = peer('handshakeTimeout');
    const request = requestHead();
    handshaking.write(request.slice(0, 40));
    const pinged = await peer('heartbeat').open();
    const paced = await peer('pings').open();
    const sending = await peer('messageTimeout').open();
    const message = frame(Op.Text, 'x'.repeat(100));
    sending.write(message.subarray(0, 50));
    const closing = await peer('closeTimeout').open();
    closing.write(frame(Op.Text, 'close'));
    child!.stdin!.write(`ws://127.0.0.1:${(target.address() as AddressInfo).port}/`);
    const accepted = await new Promise<Socket>((resolve) => {
      const [socket] = sockets;
      if (socket === undefined) target.once('connection', resolve);
      else resolve(socket);
    });
    accepted.on('error', () => {});
    const key = await new Promise<string>((resolve) => {
      accepted.on('data', (chunk) => resolve(/Sec-WebSocket-Key: (\S+)/i.exec(String(chunk))![1]!));
    });
    const isPing = ({ opcode }: { opcode: number }): boolean => opcode === Op.Ping;
    await pinged.until(() => pinged.frames.some(isPing));
    await paced.until(() => paced.frames.some(isPing));
    await closing.until(() => closing.frames.length > 0);

    child!.kill('SIGSTOP');
    // The peers answer immediately. Their answers wait in the kernel, because the child process is suspended.
    await new Promise((resolve) => setTimeout(resolve, 100));
    pinged.write(frame(Op.Pong));
    paced.write(frame(Op.Pong));
    sending.write(message.subarray(50));
    closing.write(closeFrame(4000));
    handshaking.write(request.slice(40));
    accepted.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, STOPPED));
    child!.kill('SIGCONT');

    // From this point the peers answer immediately, so that the heartbeat continues.
    const answerPings = setInterval(() => {
      for (const one of [pinged, paced]) if (!one.closed) one.write(frame(Op.Pong));
    }, 100);
    try {
      await until(([, name]) => name === 'client');
      await until(([event, name]) => event === 'close' && name === 'closeTimeout');
      await handshaking.until(() => handshaking.head !== '');
      for (const one of [pinged, paced, handshaking]) one.write(frame(Op.Text, 'x'.repeat(100)));
      for (const one of [pinged, paced, sending, handshaking]) {
        await one.until(() => one.frames.some(({ payload }) => payload.toString() === '100'));
      }
    } finally {
      clearInterval(answerPings);
    }
    expect(handshaking.status).toBe(101);
    expect(codeOf(closing.frames[0]!)).toBe(4000);
    expect(events.filter(([event]) => event !== 'port')).toEqual(
      expect.arrayContaining([
        ['open', 'client'],
        ['close', 'closeTimeout', 4000, true],
      ]),
    );
    expect(events.filter(([event]) => event === 'error' || event === 'failed')).toEqual([]);
  });
});
