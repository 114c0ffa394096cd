/**
 * Installs the packed package in a project. The project has strict compiler options, checks the declarations of libraries, and has no
 * setting for the types of Node.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilerOptions, everyEntry, Project } from './project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const entries = [
  'rfc6455',
  ...['4d', 'conformance', 'plugin', 'plugin-v1', 'protocol', 'topics', 'websocket'].map(
    (name) => `rfc6455/${name}`,
  ),
];

const names = `(entry) => Object.keys(entry).filter((name) => name !== 'default' && name !== 'module.exports').sort()`;
const files = {
  'package.json': '{ "type": "module" }',
  'index.ts': everyEntry,
  'import.mjs': `const names = ${names};
for (const entry of process.argv.slice(2)) console.log(entry, names(await import(entry)).join());`,
  'require.cjs': `const names = ${names};
for (const entry of process.argv.slice(2)) console.log(entry, names(require(entry)).join());`,
  'ws.cjs': `const WebSocket = require('rfc6455/ws');
const { default: same, WebSocketServer, createWebSocketStream } = WebSocket;
const server = new WebSocketServer({ noServer: true });
console.log(WebSocket.name, WebSocket.OPEN, same === undefined || same === WebSocket, server instanceof WebSocket.Server, typeof createWebSocketStream);`,
  'same.cjs': `const { Connection } = require('rfc6455');
import('rfc6455').then((imported) => console.log(imported.Connection === Connection));`,
};
const modules = new Project(files);
const commonjs = new Project({ ...files, 'package.json': '{ "type": "commonjs" }' });

// npm is slow on a busy machine, so the time limit is high.
beforeAll(async () => {
  await Promise.all([modules.install(), commonjs.install()]);
  for (const { folder } of [modules, commonjs]) {
    // These are the types of Node.js, and the package on which they depend.
    for (const name of ['@types', 'undici-types']) {
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
    }
  }
}, 240_000);
afterAll(() => {
  modules.remove();
  commonjs.remove();
});

describe.each([
  ['an ES module', modules],
  ['CommonJS', commonjs],
])('a TypeScript project that compiles to %s', (_, project) => {
  test.each([
    ['nodenext', 'nodenext'],
    ['node16', 'node16'],
    ['esnext', 'bundler'],
    ['commonjs', 'bundler'],
  ])(
    'with module %s and moduleResolution %s, the compiler accepts all entry points',
    async (module, resolution) => {
      project.write('tsconfig.json', compilerOptions(module, resolution, { noEmit: true }));
      expect(await project.node(compiler, '-p', 'tsconfig.json')).toEqual({ code: 0, output: '' });
    },
  );
});

test('the types of our WebSocket are assignable to those of browsers', async () => {
  modules.write(
    'browser.ts',
    `import { WebSocket } from 'rfc6455/websocket';
export const Given: typeof globalThis.WebSocket = WebSocket;
export const socket: globalThis.WebSocket = new WebSocket('ws://127.0.0.1/');
export function handle(own: WebSocket): void {
  own.onmessage = function ({ data }) {
    this.send(data);
  };
  own.onerror = ({ error }) => console.log(error);
}
`,
  );
  const lib = ['es2022', 'dom'];
  const options = JSON.parse(compilerOptions('nodenext', 'nodenext', { noEmit: true, lib }));
  modules.write('browser.json', JSON.stringify({ ...options, files: ['browser.ts'] }));
  expect(await modules.node(compiler, '-p', 'browser.json')).toEqual({ code: 0, output: '' });
});

describe('require of the package', () => {
  test('require and import of an entry point give the same names', async () => {
    const imported = await modules.node('import.mjs', ...entries);
    expect(imported.code).toBe(0);
    expect(imported.output.split('\n')).toHaveLength(entries.length + 1);
    expect(imported.output).toMatch(/^rfc6455 .*\bWebSocketServer\b/);
    expect(await commonjs.node('--no-warnings', 'require.cjs', ...entries)).toEqual(imported);
    // Jest, and a Node.js that cannot require ES modules, load the CommonJS build.
    expect(await commonjs.node('--no-experimental-require-module', 'require.cjs', ...entries)).toEqual(
      imported,
    );
  });

  test("require('rfc6455/ws') returns the class itself, as the package ws does", async () => {
    const expected = { code: 0, output: 'WebSocket 1 true true function\n' };
    expect(await commonjs.node('--no-warnings', 'ws.cjs')).toEqual(expected);
    expect(await commonjs.node('--no-experimental-require-module', 'ws.cjs')).toEqual(expected);
  });

  test('require and import give the same class, unless an option of Node forbids `require` of ES modules', async () => {
    expect(await commonjs.node('--no-warnings', 'same.cjs')).toEqual({ code: 0, output: 'true\n' });
    // With this option, `require` loads the CommonJS build, which has different classes.
    expect(await commonjs.node('--no-experimental-require-module', 'same.cjs')).toEqual({
      code: 0,
      output: 'false\n',
    });
  });
});
