/** The interfaces with which the parser reports frames: RFC 6455 §5.2. */

/** Receives frames from the parser. Each method may throw a `ProtocolError`, and may call `stop()` of the parser. */
export interface FrameHandler {
  /**
   * Reports the length of a frame if a chunk ends inside the masking key. So a frame that is too big is refused before its key is complete.
   * May be called more than once for a frame.
   */
  onFrameLength(rsv1: boolean, opcode: number, length: number): void;
  /**
   * Reports a valid frame header. The parser calls this before it processes the frame's payload. So the handler can refuse a frame that is
   * too big (§10.4) or out of sequence (§5.4).
   */
  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void;
  /**
   * Reports the next bytes of the frame's payload, unmasked: `buffer[start, end)`. `last` is true for the last bytes of the frame. This is
   * called at least once for each frame, and exactly once for a control frame. The bytes are in the chunk that was passed to the parser.
   */
  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void;
}

/** A handler with additional, faster methods for common cases. They have the same effect as the methods of `FrameHandler`. */
export interface FastFrameHandler extends FrameHandler {
  /** True if `onShortText` may be called now: no message is unfinished, and several short texts may be decoded together. */
  readonly takesShortTexts: boolean;
  /** Reports a text message that is one frame, as a string. All its characters are ASCII, so its length is the payload size. */
  onShortText(text: string): void;
  /** True if `onMaskedPayload` may be called for the current frame. */
  readonly takesMasked: boolean;
  /**
   * Works like `onFramePayload`, but the payload is still masked. The handler can copy and unmask it in one step.
   * @param key the masking key for the first byte of the payload, see mask.ts
   */
  onMaskedPayload(buffer: Buffer, start: number, end: number, last: boolean, key: number): void;
}
