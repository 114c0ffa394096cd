/** What a parser finds, and who receives it: RFC 6455 §5.2. */

/** Where the parser delivers. Any of the calls may throw a `ProtocolError` or call `stop()`. */
export interface FrameHandler {
  /**
   * The length of a frame whose masking key has not arrived yet: one that is too big is refused here, not held until then.
   * Called only if a chunk ends inside the key, and then before each further byte of it.
   */
  onFrameLength(rsv1: boolean, opcode: number, length: number): void;
  /**
   * A header that is legal by itself. §10.4: it is announced before any of its payload is looked at, so that a frame
   * that is too big, or out of sequence, is refused here.
   */
  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void;
  /**
   * The next bytes of that frame's payload, unmasked: `buffer[start, end)`, `last` when no more follow. Each frame has
   * at least one such call, a control frame exactly one. The bytes alias the chunk that was pushed.
   */
  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void;
}

/** Takes the shorter ways through the parser, whose results are those of `FrameHandler`. */
export interface FastFrameHandler extends FrameHandler {
  /** Whether `onShortText` may be called now: no message is at hand, and texts of up to 125 bytes are wanted as strings. */
  readonly takesShortTexts: boolean;
  /** A whole text message in one frame, decoded. Its characters are ASCII, so their number is its size in bytes. */
  onShortText(text: string): void;
  /** Whether `onMaskedPayload` may be called for the frame at hand. */
  readonly takesMasked: boolean;
  /**
   * As `onFramePayload`, still masked, to be unmasked while it is copied.
   * @param key the masking key of its first byte, see mask.ts
   */
  onMaskedPayload(buffer: Buffer, start: number, end: number, last: boolean, key: number): void;
}
