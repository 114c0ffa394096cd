/** The error of our decompressor. The codec turns its reason into the close code; see RFC 6455 §7.4.1 and docs/errors.md. */

/** 'corrupt': the input is not DEFLATE, or is cut off. 'too-big': there is too much output. 'no-output': too much input gave no output. */
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
