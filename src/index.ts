/** Exports the native API: WebSocket servers and clients, as `rfc6455`. */

// The declaration file of this module uses Buffer and node:stream, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export type { Backoff } from './api/backoff.ts';
export type { BroadcastOptions } from './api/broadcast-options.ts';
export { connect } from './api/client.ts';
export type { CloseInfo } from './api/close-info.ts';
export type { ConnectOptions } from './api/connect-options.ts';
export { Connection, type ConnectionState } from './api/connection.ts';
export type { ConnectionInfo } from './api/connection-core.ts';
export type { DiagnosticsMessages } from './api/diagnostics.ts';
export { type ToDuplexOptions, toDuplex } from './api/duplex.ts';
export { Group } from './api/group.ts';
export type { ConnectionHandlers, MessageHandler, ReceivedMessage } from './api/handlers.ts';
export type { Message, SendCallback, SendOptions, SendStreamOptions, StreamSource } from './api/message.ts';
export { MessageStream } from './api/message-stream.ts';
export type { ConnectionOptions, HeartbeatOptions, PingOptions } from './api/options.ts';
export { Reconnection, type ReconnectionState, reconnect, type SendOutcome } from './api/reconnect.ts';
export type { ReconnectCause } from './api/reconnect-cause.ts';
export type {
  AttemptOptions,
  ReconnectClock,
  ReconnectHandlers,
  ReconnectOptions,
} from './api/reconnect-options.ts';
export { type HandleUpgradeOptions, WebSocketServer } from './api/server.ts';
export type { AcceptedAnswer, ServerHandlers } from './api/server-handlers.ts';
export type { ListenOptions, ServerOptions, ShutdownOptions } from './api/server-options.ts';
export { type Accept, Rejection, reject, type UpgradeAnswer } from './api/upgrade-answer.ts';
export type { WebSocketInit, WebSocketOptions } from './api/whatwg/arguments.ts';
export { WebSocket } from './api/whatwg/web-socket.ts';
export { CompressionBudget, processCompressionBudget } from './deflate/budget.ts';
export { CloseCode } from './frame/close-code.ts';
export { ConnectionError, type ConnectionFaultCode, connectionFaults } from './frame/connection-error.ts';
export { MemoryBudget, processMemoryBudget } from './frame/memory-budget.ts';
export { ProtocolError, type ViolationCode, violations } from './frame/violation.ts';
export { HandshakeError, type HandshakeStage, type RefusalCode, refusals } from './handshake/error.ts';
export type { ExtensionOffer } from './handshake/extension.ts';
export type { HeaderFieldsInit } from './handshake/header-fields.ts';
export type { OriginPolicy } from './handshake/origin.ts';
export type { HandshakeRequest, UpgradeRequest } from './handshake/upgrade-request.ts';
export type { CompressionOptions } from './transport/compression.ts';
export { type DialFailureCode, dialFailures } from './transport/dial-failure.ts';
export type { PathPattern } from './transport/path-pattern.ts';
export type { ServerRequest } from './transport/server-request.ts';
export type { PendingUpgrade } from './transport/upgrade-host.ts';
