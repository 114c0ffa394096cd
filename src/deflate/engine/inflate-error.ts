/** How inflating fails. The codec turns the reason into the close code; see RFC 6455 §7.4.1 and docs/errors.md. */

/** 'corrupt': not DEFLATE, or cut short. 'too-big': more output than allowed. 'no-output': much input for nothing. */
export type InflateReason = 'corrupt' | 'too-big' | 'no-output';

/** Thrown by `inflate` for what a peer sent. */
export class InflateError extends Error {
  readonly reason: InflateReason;

  constructor(reason: InflateReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
InflateError.prototype.name = 'InflateError';
