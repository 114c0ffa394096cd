/**
 * Tests that each layer of src/ imports only lower layers. For example, frame and handshake import no I/O, and transport does not import
 * api. The test checks every import of every file against a table. The same table is in docs/architecture.md. The test also checks a few
 * coding rules.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, scan } from '../scripts/source-scan.js';

interface Layer {
  /** Folders or single files from which this layer may import anything. */
  readonly uses: readonly string[];
  /** Folders from which this layer may import only types. */
  readonly types: readonly string[];
  readonly node: readonly string[];
  /** True if the layer may import types of any node: module, such as Duplex or http.Server. Types do not exist at run time. */
  readonly nodeTypes: boolean;
}

/** Files with constants and error classes. Every higher layer may import them at run time. */
const shared = [
  'frame/opcode.ts',
  'frame/close-code.ts',
  'frame/violation.ts',
  'frame/connection-error.ts',
  'handshake/error.ts',
];

const layers: Readonly<Record<string, Layer>> = {
  frame: { uses: [], types: [], node: ['buffer', 'crypto'], nodeTypes: false },
  handshake: { uses: [], types: [], node: ['crypto'], nodeTypes: false },
  deflate: {
    uses: ['frame/violation.ts', 'handshake/extension.ts', 'handshake/error.ts'],
    types: ['frame', 'handshake'],
    node: ['zlib'],
    nodeTypes: false,
  },
  transport: {
    uses: ['frame', 'handshake', 'deflate'],
    types: [],
    // node:util provides debuglog, which does no I/O of a connection. node:async_hooks provides the means to leave a context.
    node: ['net', 'tls', 'http', 'https', 'http2', 'util', 'async_hooks'],
    nodeTypes: true,
  },
  api: {
    uses: ['transport', ...shared],
    types: ['frame', 'handshake', 'deflate'],
    // node:util recognizes an ArrayBuffer of any realm. node:buffer checks UTF-8, and node:string_decoder decodes it in parts. Duplex
    // extends a class of node:stream. None of these modules does I/O.
    node: ['util', 'buffer', 'string_decoder', 'stream'],
    nodeTypes: true,
  },
  cli: {
    uses: ['api', 'index.ts'],
    types: [],
    node: ['http', 'https', 'util', 'readline', 'fs', 'path', 'url', 'process'],
    nodeTypes: true,
  },
  // Entry points contain only re-exports.
  'index.ts': {
    uses: ['api', 'transport', 'deflate', 'handshake', 'frame'],
    types: [],
    node: [],
    nodeTypes: false,
  },
  '4d.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'plugin.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'plugin-v1.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'topics.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'websocket.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'websocket-browser.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'ws.ts': { uses: ['api'], types: [], node: [], nodeTypes: false },
  'protocol.ts': { uses: ['frame', 'handshake', 'deflate'], types: [], node: [], nodeTypes: false },
};

/** Files that may import additional node: modules. The key is the file, and the value lists these modules. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'api/4d/web-server.ts': ['http', 'https', 'fs'],
  'api/4d/web-server-settings.ts': ['fs'],
  'api/static-server.ts': ['fs'],
  // This module notifies subscribers in the process. It does no I/O.
  'api/diagnostics.ts': ['diagnostics_channel'],
  // The API of `ws` uses node:http: programs pass agents, requests and servers of node:http.
  'api/ws/client.ts': ['http', 'https'],
  'api/ws/emitter.ts': ['events'],
  'api/ws/http-server.ts': ['http'],
  'api/ws/server.ts': ['events'],
  'api/ws/stream.ts': ['stream'],
  'api/ws/upgrade.ts': ['http'],
  // This file looks up an address in the requested family. node:net would use the first address.
  'transport/listen.ts': ['dns'],
  // In the API of the plugins, an application passes certificates as names of files.
  'api/plugin/tls.ts': ['fs'],
};

/**
 * Files that may import a module by a computed URL. The command `conform` imports the judge in this way, because the judge is compiled
 * separately.
 */
const computing: ReadonlySet<string> = new Set(['cli/conform.ts']);

const inside = (path: string, places: readonly string[]): boolean =>
  places.some((place) => path === place || path.startsWith(`${place}/`));

/**
 * Checks the imports and the coding rules of these files, and returns the faults. @param files maps the path of a file below src/ to its
 * source
 */
function faultsOf(files: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  for (const [file, source] of files) {
    const name = file.split('/')[0] ?? '';
    const layer = layers[name];
    if (layer === undefined) {
      faults.push(`${file} is in no layer`);
      continue;
    }
    for (const { specifier, line, typeOnly } of importsOf(source)) {
      const where = `${file}:${line} imports ${specifier}`;
      if (specifier.startsWith('node:')) {
        const module = specifier.slice('node:'.length);
        const allowed = [...layer.node, ...(exceptions[file] ?? [])];
        if (!inside(module, allowed) && !(typeOnly && layer.nodeTypes)) faults.push(where);
      } else if (specifier === '<computed>' && computing.has(file)) {
        if (!source.includes("new URL('../conformance/cli.js', import.meta.url)")) faults.push(where);
      } else if (!specifier.startsWith('.')) {
        faults.push(`${where}, a dependency`);
      } else {
        const target = posix.join(posix.dirname(file), specifier);
        const own = name.endsWith('.ts') ? [] : [name];
        const allowed = [...own, ...layer.uses, ...(typeOnly ? layer.types : [])];
        if (!inside(target, allowed)) faults.push(where);
        else if (!files.has(target)) faults.push(`${where}, which is not there`);
      }
    }
    const { code } = scan(source);
    if (/(?:^|\/)(?:utils?|types|helpers?|common|misc)\.ts$/.test(file))
      faults.push(`${file}: a name that says nothing`);
    // The package `ws` has a default export, and programs use it. Therefore ws.ts needs one as well.
    if (/\bexport\s+default\b|\bas\s+default\b/.test(code) && file !== 'ws.ts')
      faults.push(`${file} has a default export`);
    // §10.3: masking keys MUST NOT be predictable. No other code in src/ needs Math.random.
    if (/\bMath\s*\??\.?\s*\[?\s*random\b|\brandom\b[^;]*=\s*Math\b/.test(code))
      faults.push(`${file} uses Math.random`);
    if (name.endsWith('.ts')) {
      const rest = code.replace(
        /\bexport\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\s*(['"])\s*\1\s*;?/g,
        '',
      );
      if (!/^\s*(?:export\s*\{\s*\}\s*;?)?\s*$/.test(rest)) faults.push(`${file} holds more than re-exports`);
    }
  }
  return [...faults, ...cyclesOf(files)];
}

/** Folders in which even the imports of types must form no cycle. A reader can then read each file after the files that it imports. */
const readable: ReadonlySet<string> = new Set(['frame', 'handshake', 'deflate', 'transport', 'api', 'cli']);

/** Returns the import cycles. In a cycle, a module can run before another module of the cycle has been evaluated. */
function cyclesOf(files: ReadonlyMap<string, string>): string[] {
  const graph = new Map<string, string[]>();
  for (const [file, source] of files) {
    const withTypes = readable.has(file.split('/')[0] ?? '');
    const targets = importsOf(source)
      .filter(({ specifier, dynamic }) => specifier.startsWith('.') && !dynamic)
      .filter(({ typeOnly }) => withTypes || !typeOnly)
      .map(({ specifier }) => posix.join(posix.dirname(file), specifier));
    graph.set(file, targets);
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push(`a cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
    if (path.includes(file) || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

function readSource(folder = '../src/'): Map<string, string> {
  const src = new URL(folder, import.meta.url);
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  );
  const files = names.filter((name) => /\.[cm]?[jt]sx?$/.test(name)).sort();
  return new Map(files.map((name) => [name, readFileSync(new URL(name, src), 'utf8')]));
}

test('every import of src/ points to a lower layer, and no file breaks a coding rule', () => {
  const files = readSource();
  expect(files.has('index.ts')).toBe(true);
  expect(faultsOf(files)).toEqual([]);
});

test('the conformance judge imports nothing from src/ and no dependency, because shared code would hide faults', () => {
  const files = [...readSource('../conformance/')].filter(([file]) => !/^(?:clients|servers)\//.test(file));
  expect(files.length).toBeGreaterThan(30);
  const faults = files.flatMap(([file, source]) =>
    importsOf(source)
      .filter(({ specifier }) => !specifier.startsWith('node:'))
      .filter(({ specifier }) => {
        const target = posix.normalize(posix.join(posix.dirname(file), specifier));
        return !specifier.startsWith('.') || target.startsWith('..');
      })
      .map(({ specifier }) => `${file} imports ${specifier}`),
  );
  expect(faults).toEqual([]);
});

describe('the check of imports and coding rules', () => {
  const good: readonly (readonly [string, string])[] = [
    ['frame/violation.ts', "import { randomFillSync } from 'node:crypto';\nexport const violations = {};"],
    ['frame/endpoint.ts', "import { violations } from './violation.ts';\nexport interface Limits {}"],
    ['handshake/error.ts', 'export class HandshakeError extends Error {}'],
    [
      'transport/socket.ts',
      "import type { Duplex } from 'node:stream';\nexport * from '../frame/endpoint.ts';",
    ],
    [
      'api/connection.ts',
      "import type { Limits } from '../frame/endpoint.ts';\nimport '../transport/socket.ts';",
    ],
    ['cli/main.ts', "import { parseArgs } from 'node:util';\nimport '../index.ts';"],
    [
      'index.ts',
      "/** Entry. */\nexport * from './api/connection.ts';\nexport type { Limits } from './frame/endpoint.ts';",
    ],
  ];

  test('the check reports nothing for files that follow the rules', () => {
    expect(faultsOf(new Map(good))).toEqual([]);
  });

  test.each([
    ['frame/a.ts', "import { connect } from 'node:net';", 'imports node:net'],
    ['frame/a.ts', "import type { Socket } from 'node:net';", 'imports node:net'],
    [
      'frame/a.ts',
      "import { HandshakeError } from '../handshake/error.ts';",
      'imports ../handshake/error.ts',
    ],
    ['frame/a.ts', "import type { X } from '../api/connection.ts';", 'imports ../api/connection.ts'],
    ['frame/a.ts', "import fs from 'fs';", 'imports fs, a dependency'],
    ['frame/a.ts', "await import('node:zlib');", 'imports node:zlib'],
    ['frame/a.ts', 'await import(name);', 'imports <computed>'],
    [
      'handshake/a.ts',
      "export { violations } from '../frame/violation.ts';",
      'imports ../frame/violation.ts',
    ],
    ['handshake/a.ts', "import type { IncomingMessage } from 'node:http';", 'imports node:http'],
    ['deflate/a.ts', "import { Limits } from '../frame/endpoint.ts';", 'imports ../frame/endpoint.ts'],
    ['transport/a.ts', "export * from '../api/connection.ts';", 'imports ../api/connection.ts'],
    ['transport/a.ts', "import '../index.ts';", 'imports ../index.ts'],
    ['transport/a.ts', "import x from './gone.ts';", 'which is not there'],
    ['api/a.ts', "import net from 'node:net';", 'imports node:net'],
    ['api/a.ts', "import { Limits } from '../frame/endpoint.ts';", 'imports ../frame/endpoint.ts'],
    ['api/a.ts', "import '../cli/main.ts';", 'imports ../cli/main.ts'],
    ['cli/a.ts', "import '../transport/socket.ts';", 'imports ../transport/socket.ts'],
    ['cli/a.ts', "import ws from 'ws';", 'imports ws, a dependency'],
    ['cli/conform.ts', 'await import(name);', 'imports <computed>'],
    ['protocol.ts', "export * from './transport/socket.ts';", 'imports ./transport/socket.ts'],
    ['protocol.ts', 'export const version = 1;', 'holds more than re-exports'],
    ['plugin.ts', "export { connect } from './api/client.ts';", 'imports ./api/client.ts'],
    ['api/plugin/v2.ts', "import { readFile } from 'node:fs/promises';", 'imports node:fs/promises'],
    ['elsewhere/a.ts', 'export const a = 1;', 'is in no layer'],
    ['frame/utils.ts', 'export const a = 1;', 'a name that says nothing'],
    ['api/types.ts', 'export const a = 1;', 'a name that says nothing'],
    ['frame/a.ts', 'export default 1;', 'default export'],
    ['frame/a.ts', 'const a = 1;\nexport { a as default };', 'default export'],
    ['transport/a.ts', 'const jitter = Math.random();', 'Math.random'],
    ['transport/a.ts', 'const { random } = Math;', 'Math.random'],
    ['frame/a.ts', "import './endpoint.ts';\nimport './a.ts';", 'a cycle: frame/a.ts → frame/a.ts'],
    ['api/a.ts', "import type { A } from './a.ts';", 'a cycle: api/a.ts → api/a.ts'],
  ])('the check reports the fault in %s: %s', (file, source, fault) => {
    expect(faultsOf(new Map([...good, [file, source]])).join('\n')).toContain(fault);
  });
});
