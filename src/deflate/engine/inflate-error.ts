/** The error of our decompressor. The codec turns its reason into the close code; see RFC 6455 §7.4.1 and docs/errors.md. */

/** 'corrupt': not DEFLATE, or cut off. 'too-big': more output than allowed. 'no-output': too much input without output. */
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
