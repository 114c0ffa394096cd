/**
 * Runs the programs of examples/ecosystem unchanged, with the real packages. Packages that require `ws` get our classes instead.
 * docs/from-ws.md contains the `overrides` entry and the module hook for this. The test reads them from that page.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../consumers/project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const examples = join(root, 'examples', 'ecosystem');

/** The blocks of code in docs/from-ws.md. The key of a block is its first line. */
const blocks = new Map(
  [
    ...readFileSync(join(root, 'docs', 'from-ws.md'), 'utf8').matchAll(/^```\w+\n((.*)\n[\s\S]*?)^```$/gm),
  ].map(([, text, first]) => [first!, text!]),
);
function block(first: string): string {
  const text = blocks.get(first);
  if (text === undefined) throw new Error(`docs/from-ws.md has no code that begins with ${first}`);
  return text;
}

/** The expected output of each program. */
const programs: Readonly<Record<string, string>> = {
  express: 'without a session: 401\nAda said hello\n',
  'express-ws': 'Ada: hello\n1 client, whose class is ours: true\n',
  fastify: 'Ada: hello\nCarol: from a test\nclosed\n',
  'graphql-ws': 'world\nHi\nBonjour\nHola\nclosed\n',
  hono: 'Hono got hello\nthe server saw 4000\n',
  'http-proxy': 'ws: 1000000 bytes\nclosed with 4001 done\n',
  mqtt: 'greetings/world: 100000 bytes\nclosed\n',
  nest: 'Ada: hello\n2 clients\nAda left\nBob left\n',
  next: 'a page\nhello\nanother page\nclosed\n',
  puppeteer: 'A page\ntrue\nclosed\n',
  reconnecting: 'here after 2 connections\nhere after 4 connections\n',
  'socket.io': 'in room in room\nhello, 3 bytes\nclosed\n',
  trpc: 'world\n1 2 3\nclosed\n',
  'webpack-dev-server': 'hash ok overlay\nstopped\n',
};

/** Matches the lines in which Next reports its own work. Next prints some of these lines only if its work takes a long time. */
const ofNext = /^(?:[○✓⚠] | GET ).*\n/gm;

const packages = [
  'express@5.3.0 express-session@1.19.0 express-ws@5.0.2',
  'fastify@5.12.8 @fastify/websocket@11.3.7',
  'hono@4.13.19 @hono/node-server@1.19.19 @hono/node-ws@1.3.1',
  'socket.io@4.8.4 socket.io-client@4.8.4',
  'graphql@16.15.0 graphql-ws@6.4.2',
  '@trpc/server@11.25.2 @trpc/client@11.25.2 typescript@5.9.3',
  'mqtt@5.16.0 aedes@0.51.3',
  'partysocket@1.3.0 reconnecting-websocket@4.4.0',
  '@nestjs/common@12.5.1 @nestjs/core@12.5.1 @nestjs/platform-express@12.5.1 @nestjs/platform-ws@12.1.1',
  '@nestjs/websockets@12.1.1 reflect-metadata@0.2.2 rxjs@7.8.2',
  'next@16.4.6 react@19.3.1 react-dom@19.3.1',
  'http-proxy@1.18.1 puppeteer-core@24.43.1 webpack@5.113.0 webpack-dev-server@5.2.7',
].flatMap((line) => line.split(' '));

const project = new Project({});
beforeAll(async () => {
  const replacement = JSON.parse(block('{')) as { version: string };
  project.write('vendor/ws/package.json', JSON.stringify(replacement));
  project.write('vendor/ws/index.js', block('// index.js'));
  project.write('vendor/ws/index.mjs', block('// index.mjs'));
  const tarball = await project.pack(join(project.folder, 'vendor', 'ws'));
  const { overrides } = JSON.parse(block('{ "overrides": { "ws": "file:./vendor/ws-8.99.0.tgz" } }')) as {
    overrides: { ws: string };
  };
  const own = `file:./${await project.pack(root)}`;
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { rfc6455: own },
    overrides: { ws: overrides.ws.replace('vendor/ws-8.99.0.tgz', tarball), rfc6455: '$rfc6455' },
  };
  project.write('package.json', JSON.stringify(manifest));
  await project.install(...packages);
  for (const name of readdirSync(examples)) {
    project.write(name, readFileSync(join(examples, name), 'utf8'));
  }
});
afterAll(() => project.remove());

test('the test has an expected output for every program of examples/ecosystem', () => {
  expect(readdirSync(examples).sort()).toEqual(
    Object.keys(programs)
      .map((name) => `${name}.js`)
      .sort(),
  );
});

describe('the package ws replaced by ours with `overrides`', () => {
  test.each(Object.entries(programs))(
    'the program %s prints its output with our ws',
    async (name, output) => {
      const outcome = await project.node(`${name}.js`);
      expect({ ...outcome, output: outcome.output.replace(ofNext, '') }).toEqual({ code: 0, output });
    },
  );

  test('with `overrides`, the only installed package named ws is ours', async () => {
    const list = `import { readdirSync } from 'node:fs';
for (const path of readdirSync('node_modules', { recursive: true })) {
  if (/(^|node_modules\\/)ws\\/package.json$/.test(path)) console.log(path);
}`;
    project.write('list.js', list);
    expect(await project.node('list.js')).toEqual({ code: 0, output: 'ws/package.json\n' });
  });
});

describe('the package ws replaced by ours with a module hook', () => {
  test("an import of 'ws' returns our classes", async () => {
    project.write('hook.mjs', block('// hook.mjs, for: node --import ./hook.mjs program.js'));
    project.write(
      'hooked.mjs',
      "import WebSocket, { WebSocketServer } from 'ws';\nimport * as ours from 'rfc6455/ws';\n" +
        'console.log(WebSocket === ours.WebSocket, WebSocketServer === ours.WebSocketServer);\n',
    );
    project.write('node_modules/ws/index.mjs', "throw new Error('the package ws was loaded');\n");
    expect(await project.node('--no-warnings', '--import', './hook.mjs', 'hooked.mjs')).toEqual({
      code: 0,
      output: 'true true\n',
    });
  });
});
