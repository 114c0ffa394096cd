/** The calls through which a parser delivers frames: RFC 6455 §5.2. */

/** Receives frames from the parser. Any of the calls may throw a `ProtocolError` or call `stop()`. */
export interface FrameHandler {
  /**
   * The length of a frame whose masking key has not arrived completely: a frame that is too big is refused now, not after the key.
   * Called if a chunk ends before the key is complete, and again for each further chunk that does not complete it.
   */
  onFrameLength(rsv1: boolean, opcode: number, length: number): void;
  /**
   * A header that breaks no rule by itself. §10.4: it is reported before any of its payload is processed, so that a frame
   * that is too big, or out of sequence, is refused here.
   */
  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void;
  /**
   * The next bytes of that frame's payload, unmasked: `buffer[start, end)`, `last` when no more follow. Each frame has
   * at least one such call, a control frame exactly one. The bytes alias the chunk that was pushed.
   */
  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void;
}

/** A handler with shortcuts through the parser. Their results are the same as those of `FrameHandler`. */
export interface FastFrameHandler extends FrameHandler {
  /** Whether `onShortText` may be called now: no message is unfinished, and texts of up to 125 bytes are wanted as strings. */
  readonly takesShortTexts: boolean;
  /** A whole text message in one frame, decoded. Its characters are ASCII, so their number is its size in bytes. */
  onShortText(text: string): void;
  /** Whether `onMaskedPayload` may be called for the current frame. */
  readonly takesMasked: boolean;
  /**
   * The same as `onFramePayload`, but the payload is still masked: the handler unmasks it while it copies it.
   * @param key the masking key for its first byte, see mask.ts
   */
  onMaskedPayload(buffer: Buffer, start: number, end: number, last: boolean, key: number): void;
}
