/**
 * The error that our decompressor (inflate.ts) throws. inflate-small.ts converts it to a ProtocolError with a close code (RFC 6455 §7.4.1).
 */

/**
 * 'corrupt': the input is not valid DEFLATE data, or it is cut off. 'too-big': the output exceeds the limit. 'no-output': too many bytes of
 * input produced no output.
 */
export type InflateReason = 'corrupt' | 'too-big' | 'no-output';

/** Thrown by `inflate` if the peer's data is invalid. */
export class InflateError extends Error {
  readonly reason: InflateReason;

  constructor(reason: InflateReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
InflateError.prototype.name = 'InflateError';
