/**
 * Starts redis-server and nats-server of Debian on free ports. A test can put a proxy between an engine and its clients, and cut the
 * connections of this proxy.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../free-port.ts';

const commands = {
  redis: (port: number, folder: string) => [
    'redis-server',
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
    // With this setting, Redis keeps all confirmed data when it is killed.
    ...['--appendfsync', 'always'],
  ],
  nats: (port: number, folder: string) => [
    'nats-server',
    ...['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder],
  ],
} as const;

/** The maximum number of characters of a server's output that an error message contains. */
const MAX_OUTPUT = 4_000;

/** A server process that a test can kill, and start again on the same port with the same data. */
export class Engine {
  readonly port: number;
  readonly #kind: keyof typeof commands;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rfc6455-bus-'));
  #process: ChildProcess | null = null;

  private constructor(kind: keyof typeof commands, port: number) {
    this.#kind = kind;
    this.port = port;
  }

  static async start(kind: keyof typeof commands): Promise<Engine> {
    const engine = new Engine(kind, await freePort());
    await engine.start();
    return engine;
  }

  async start(): Promise<void> {
    const [command = '', ...args] = commands[this.#kind](this.port, this.#folder);
    // Debian installs nats-server in /usr/sbin. By default, only the PATH of root contains this folder.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#process = child;
    // If the server ends before the test kills it, its clients would wait without end. So its last output is shown.
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => {
        output = (output + bytes).slice(-MAX_OUTPUT);
      });
    }
    const failed = new Promise<never>((_resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (this.#process !== child) return;
        const error = new Error(`${command} ended with ${code ?? signal}:\n${output}`);
        console.error(error.message);
        reject(error);
      });
    });
    failed.catch(() => {});
    while (!(await Promise.race([isListening(this.port), failed]))) await delay(20);
  }

  /** Kills the server immediately, as if the machine lost power. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    this.#process = null;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Passes bytes between clients and the engine in both directions, until a test cuts the connections. */
export class CuttableProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** While true, every new connection is closed. */
  isRefusing = false;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      if (this.isRefusing) {
        client.destroy();
        return;
      }
      const remote = connect(target, '127.0.0.1');
      for (const [socket, other] of [
        [client, remote],
        [remote, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.pipe(other);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  static async start(target: number): Promise<CuttableProxy> {
    const proxy = new CuttableProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets all connections, in the middle of their data. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    // server.close() does not close the connections to the engine. This loop waits until they are closed as well.
    while (this.#sockets.size > 0) await delay(5);
  }
}
