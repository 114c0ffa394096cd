/** The calls through which a parser delivers frames: RFC 6455 §5.2. */

/** Receives frames from the parser. Any of the calls may throw a `ProtocolError` or call `stop()`. */
export interface FrameHandler {
  /**
   * Reports the length of a frame before its masking key is complete. So a frame that is too big is refused at once. Called if a chunk ends
   * before the key is complete. May be called again for the same frame.
   */
  onFrameLength(rsv1: boolean, opcode: number, length: number): void;
  /**
   * Reports a header that breaks no rule by itself. §10.4: the parser calls this before it processes any payload of the frame. The handler
   * can refuse a frame that is too big or out of sequence.
   */
  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void;
  /**
   * Reports the next bytes of the frame's payload, unmasked: `buffer[start, end)`. `last` is true if no more bytes follow. Each frame has
   * at least one such call; a control frame has exactly one. The bytes alias the chunk that was pushed.
   */
  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void;
}

/** A handler with shortcuts: faster calls for common cases. A shortcut has the same result as the calls of `FrameHandler` it replaces. */
export interface FastFrameHandler extends FrameHandler {
  /** Whether `onShortText` may be called now: no message is unfinished, and the application wants short texts as strings. */
  readonly takesShortTexts: boolean;
  /** Reports a whole text message, which came in one frame, as a string. Its characters are ASCII, so their number is its size in bytes. */
  onShortText(text: string): void;
  /** Whether `onMaskedPayload` may be called for the current frame. */
  readonly takesMasked: boolean;
  /**
   * The same as `onFramePayload`, but the payload is still masked. The handler can unmask it while copying it.
   * @param key the masking key for its first byte, see mask.ts
   */
  onMaskedPayload(buffer: Buffer, start: number, end: number, last: boolean, key: number): void;
}
