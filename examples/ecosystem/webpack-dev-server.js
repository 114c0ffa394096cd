/**
 * webpack-dev-server sends messages to the page over a WebSocket. It requires `ws`. `overrides` in package.json replaces `ws` with our
 * package (docs/from-ws.md).
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'rfc6455/ws';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';

const folder = mkdtempSync(join(tmpdir(), 'webpack-'));
writeFileSync(join(folder, 'index.js'), 'console.log("page");\n');
const compiler = webpack({
  mode: 'development',
  context: folder,
  entry: './index.js',
  stats: 'none',
  infrastructureLogging: { level: 'none' },
});
const server = new WebpackDevServer({ port: 'auto', host: '127.0.0.1', static: false }, compiler);
await server.start();
const { port } = server.server.address();

// The client connects like the page: its Origin is the origin of the server.
const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, { origin: `http://127.0.0.1:${port}` });
const types = new Set();
client.on('message', (data) => types.add(JSON.parse(data).type));
await once(client, 'open');
while (!types.has('ok')) await once(client, 'message');
console.log(
  [...types]
    .filter((type) => ['hash', 'ok', 'overlay'].includes(type))
    .sort()
    .join(' '),
);
client.close();
await once(client, 'close');
await server.stop();
rmSync(folder, { recursive: true });
console.log('stopped');
