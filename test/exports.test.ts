/** What the package gives away: exactly these names, these files, and nothing that runs on installation. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { scan } from '../scripts/source-scan.js';

const root = new URL('../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

/** Every name that an entry point exports: what is there at run time, and the types besides. */
const entries: Readonly<Record<string, { values: readonly string[]; types: readonly string[] }>> = {
  '.': {
    values: ['CloseCode', 'CompressionBudget', 'Connection', 'ConnectionError', 'HandshakeError', 'MemoryBudget', 'ProtocolError', 'Reconnection', 'Rejection', 'WebSocketServer', 'connect', 'connectionFaults', 'dialFailures', 'processCompressionBudget', 'processMemoryBudget', 'reconnect', 'refusals', 'reject', 'violations'],
    types: ['Accept', 'AttemptOptions', 'Backoff', 'CloseInfo', 'CompressionOptions', 'ConnectOptions', 'ConnectionFaultCode', 'ConnectionHandlers', 'ConnectionInfo', 'ConnectionOptions', 'ConnectionState', 'DialFailureCode', 'ExtensionOffer', 'HandshakeRequest', 'HandshakeStage', 'ListenOptions', 'Message', 'OriginPolicy', 'PathPattern', 'PendingUpgrade', 'PingOptions', 'ReconnectClock', 'ReconnectHandlers', 'ReconnectOptions', 'ReconnectionState', 'RefusalCode', 'SendOptions', 'SendOutcome', 'ServerHandlers', 'ServerOptions', 'ShutdownOptions', 'UpgradeAnswer', 'UpgradeRequest', 'ViolationCode'],
  },
  './protocol': {
    values: ['CloseCode', 'CompressionBudget', 'DeflateCodec', 'Endpoint', 'EndpointState', 'FrameParser', 'HandshakeError', 'HttpHeadParser', 'MemoryBudget', 'Opcode', 'ProtocolError', 'Utf8Validator', 'acceptDeflate', 'acceptRequest', 'buildRequest', 'checkOriginPolicy', 'computeAccept', 'confirmDeflate', 'defaultHeadLimits', 'deflateRefusals', 'formatExtensions', 'formatHead', 'formatRefusal', 'frameHeaderSize', 'generateKey', 'isAllowedOrigin', 'isControl', 'isKey', 'isKnownOpcode', 'isValidUtf8', 'isWireCloseCode', 'offerDeflate', 'parseClosePayload', 'parseExtensions', 'parseTarget', 'processCompressionBudget', 'processMemoryBudget', 'refusals', 'selectSubprotocol', 'serializeClosePayload', 'serializeFrame', 'verifyRequest', 'verifyResponse', 'violations', 'writeFrameHeader'],
    types: ['Acceptance', 'AcceptedRequest', 'ByteSink', 'CodecSettings', 'DeflateAcceptance', 'DeflateConfig', 'DeflateParams', 'DeflateRefusalCode', 'Direction', 'EndpointEvents', 'EndpointOptions', 'ExpectedResponse', 'ExtensionOffer', 'FrameHandler', 'FrameInit', 'HandshakeRequest', 'HandshakeStage', 'HeadLimits', 'HttpHead', 'HttpRequestHead', 'HttpResponseHead', 'Limits', 'MessageCodec', 'OriginPolicy', 'RefusalCode', 'RequestOptions', 'Role', 'UpgradeRequest', 'VerifiedResponse', 'Violation', 'ViolationCode', 'WebSocketTarget'],
  },
  './4d': {
    values: ['FourDError', 'WebServer', 'WebSocket', 'WebSocketConnection', 'WebSocketServer', 'fourDErrors', 'webServer'],
    types: ['ClientTerminateEvent', 'ConnectionEvent', 'ConnectionHandler', 'ConnectionRequest', 'ConnectionStatus', 'DataOf', 'DataType', 'Done', 'ErrorEvent', 'FourDErrorName', 'MessageEvent', 'OpenEvent', 'Sendable', 'ServerTerminateEvent', 'Status', 'TerminateEvent', 'TerminateOptions', 'TextsByKey', 'WSSHandler', 'WebServerSettings', 'WebSocketHandler', 'WebSocketOptions', 'WebSocketServerOptions'],
  },
  './conformance': {
    values: ['Driver', 'allCases', 'baselineOf', 'casesFor', 'differences', 'runClientCases', 'runServerCases', 'titles', 'writeReports'],
    types: ['Baseline', 'Behavior', 'BehaviorClose', 'Case', 'CaseResult', 'Check', 'ClientRunOptions', 'DriverAddress', 'DriverOptions', 'Event', 'Expectation', 'Kind', 'Level', 'Observation', 'Role', 'RunOptions', 'ServerRunOptions', 'Step', 'TimelineEntry'],
  },
  './plugin': {
    values: ['WebsocketEventType', 'clearAll', 'events', 'methods', 'websocketClient', 'websocketClientClear', 'websocketClientSend', 'websocketClientStart', 'websocketClientStop', 'websocketGetMethod', 'websocketServer', 'websocketServerClear', 'websocketServerSend', 'websocketServerStart', 'websocketServerStop', 'websocketSetMethod'],
    types: ['PluginEvents', 'PluginMethod', 'SendStatus', 'SetMethodOptions', 'WebsocketClientInfo', 'WebsocketClientOptions', 'WebsocketClientStart', 'WebsocketClientStatus', 'WebsocketClientStop', 'WebsocketClose', 'WebsocketError', 'WebsocketEvent', 'WebsocketIdentity', 'WebsocketMessage', 'WebsocketOpen', 'WebsocketServerConnection', 'WebsocketServerInfo', 'WebsocketServerOptions', 'WebsocketServerSend', 'WebsocketServerSendStatus', 'WebsocketServerStatus', 'WebsocketTlsOptions'],
  },
  './plugin-v1': {
    values: ['clearAll', 'events', 'methods', 'websocketClient', 'websocketClientClear', 'websocketClientMessages', 'websocketClientSend', 'websocketClientStart', 'websocketClientStop', 'websocketServer', 'websocketServerClear', 'websocketServerClients', 'websocketServerMessages', 'websocketServerSend', 'websocketServerStart', 'websocketServerStop'],
    types: ['PluginEvents', 'PluginMethod', 'SendStatus', 'WebsocketClient', 'WebsocketClientOptions', 'WebsocketClientStatus', 'WebsocketCloseContext', 'WebsocketContext', 'WebsocketDataContext', 'WebsocketDeflateOptions', 'WebsocketErrorContext', 'WebsocketEventType', 'WebsocketMethodOptions', 'WebsocketOpenContext', 'WebsocketServer', 'WebsocketServerOptions', 'WebsocketServerSendStatus', 'WebsocketServerStatus', 'WebsocketWaitingEvent'],
  },

