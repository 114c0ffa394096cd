/** Tests that the package contains exactly the names and files in this test, and that no script runs when the package is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { scan } from '../scripts/source-scan.js';

const root = new URL('../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

/** Every name that each entry point exports. Values exist at run time, and types do not. */
const entries: Readonly<Record<string, { values: readonly string[]; types: readonly string[] }>> = {
  '.': {
    values: [
      'CloseCode',
      'CompressionBudget',
      'Connection',
      'ConnectionError',
      'Group',
      'HandshakeError',
      'MemoryBudget',
      'MessageStream',
      'ProtocolError',
      'Reconnection',
      'Rejection',
      'WebSocket',
      'WebSocketServer',
      'connect',
      'connectionFaults',
      'dialFailures',
      'processCompressionBudget',
      'processMemoryBudget',
      'reconnect',
      'refusals',
      'reject',
      'toDuplex',
      'violations',
    ],
    types: [
      'Accept',
      'AcceptedAnswer',
      'AttemptOptions',
      'Backoff',
      'BroadcastOptions',
      'CloseInfo',
      'CompressionOptions',
      'ConnectOptions',
      'ConnectionFaultCode',
      'ConnectionHandlers',
      'ConnectionInfo',
      'ConnectionOptions',
      'ConnectionState',
      'DiagnosticsMessages',
      'DialFailureCode',
      'ExtensionOffer',
      'HandleUpgradeOptions',
      'HandshakeRequest',
      'HandshakeStage',
      'HeaderFieldsInit',
      'HeartbeatOptions',
      'ListenOptions',
      'Message',
      'MessageHandler',
      'OriginPolicy',
      'PathPattern',
      'PendingUpgrade',
      'PingOptions',
      'ReceivedMessage',
      'ReconnectCause',
      'ReconnectClock',
      'ReconnectHandlers',
      'ReconnectOptions',
      'ReconnectionState',
      'RefusalCode',
      'SendCallback',
      'SendOptions',
      'SendOutcome',
      'SendStreamOptions',
      'ServerHandlers',
      'ServerOptions',
      'ServerRequest',
      'ShutdownOptions',
      'StreamSource',
      'ToDuplexOptions',
      'UpgradeAnswer',
      'UpgradeRequest',
      'ViolationCode',
      'WebSocketInit',
      'WebSocketOptions',
    ],
  },
  './topics': {
    values: [
      'BroadcastChannelBus',
      'ClusterBus',
      'MemoryBus',
      'NatsBus',
      'RedisBus',
      'TopicError',
      'Topics',
      'topicFaults',
    ],
    types: [
      'Bus',
      'BusHistory',
      'BusOptions',
      'BusReceiver',
      'ClusterBusOptions',
      'HistoryMessage',
      'HistoryOptions',
      'HistoryPage',
      'NatsBusOptions',
      'NatsClient',
      'NatsHistoryOptions',
      'NatsJetStream',
      'Presence',
      'PresenceHandlers',
      'PresenceMember',
      'PresenceOptions',
      'PublishOptions',
      'Published',
      'RedisBusOptions',
      'RedisClient',
      'SlowPolicy',
      'SubscribeOptions',
      'TopicFaultCode',
      'TopicsCounts',
      'TopicsHandlers',
      'TopicsOptions',
    ],
  },
  './websocket': {
    values: ['CloseEvent', 'ErrorEvent', 'WebSocket', 'WebSocketError', 'WebSocketStream'],
    types: [
      'AnyEventInit',
      'BinaryType',
      'CloseEventConstructor',
      'CloseEventInit',
      'ErrorEventConstructor',
      'ErrorEventInit',
      'ListenerOptions',
      'MessageEvent',
      'WebSocketCloseInfo',
      'WebSocketConnectionInfo',
      'WebSocketEventMap',
      'WebSocketInit',
      'WebSocketListener',
      'WebSocketOptions',
    ],
  },
  './protocol': {
    values: [
      'CloseCode',
      'CompressionBudget',
      'DeflateCodec',
      'Endpoint',
      'EndpointState',
      'FrameParser',
      'HandshakeError',
      'HttpHeadParser',
      'MemoryBudget',
      'Opcode',
      'ProtocolError',
      'Utf8Validator',
      'acceptDeflate',
      'acceptRequest',
      'buildRequest',
      'checkOriginPolicy',
      'computeAccept',
      'confirmDeflate',
      'defaultHeadLimits',
      'deflateRefusals',
      'formatExtensions',
      'formatHead',
      'formatRefusal',
      'frameHeaderSize',
      'generateKey',
      'isAllowedOrigin',
      'isControl',
      'isKey',
      'isKnownOpcode',
      'isValidUtf8',
      'isWireCloseCode',
      'offerDeflate',
      'parseClosePayload',
      'parseExtensions',
      'parseTarget',
      'processCompressionBudget',
      'processMemoryBudget',
      'refusals',
      'selectSubprotocol',
      'serializeClosePayload',
      'serializeFrame',
      'verifyRequest',
      'verifyResponse',
      'violations',
      'writeFrameHeader',
    ],
    types: [
      'Acceptance',
      'AcceptedRequest',
      'ByteSink',
      'CloseRecord',
      'CodecSettings',
      'Compressing',
      'DeflateAcceptance',
      'DeflateConfig',
      'DeflateParams',
      'DeflateRefusalCode',
      'Direction',
      'EndpointEvents',
      'EndpointOptions',
      'ExpectedResponse',
      'ExtensionOffer',
      'FastFrameHandler',
      'FrameHandler',
      'FrameInit',
      'FrameOptions',
      'HandshakeRequest',
      'HandshakeStage',
      'HeadLimits',
      'HttpHead',
      'HttpRequestHead',
      'HttpResponseHead',
      'Limits',
      'MessageCodec',
      'OriginPolicy',
      'OutgoingStream',
      'RefusalCode',
      'RequestOptions',
      'Role',
      'SendCallback',
      'SharedMemory',
      'StreamedMessage',
      'TextDelivery',
      'UpgradeRequest',
      'VerifiedResponse',
      'Violation',
      'ViolationCode',
      'WebSocketTarget',
    ],
  },
  './4d': {
    values: [
      'FourDError',
      'WebServer',
      'WebSocket',
      'WebSocketConnection',
      'WebSocketServer',
      'fourDErrors',
      'webServer',
    ],
    types: [
      'ClientTerminateEvent',
      'ConnectionEvent',
      'ConnectionHandler',
      'ConnectionRequest',
      'ConnectionStatus',
      'DataOf',
      'DataType',
      'Done',
      'ErrorEvent',
      'FourDErrorName',
      'MessageEvent',
      'OpenEvent',
      'Sendable',
      'ServerTerminateEvent',
      'Status',
      'TerminateEvent',
      'TerminateOptions',
      'TextsByKey',
      'WSSHandler',
      'WebServerSettings',
      'WebSocketHandler',
      'WebSocketOptions',
      'WebSocketServerOptions',
    ],
  },
  './conformance': {
    values: [
      'Driver',
      'allCases',
      'baselineOf',
      'casesFor',
      'differences',
      'runClientCases',
      'runServerCases',
      'titles',
      'vectors',
      'writeReports',
    ],
    types: [
      'Baseline',
      'Behavior',
      'BehaviorClose',
      'Case',
      'CaseResult',
      'Check',
      'ClientRunOptions',
      'DriverAddress',
      'DriverOptions',
      'Event',
      'Expectation',
      'Kind',
      'Level',
      'Observation',
      'Role',
      'RunOptions',
      'ServerRunOptions',
      'Step',
      'TimelineEntry',
      'Vector',
      'VectorEvent',
    ],
  },
  './ws': {
    values: ['Server', 'WebSocket', 'WebSocketServer', 'createWebSocketStream', 'default', 'module.exports'],
    types: [
      'BinaryType',
      'ClientOptions',
      'CloseEvent',
      'ConnectionOptions',
      'Done',
      'ErrorEvent',
      'Event',
      'ExtraLimits',
      'MessageEvent',
      'PerMessageDeflateOptions',
      'RawData',
      'SendOptions',
      'ServerEvents',
      'ServerOptions',
      'UpgradeCallback',
      'VerifyClient',
      'VerifyClientAnswer',
      'VerifyClientInfo',
      'WebSocketEvents',
    ],
  },
  './plugin': {
    values: [
      'WebsocketEventType',
      'clearAll',
      'events',
      'methods',
      'websocketClient',
      'websocketClientClear',
      'websocketClientSend',
      'websocketClientStart',
      'websocketClientStop',
      'websocketGetMethod',
      'websocketServer',
      'websocketServerClear',
      'websocketServerSend',
      'websocketServerStart',
      'websocketServerStop',
      'websocketSetMethod',
    ],
    types: [
      'PluginEvents',
      'PluginMethod',
      'SendStatus',
      'SetMethodOptions',
      'WebsocketClientInfo',
      'WebsocketClientOptions',
      'WebsocketClientStart',
      'WebsocketClientStatus',
      'WebsocketClientStop',
      'WebsocketClose',
      'WebsocketError',
      'WebsocketEvent',
      'WebsocketIdentity',
      'WebsocketMessage',
      'WebsocketMethod',
      'WebsocketOpen',
      'WebsocketServerConnection',
      'WebsocketServerInfo',
      'WebsocketServerOptions',
      'WebsocketServerSend',
      'WebsocketServerSendStatus',
      'WebsocketServerStatus',
      'WebsocketTlsOptions',
    ],
  },
  './plugin-v1': {
    values: [
      'clearAll',
      'events',
      'methods',
      'websocketClient',
      'websocketClientClear',
      'websocketClientMessages',
      'websocketClientSend',
      'websocketClientStart',
      'websocketClientStop',
      'websocketServer',
      'websocketServerClear',
      'websocketServerClients',
      'websocketServerMessages',
      'websocketServerSend',
      'websocketServerStart',
      'websocketServerStop',
    ],
    types: [
      'PluginEvents',
      'PluginMethod',
      'SendStatus',
      'WebsocketClient',
      'WebsocketClientOptions',
      'WebsocketClientStatus',
      'WebsocketCloseContext',
      'WebsocketContext',
      'WebsocketDataContext',
      'WebsocketDeflateOptions',
      'WebsocketErrorContext',
      'WebsocketEventType',
      'WebsocketMethod',
      'WebsocketMethodOptions',
      'WebsocketOpenContext',
      'WebsocketServer',
      'WebsocketServerOptions',
      'WebsocketServerSendStatus',
      'WebsocketServerStatus',
      'WebsocketWaitingEvent',
    ],
  },
};

/** Returns the path of the source of an entry point, for example src/index.ts for dist/bundle/index.js. */
function sourceOf(compiled: string): string {
  const path = compiled.replace(/^\.\/dist\/bundle\//, '').replace(/\.js$/, '.ts');
  return path.startsWith('conformance/') ? path : `src/${path}`;
}

describe.each(Object.entries(entries))('the entry point %s', (entry, { values, types }) => {
  const { default: compiled, types: declarations } = manifest.exports[entry].default;

  test('`import` of the entry point gives exactly the names in this test', async () => {
    const exported: Record<string, unknown> = await import(new URL(compiled, root).href);
    expect(Object.keys(exported).sort()).toEqual([...values].sort());
    // If two modules use the same identifier, a bundler renames one of them.
    const functions = Object.values(exported).filter((value) => typeof value === 'function');
    expect(functions.filter(({ name }) => !/^\w+$/.test(name))).toEqual([]);
  });

  test('`require` of the entry point gives the same names as `import`', async () => {
    const required: object = createRequire(import.meta.url)(fileURLToPath(new URL(compiled, root)));
    if (values.includes('module.exports')) {
      expect(required).toBe((await import(new URL(compiled, root).href)).default);
      return;
    }
    expect(Object.keys(required).sort()).toEqual([...values].sort());
  });

  test('the declarations of the entry point load the types of Node.js, because TypeScript 6 does not load these types by itself', () => {
    const text = readFileSync(new URL(declarations, root), 'utf8');
    expect(text).toMatch(/^\/\/\/ <reference types="node" preserve="true" \/>$/m);
  });

  test('the source of the entry point exports exactly the types and values in this test, each by name', () => {
    const source = sourceOf(compiled);
    const { code } = scan(readFileSync(new URL(source, root), 'utf8'));
    // `export *` could export a name by mistake.
    expect(code).not.toMatch(/export\s+(?:type\s+)?\*/);
    const named = [...code.matchAll(/\bexport\s+(type\s+)?\{([^}]*)\}/g)].flatMap((match) =>
      (match[2] ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '')
        .map((name) => ({
          name: name
            .replace(/^type\s+/, '')
            .replace(/^.*\bas\s+/, '')
            // The scanner replaces the text of each string with spaces.
            .replace(/^'\s*'$|^\s+$/, 'module.exports'),
          type: match[1] !== undefined || name.startsWith('type '),
        })),
    );
    const namesOf = (type: boolean): string[] =>
      named
        .filter((one) => one.type === type)
        .map(({ name }) => name)
        .sort();
    expect(namesOf(true)).toEqual([...types].sort());
    expect(namesOf(false)).toEqual([...values].sort());
    expect(existsSync(new URL(declarations, root))).toBe(true);
  });
});

test('the field `exports` of package.json contains exactly the entry points in this test, and package.json', () => {
  expect(Object.keys(manifest.exports).sort()).toEqual([...Object.keys(entries), './package.json'].sort());
});

describe("the condition 'browser' of rfc6455/websocket", () => {
  const { browser } = manifest.exports['./websocket'];

  /**
   * Runs a program with the condition `browser`. The program prints the names that it gets, and whether each of them is the global class.
   */
  const run = (load: string): unknown =>
    JSON.parse(
      execFileSync(process.execPath, ['--conditions=browser', '--input-type=module', '--eval', load], {
        cwd: fileURLToPath(root),
        encoding: 'utf8',
      }),
    );
  const fakes = (names: readonly string[]): string =>
    names.map((name) => `globalThis.${name} = class ${name} {};`).join('');
  const print = (names: readonly string[]): string =>
    `console.log(JSON.stringify(${JSON.stringify(names)}.map((name) => [name, loaded[name] === globalThis[name]])));`;

  test.each([
    ['import', "const loaded = await import('rfc6455/websocket');"],
    [
      'require',
      "import { createRequire } from 'node:module'; const loaded = createRequire(import.meta.url)('rfc6455/websocket');",
    ],
  ])('%s gives the classes of the browser, under the same names as in Node.js', async (_, load) => {
    const { values } = entries['./websocket']!;
    expect(Object.keys(await import(new URL(browser.default, root).href)).sort()).toEqual([...values].sort());
    // A static import would run before the globals are replaced. So the program calls `import()`.
    expect(run(`${fakes(values)}${load}${print(values)}`)).toEqual(values.map((name) => [name, true]));
  });

  test('the condition `browser` is the first one of this entry point, and no other entry point has it', () => {
    expect(Object.keys(manifest.exports['./websocket'])[0]).toBe('browser');
    const others = Object.entries(manifest.exports).filter(([name]) => name !== './websocket');
    expect(others.filter(([, conditions]) => Object.hasOwn(conditions as object, 'browser'))).toEqual([]);
    for (const path of Object.values(browser)) expect(existsSync(new URL(path as string, root))).toBe(true);
  });
});

test('the package has no dependency, and no script runs when it is installed', () => {
  for (const field of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies'])
    expect(manifest[field] ?? {}).toEqual({});
  // The script "prepare" runs after the repository is cloned. It does not run when the package is installed.
  const hooks = ['preinstall', 'install', 'postinstall', 'preuninstall', 'uninstall', 'postuninstall'];
  expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([]);
  expect(existsSync(new URL('binding.gyp', root))).toBe(false);
});

describe('the packed package', () => {
  const listing = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: fileURLToPath(root),
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const files: string[] = JSON.parse(listing)[0].files.map(({ path }: { path: string }) => path);

  test('the package contains the file of each entry point, and its types, source map and source', () => {
    for (const entry of Object.keys(entries)) {
      const { default: compiled, types } = manifest.exports[entry].default;
      expect(files).toContain(compiled.replace('./', ''));
      expect(files).toContain(types.replace('./', ''));
      expect(files).toContain(sourceOf(compiled));
      // The package also contains the files for `require`.
      const { default: required, types: requiredTypes } = manifest.exports[entry].require;
      expect(files).toContain(required.replace('./', ''));
      expect(files).toContain(requiredTypes.replace('./', ''));
    }
    expect(files).toContain(manifest.bin.rfc6455);
    // Two kinds of bundles have no source map: entry points that only re-export other files, and a helper file of the bundler.
    const bundles = files.filter((one) => /^dist\/bundle\/.*\.js$/.test(one));
    const withoutMap = bundles.filter((path) => !files.includes(`${path}.map`));
    for (const path of withoutMap) {
      const text = readFileSync(new URL(path, root), 'utf8');
      if (!path.includes('/chunks/rolldown'))
        expect(text).toMatch(/^(?:import [^;]*;\s*|export [^;]*;\s*)*$/);
    }
    // One character beyond Latin-1 in a module would make V8 use two bytes for every character of this module.
    for (const path of files.filter((one) => /^dist\/.*\.js$/.test(one)))
      expect(readFileSync(new URL(path, root), 'latin1'), path).not.toMatch(/[^\0-\x7f]/);
    // The package contains the bundles, and not the modules from which they are made.
    expect(files.filter((path) => /^dist\/(?!bundle\/|cjs\/).*\.js$/.test(path))).toEqual([]);
  });

  test('besides the folders of code, the package contains only its documents', () => {
    const rest = files.filter((path) => !/^(?:dist|src|conformance|examples)\//.test(path));
    expect(rest.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      // These are the pages that the README links. Readers can use them without a network, or for an older version.
      'docs/4d-rows.md',
      'docs/4d-sentences.md',
      'docs/4d.md',
      'docs/README.md',
      'docs/api.md',
      'docs/architecture.md',
      'docs/compression.md',
      'docs/conformance.md',
      'docs/errors.md',
      'docs/from-websocket.md',
      'docs/from-ws.md',
      'docs/guides/authentication.md',
      'docs/guides/command-line.md',
      'docs/guides/compression.md',
      'docs/guides/embedding.md',
      'docs/guides/entry-points.md',
      'docs/guides/from-socket.io.md',
      'docs/guides/large-transfers.md',
      'docs/guides/proxies.md',
      'docs/guides/reconnecting.md',
      'docs/guides/restarts.md',
      'docs/guides/security-checklist.md',
      'docs/guides/servers-and-clients.md',
      'docs/guides/testing.md',
      'docs/guides/tls.md',
      'docs/guides/troubleshooting.md',
      'docs/invariants.md',
      'docs/limits.md',
      'docs/maintaining.md',
      'docs/performance.md',
      'docs/plugin-rows.md',
      'docs/plugin.md',
      'docs/rfc.md',
      'docs/scaling.md',
      'docs/structure.md',
      'docs/topics.md',
      'docs/versioning.md',
      'docs/why.md',
      'llms.txt',
      'package.json',
    ]);
    expect(files.filter((path) => /(?:^|[/.])(?:test|bench|spec)s?[/.]/.test(path))).toEqual([]);
  });
});
