/** The declarations in a project of somebody else: strict, libraries checked too, and no word about Node's types. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rfc6455-consumer-'));
afterAll(() => rmSync(folder, { recursive: true }));

mkdirSync(join(folder, 'node_modules'));
symlinkSync(root, join(folder, 'node_modules', 'rfc6455'), 'junction');
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
writeFileSync(
  join(folder, 'index.ts'),
  `import { Connection, connect, WebSocketServer } from 'rfc6455';
import * as conformance from 'rfc6455/conformance';
import * as fourD from 'rfc6455/4d';
import * as plugin from 'rfc6455/plugin';
import * as pluginV1 from 'rfc6455/plugin-v1';
import * as protocol from 'rfc6455/protocol';
import * as websocket from 'rfc6455/websocket';

export const entries: readonly object[] = [conformance, fourD, plugin, pluginV1, protocol, websocket];
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
// @ts-expect-error nothing supplies the data
new WebSocketServer<User>({ open: (connection) => connection.data.name });
// @ts-expect-error the library makes connections
export const made: Connection = new Connection();
export const socket: websocket.WebSocket = new websocket.WebSocket('ws://127.0.0.1/', ['chat'], { headers: [] });
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
export const connection: Promise<Connection> = connect('ws://127.0.0.1/', { headers: new Headers() });
`,
);

test.each([
  ['nodenext', 'nodenext'],
  ['node16', 'node16'],
  ['esnext', 'bundler'],
])('compile with the module %s and the resolution %s', async (module, moduleResolution) => {
  const config = join(folder, `${moduleResolution}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      compilerOptions: {
        module,
        moduleResolution,
        target: 'es2022',
        lib: ['es2022'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      },
      files: ['index.ts'],
    }),
  );
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', config]).catch(
    (error) => error,
  );
  expect(stdout).toBe('');
});
