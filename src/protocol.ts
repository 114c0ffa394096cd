/** Exports the protocol without sockets, as `rfc6455/protocol`: the frames, the state machine, and the opening handshake as text. */

// The declaration file of this module uses Buffer and node:stream, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export { acceptDeflate, type DeflateAcceptance } from './deflate/accept.ts';
export { CompressionBudget, processCompressionBudget } from './deflate/budget.ts';
export { type CodecSettings, DeflateCodec, type Direction } from './deflate/codec.ts';
export type { DeflateConfig } from './deflate/config.ts';
export { confirmDeflate } from './deflate/confirm.ts';
export { offerDeflate } from './deflate/offer.ts';
export type { DeflateParams } from './deflate/params.ts';
export { type DeflateRefusalCode, deflateRefusals } from './deflate/refusal.ts';
export { CloseCode, isWireCloseCode, parseClosePayload, serializeClosePayload } from './frame/close-code.ts';
export { Endpoint, EndpointState } from './frame/endpoint.ts';
export type { CloseRecord, EndpointEvents } from './frame/endpoint-events.ts';
export type { EndpointOptions, Limits, TextDelivery } from './frame/endpoint-options.ts';
export type { FastFrameHandler, FrameHandler } from './frame/frame-handler.ts';
export { MemoryBudget, processMemoryBudget } from './frame/memory-budget.ts';
export type { MessageCodec } from './frame/message-codec.ts';
export { isControl, isKnownOpcode, Opcode } from './frame/opcode.ts';
export type { Compressing, FrameOptions, StreamedMessage } from './frame/outgoing.ts';
export type { OutgoingStream } from './frame/outgoing-stream.ts';
export { FrameParser, type Role } from './frame/parser.ts';
export { type FrameInit, frameHeaderSize, serializeFrame, writeFrameHeader } from './frame/serializer.ts';
export type { ByteSink, SendCallback, SharedMemory } from './frame/sink.ts';
export { isValidUtf8, Utf8Validator } from './frame/utf8.ts';
export { ProtocolError, type Violation, type ViolationCode, violations } from './frame/violation.ts';
export {
  buildRequest,
  type ExpectedResponse,
  parseTarget,
  type RequestOptions,
  type VerifiedResponse,
  verifyResponse,
  type WebSocketTarget,
} from './handshake/client.ts';
export { HandshakeError, type HandshakeStage, type RefusalCode, refusals } from './handshake/error.ts';
export { type ExtensionOffer, formatExtensions, parseExtensions } from './handshake/extension.ts';
export {
  defaultHeadLimits,
  formatHead,
  type HeadLimits,
  type HttpHead,
  HttpHeadParser,
  type HttpRequestHead,
  type HttpResponseHead,
} from './handshake/http-head.ts';
export { computeAccept, generateKey, isKey } from './handshake/key.ts';
export { checkOriginPolicy, isAllowedOrigin, type OriginPolicy } from './handshake/origin.ts';
export { formatRefusal } from './handshake/refusal.ts';
export {
  type Acceptance,
  type AcceptedRequest,
  acceptRequest,
  selectSubprotocol,
  verifyRequest,
} from './handshake/server.ts';
export type { HandshakeRequest, UpgradeRequest } from './handshake/upgrade-request.ts';
