/** A project in a temporary folder. npm installs the packed package there, and the tools of a test, such as TypeScript. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const shell = process.platform === 'win32';

/** The output of a process, and its exit code. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** A folder with a package.json. Call `remove` to delete the folder. */
export class Project {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'rfc6455-consumer-'));

  /** @param files a map from names to contents. One of the names is "package.json". */
  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Packs our package with `npm pack`, and installs it together with the named packages, such as 'typescript@5.4.5'. */
  async install(...packages: readonly string[]): Promise<void> {
    const tarball = await this.pack(root);
    // If no other packages are installed, npm does not need a registry.
    const options = [
      '--no-audit',
      '--no-fund',
      '--silent',
      ...(packages.length === 0 ? ['--offline'] : ['--prefer-offline']),
    ];
    await run('npm', ['install', ...options, `./${tarball}`, ...packages], { cwd: this.folder, shell });
  }

  /** Packs the package in `folder`, and writes the tarball into the folder of the project. @returns the name of the tarball */
  async pack(folder: string): Promise<string> {
    const options = ['--ignore-scripts', '--silent', '--pack-destination', this.folder];
    const { stdout } = await run('npm', ['pack', ...options], { cwd: folder, shell });
    return stdout.trim();
  }

  /** Runs Node with these arguments in the folder of the project. */
  async node(...args: readonly string[]): Promise<Outcome> {
    // The project must not inherit the settings of vitest.
    const { PATH, HOME, CHROMIUM } = process.env;
    const env = { PATH, HOME, CI: 'true', ...(CHROMIUM === undefined ? null : { CHROMIUM }) };
    const options = { cwd: this.folder, env, timeout: 100_000 };
    return run(process.execPath, args, options).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code: code ?? -1, output: stdout + stderr }),
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * A test for a runner with the globals of Jest. A client and a server exchange a text and a binary message, and the connection closes
 * cleanly.
 */
export const echoTest = `const { connect, WebSocketServer, Connection } = require('rfc6455');
const { Endpoint } = require('rfc6455/protocol');

test('echo', async () => {
  const server = new WebSocketServer({ message: (connection, message) => void connection.send(message) });
  const { port } = await server.listen({ port: 0 });
  const connection = await connect('ws://127.0.0.1:' + port);
  expect(connection).toBeInstanceOf(Connection);
  connection.send('text');
  connection.send(Buffer.from('bytes'));
  const received = [];
  for await (const message of connection) {
    received.push(message.toString());
    if (received.length === 2) break;
  }
  expect(received).toEqual(['text', 'bytes']);
  await server.shutdown();
  expect((await connection.closed).wasClean).toBe(true);
  expect(typeof Endpoint).toBe('function');
});
`;

/** A TypeScript program that imports each entry point. With `module: commonjs`, the compiler turns each import into `require`. */
export const everyEntry = `import { Connection, connect, WebSocketServer } from 'rfc6455';
import * as conformance from 'rfc6455/conformance';
import * as fourD from 'rfc6455/4d';
import * as plugin from 'rfc6455/plugin';
import * as pluginV1 from 'rfc6455/plugin-v1';
import * as protocol from 'rfc6455/protocol';
import * as topics from 'rfc6455/topics';
import * as websocket from 'rfc6455/websocket';
import WsSocket, { createWebSocketStream, type RawData, WebSocketServer as WsServer } from 'rfc6455/ws';

export const entries: readonly object[] = [conformance, fourD, plugin, pluginV1, protocol, topics, websocket];
export const server: WebSocketServer = new WebSocketServer({
  message(connection, message) {
    connection.send(typeof message === 'string' ? message : message.readUInt8(0).toString());
    // @ts-expect-error what is received is a string or a Buffer, not anything
    message.nothing();
  },
});
interface User {
  readonly name: string;
}
export const users: WebSocketServer<User> = new WebSocketServer<User>({
  upgrade: (request) => ({ data: { name: request.path } }),
  message(connection, message, isBinary) {
    connection.send(connection.data.name + (isBinary ? message.readUInt8(0) : message.toUpperCase()));
  },
});
export function compiledOnly(): Promise<Connection> {
  // @ts-expect-error nothing supplies the data
  new WebSocketServer<User>({ open: (connection) => connection.data.name });
  // @ts-expect-error the library makes connections
  const made: Connection = new Connection();
  const socket: websocket.WebSocket = new websocket.WebSocket('ws://127.0.0.1/', ['chat'], { headers: [] });
  socket.onmessage = ({ data }) => socket.send(data);
  socket.addEventListener('close', ({ code, reason, wasClean }) => console.log(code + 1, reason.length, wasClean));
  socket.addEventListener('error', { handleEvent: ({ message, error }) => console.log(message.length, error) });
  socket.binaryType = 'arraybuffer';
  // @ts-expect-error it is a value of the standard
  socket.binaryType = 'nodebuffer';
  // @ts-expect-error the event's class is known
  socket.addEventListener('message', ({ code }) => console.log(code));
  // @ts-expect-error events have listeners
  new websocket.WebSocket('ws://127.0.0.1/', { handlers: {} });
  const surface = new WsServer({ port: 0, verifyClient: ({ origin, req }) => origin === req.url });
  surface.on('connection', (webSocket, request) => {
    webSocket.on('message', (data: RawData, isBinary) => webSocket.send(data, { binary: isBinary }));
    webSocket.on('close', (code, reason) => code.toFixed() + reason.toString('hex') + request.url);
    // @ts-expect-error a state is not written
    webSocket.readyState = 1;
  });
  const client: WsSocket = new WsSocket('ws://127.0.0.1', ['a'], { headers: { Cookie: 'a=b' } });
  client.onmessage = ({ data, type }) => String(data) + type;
  createWebSocketStream(client).pipe(process.stdout);
  return connect('ws://127.0.0.1/', { headers: new Headers({ state: made.state }) });
}
const noServer: WsServer = new WsSocket.Server({ noServer: true });
console.log(noServer.clients.size === WsSocket.CONNECTING && entries.every((entry) => Object.keys(entry).length > 0) && typeof protocol.Endpoint);
`;

/** Compiler options of a project that has no setting for the types of Node. */
export function compilerOptions(module: string, moduleResolution: string, more: object = {}): string {
  const compilerOptions = {
    module,
    moduleResolution,
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    outDir: 'out',
    ...more,
  };
  return JSON.stringify({ compilerOptions, files: ['index.ts'] });
}
