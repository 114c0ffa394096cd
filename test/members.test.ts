/**
 * Tests that each exported class has exactly the members in this test, at run time and in its declaration. Otherwise an internal member
 * could become public by mistake.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { scan } from '../scripts/source-scan.js';

const dist = new URL('../dist/', import.meta.url);

interface Members {
  /** Methods and accessors of the prototype. */
  readonly methods: readonly string[];
  /** Members of the prototype that only the library uses. They are missing in the declaration. */
  readonly internal?: readonly string[];
  /** Properties of each instance. They are in the declaration, but not on the prototype. */
  readonly fields?: readonly string[];
}

const connection: Members = {
  methods: [
    'bufferedAmount',
    'close',
    'closed',
    'drained',
    'extensions',
    'flush',
    'headers',
    'isPaused',
    'lastWireSize',
    'pause',
    'ping',
    'sendLatest',
    'rtt',
    'pong',
    'readable',
    'ref',
    'remoteAddress',
    'remotePort',
    'request',
    'reset',
    'resume',
    'send',
    'sendStream',
    'sendText',
    'socket',
    'state',
    'subprotocol',
    'terminate',
    'unref',
    'url',
    'writable',
    'write',
    '[Symbol.asyncDispose]',
    '[Symbol.asyncIterator]',
    '[Symbol.dispose]',
  ],
  fields: ['data'],
};

const endpoint: Members = {
  methods: [
    'abort',
    'askForRoom',
    'bufferedAmount',
    'canSendSerialized',
    'close',
    'dataPieces',
    'fail',
    'insideMessage',
    'isPaused',
    'isPausedByUser',
    'keepsChunk',
    'messageTimedOut',
    'openStream',
    'pause',
    'ping',
    'pong',
    'receive',
    'receiveEnd',
    'resume',
    'sendBinary',
    'sendSerialized',
    'sendShared',
    'sendText',
    'sendTextBytes',
    'state',
    'terminate',
    'transportBlocked',
    'transportClosed',
    'transportDrained',
    'whenSent',
  ],
  internal: ['sendTextSoon'],
};

const bus: Members = { methods: ['close', 'onState', 'publish', 'subscribe', 'unsubscribe'] };

const classes: Readonly<Record<string, Readonly<Record<string, Members>>>> = {
  index: {
    CompressionBudget: { methods: ['release', 'reserve', 'used'], fields: ['limit'] },
    Connection: connection,
    ConnectionError: { methods: [], fields: ['code', 'name', 'peer', 'section'] },
    HandshakeError: {
      methods: [],
      internal: ['name', 'withBody'],
      fields: ['body', 'code', 'headers', 'stage', 'status', 'value'],
    },
    Group: {
      methods: ['add', 'broadcast', 'clear', 'delete', 'has', 'size', '[Symbol.iterator]'],
    },
    MessageStream: {
      methods: ['cancel', 'wireSize', '[Symbol.asyncIterator]'],
      fields: ['isBinary'],
    },
    MemoryBudget: {
      methods: ['isWaiting', 'review', 'used'],
      internal: ['count', 'isScarce', 'share', 'unread'],
      fields: ['limit'],
    },
    ProtocolError: {
      methods: [],
      fields: ['closeCode', 'code', 'name', 'opcode', 'peer', 'reason', 'section'],
    },
    Reconnection: {
      methods: [
        'connection',
        'isActive',
        'queuedAmount',
        'retries',
        'send',
        'start',
        'state',
        'stop',
        '[Symbol.asyncDispose]',
      ],
    },
    Rejection: { methods: [], fields: ['body', 'headers', 'status'] },
    WebSocket: {
      methods: [
        'CLOSED',
        'CLOSING',
        'CONNECTING',
        'OPEN',
        'binaryType',
        'bufferedAmount',
        'close',
        'extensions',
        'onclose',
        'onerror',
        'onmessage',
        'onopen',
        'protocol',
        'readyState',
        'send',
        'url',
      ],
      // The declaration inherits this member from EventTarget. There its type is string.
      internal: ['[Symbol.toStringTag]'],
    },
    WebSocketServer: {
      methods: [
        'addresses',
        'attach',
        'broadcast',
        'connections',
        'handleUpgrade',
        'listen',
        'shutdown',
        '[Symbol.asyncDispose]',
      ],
    },
  },
  protocol: { Endpoint: endpoint },
  topics: {
    BroadcastChannelBus: bus,
    ClusterBus: bus,
    MemoryBus: bus,
    NatsBus: { methods: [...bus.methods, 'history'] },
    RedisBus: { methods: [...bus.methods, 'history'] },
    TopicError: { methods: [], fields: ['code', 'name'] },
    Topics: {
      methods: [
        'close',
        'counts',
        'offsetOf',
        'presence',
        'publish',
        'ready',
        'size',
        'subscribe',
        'topicsOf',
        'unsubscribe',
        'updatePresence',
        '[Symbol.asyncDispose]',
      ],
    },
  },
};

/** Returns the classes that an entry point exports. */
async function exportedClasses(entry: string): Promise<Map<string, { prototype: object }>> {
  const exported: Record<string, unknown> = await import(new URL(`${entry}.js`, dist).href);
  return new Map(
    Object.entries(exported).filter(
      (pair): pair is [string, { prototype: object }] =>
        typeof pair[1] === 'function' && /^class\b/.test(Function.prototype.toString.call(pair[1])),
    ),
  );
}

/** Returns the name of a member in the form that the declaration uses. */
function nameOf(key: string | symbol): string {
  if (typeof key === 'string') return key;
  const description = (key.description ?? '').replace(/^nodejs\./, 'Symbol.');
  return `[${description}]`;
}

function runtimeMembers({ prototype }: { prototype: object }): string[] {
  return Reflect.ownKeys(prototype)
    .filter((key) => key !== 'constructor' && key !== inspect.custom)
    .map(nameOf)
    .sort();
}

const declarations = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.d.ts') && !/^(?:conformance|cli)[\\/]/.test(path))
  .map((path) => ({
    path,
    code: scan(readFileSync(new URL(path.replaceAll('\\', '/'), dist), 'utf8')).code,
  }));

/** Returns the names of the members in the declaration of a class. Static members, private members and the constructor are not included. */
function declaredMembers(name: string): string[] {
  const start = new RegExp(`export declare class ${name}\\b[^{]*\\{`);
  // The 4D API has classes with the same names, so its declarations are not searched.
  const { code } = declarations.find((one) => !/[\\/]4d[\\/]/.test(one.path) && start.test(one.code))!;
  const body = code.slice(code.search(start)).split(/\n\}/)[0]!;
  const members = [...body.matchAll(/^ {4}(?:readonly |get |set )*(\[[\w.]+\]|[\w$]+)(?=[?(:<]| =)/gm)];
  return [...new Set(members.map(([, member]) => member!))].filter((one) => one !== 'constructor').sort();
}

describe.each(Object.entries(classes))('the classes of %s', (entry, table) => {
  test.each(Object.entries(table))(
    'the class %s has exactly these members, at run time and in its declaration',
    async (name, { methods, internal = [], fields = [] }) => {
      const exported = (await exportedClasses(entry)).get(name)!;
      expect(runtimeMembers(exported)).toEqual([...methods, ...internal].sort());
      expect(declaredMembers(name)).toEqual([...methods, ...fields].sort());
    },
  );
});

test.each(['index', 'topics'])('the table of this test contains every class of %s', async (entry) => {
  expect(Object.keys(classes[entry]!).sort()).toEqual([...(await exportedClasses(entry)).keys()].sort());
});

test('TypeScript does not let an application construct a Connection', () => {
  const { code } = declarations.find(({ code: text }) => text.includes('export declare class Connection<'))!;
  expect(code).toContain('private constructor();');
});

test('no declaration contains members that are marked as internal', () => {
  const internal = ['ConnectionCore', 'makeConnection', 'sendBroadcast', 'coreOf', 'AllServerHandlers'];
  for (const { path, code } of declarations) {
    // No entry point exports these declarations.
    if (
      /[\\/](?:dispatch|server-host|incoming-streams|send-stream|send-with|send-latest|start-closing)\.d\.ts$/.test(
        path,
      )
    )
      continue;
    for (const name of internal) {
      expect(new RegExp(`\\b${name}\\b`).test(code), `${name} in ${path}`).toBe(false);
    }
  }
});
